"""A fault at each single step of the commit path: every SQL statement, every commit, every await."""

import asyncio
import sqlite3
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from pipeline.health import Health, Metrics
from pipeline.learn import committer as module
from pipeline.learn.committer import Committer
from pipeline.mqtt.intake import Intake
from schemas.events import StateChange
from sinks.store import SqlStore, StoreThread
from tests.fixtures.runs import Delivered, Kept, Run, new_learner, state_changes

# Days that are closed and judged, so that each kind of write is among the steps.
CHANGES = state_changes(3)
BATCH = 12


class Killed(BaseException):
    """The process is gone."""


def failing_disk() -> Exception:
    """What SQLAlchemy raises when the disk fails."""
    cause = sqlite3.OperationalError("disk I/O error")
    cause.sqlite_errorname = "SQLITE_IOERR_WRITE"
    return OperationalError("COMMIT", {}, cause)


@dataclass
class Steps:
    """Counts steps, and raises at one of them.

    Parameters
    ----------
    fault
        Makes what is raised.
    at
        The number of the step; 0 raises nothing.
    """

    fault: Callable[[], BaseException]
    at: int = 0
    taken: int = 0

    def take(self, *_: object) -> None:
        """Count a step."""
        self.taken += 1
        if self.taken == self.at:
            raise self.fault()


class Interrupted:
    """A coroutine at whose n-th suspension the process dies."""

    def __init__(self, coroutine: Any, steps: Steps) -> None:
        self._coroutine = coroutine
        self._steps = steps

    def __await__(self) -> Generator[Any, Any, Any]:
        """Run it, one suspension a step."""
        inner = self._coroutine.__await__()
        try:
            waited_for = next(inner)
            while True:
                try:
                    self._steps.take()
                    yield waited_for
                except BaseException as error:  # noqa: BLE001 what was waited for may fail, as may a step
                    waited_for = inner.throw(error)
                else:
                    waited_for = next(inner)
        except StopIteration as end:
            return end.value


async def commit_all(run: Run, waiting: list[StateChange], awaits: Steps) -> list[StateChange]:
    """Give the commit loop all that waits at the broker; return what it did not acknowledge."""
    acknowledged: list[bytes] = []
    intake = Intake()
    delivered = [Delivered(change, acknowledged) for change in waiting]
    for each in delivered:
        await intake.put(each)  # type: ignore[arg-type]
    with StoreThread() as thread:
        committer = Committer(
            intake,
            run.learner,
            held=None,
            thread=thread,
            health=Health(),
            metrics=Metrics(),
            outbox_filled=asyncio.Event(),
            batch_size=BATCH,
            linger_s=0.0,
        )
        committer.stop()
        try:
            await Interrupted(committer.run(), awaits)
        except Killed:
            # What its thread was at is done before anybody takes its memory for that of a living process.
            thread.stop()
            run.learner.core.watermark_ms = -1  # whoever goes on with a dead process's memory is found out
    return [
        change
        for change, each in zip(waiting, delivered, strict=True)
        if each.raw_message.payload not in acknowledged
    ]


def through(folder: Path, statements: Steps, awaits: Steps) -> Kept:
    """What a store holds when all was delivered, through one fault at a step of the first process."""
    store = SqlStore(f"sqlite:///{folder / 'ha-ai.db'}")
    store.migrate()
    run = Run(store, new_learner(store))
    engine = store._database.engine
    for name in ("before_cursor_execute", "commit"):
        event.listen(engine, name, statements.take)
    waiting = asyncio.run(commit_all(run, CHANGES, awaits))
    for name in ("before_cursor_execute", "commit"):
        event.remove(engine, name, statements.take)
    run = run.killed()
    asyncio.run(commit_all(run, waiting, Steps(Killed)))
    run.rest()
    kept = run.kept()
    store.close()
    return kept


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """What a store holds when nothing fails."""
    return through(tmp_path_factory.mktemp("clean"), Steps(Killed), Steps(Killed))


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a store that comes back at once."""
    monkeypatch.setattr(module, "BACKOFF_S", (0.0,))
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)


def counted(folder: Path) -> tuple[int, int]:
    """How many SQL steps and how many awaits there are when nothing fails."""
    statements, awaits = Steps(Killed), Steps(Killed)
    through(folder, statements, awaits)
    return statements.taken, awaits.taken


def folders(tmp_path: Path, number: int) -> Iterator[tuple[int, Path]]:
    """Steps from the first to the last, each with a folder of its own."""
    for at in range(1, number + 1):
        folder = tmp_path / f"step{at}"
        folder.mkdir()
        yield at, folder


@pytest.mark.parametrize("fault", [Killed, failing_disk])
def test_a_fault_at_any_statement_loses_nothing(
    tmp_path: Path, clean: Kept, fault: Callable[[], BaseException]
) -> None:
    """Whether the process dies or the disk fails at a statement or a commit, the store comes out as ever."""
    number, _ = counted(tmp_path)
    assert number > 50
    steps = folders(tmp_path, number)
    assert [at for at, folder in steps if through(folder, Steps(fault, at), Steps(Killed)) != clean] == []


def test_a_kill_at_any_await_loses_nothing(tmp_path: Path, clean: Kept) -> None:
    """Whether the process dies between commit and acknowledgement or anywhere else, the same comes of it."""
    _, number = counted(tmp_path)
    assert number > 10
    steps = folders(tmp_path, number)
    assert [at for at, folder in steps if through(folder, Steps(Killed), Steps(Killed, at)) != clean] == []
