"""What models learned day after day is kept with the judgement, and a process that starts goes on from it."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from structlog.testing import capture_logs

from detectors.contract import State
from detectors.history import Day
from pipeline.learn.work import MODELS
from schemas.events import StateChange
from schemas.patterns import Pattern
from sinks.store import SqlStore
from tests.fixtures import runs
from tests.fixtures.runs import Run, SeenTwice, new_learner


class Chained(SeenTwice):
    """Learns a number that depends on every day and on their order."""

    builds_on: Sequence[str] = ()
    learned: list[date]
    number: int

    def __init__(self) -> None:
        self.learned = []
        self.resume(None)

    def learn_day(self, day: Day, found: Mapping[str, tuple[Pattern, ...]]) -> Collection[str]:
        del found
        self.learned.append(day.date)
        self.number = (31 * self.number + len(day.at_ms)) % 1_000_003
        return ()

    def state(self) -> State:
        return {"number": self.number}

    def resume(self, state: State | None) -> None:
        if state is not None and "number" not in state:
            raise ValueError(f"expected a number, got {state}")
        self.number = 1 if state is None else state["number"]


@pytest.fixture
def chained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every process that a test starts have a model."""
    monkeypatch.setattr(runs, "SeenTwice", Chained)


def _model(store: SqlStore) -> Any:
    stored = store.snapshot(MODELS)
    return json.loads(stored.payload)["time_of_day"] if stored else None


@pytest.mark.usefixtures("chained")
def test_a_kill_at_any_batch_changes_no_model(
    start: Callable[[], Run], changes: list[StateChange], tmp_path: Any
) -> None:
    """A day that was learned is not learned again, and none is left out."""
    steady = start()
    steady.deliver(changes)
    steady.rest()
    expected = _model(steady.store)
    assert len(expected["days"]) >= 3
    killed = Run(SqlStore(f"sqlite:///{tmp_path / 'killed.db'}"), steady.learner)
    killed.store.migrate()
    killed = Run(killed.store, new_learner(killed.store))
    learned: list[date] = []
    for first in range(0, len(changes), 40):
        killed.deliver(changes[first : first + 40])
        killed.rest()
        detector = killed.learner.core.detectors[0]
        assert isinstance(detector, Chained)
        learned += detector.learned
        killed = killed.killed()
    assert _model(killed.store) == expected
    assert learned == sorted(set(learned))


@pytest.mark.usefixtures("chained")
def test_a_state_of_another_version_is_said_and_learned_anew(
    start: Callable[[], Run], changes: list[StateChange]
) -> None:
    """The days are there still: nothing is lost but what lies before them."""
    process = start()
    process.deliver(changes)
    process.rest()
    expected = process.store.snapshot(MODELS)
    assert expected is not None
    with process.store.begin() as transaction:
        other = expected.payload.replace(b"number", b"figure")
        transaction.save_snapshot(MODELS, other, version=expected.version, applied_seq=0)
    with capture_logs() as logs:
        after = process.killed()
    assert [(each["event"], each["kind"]) for each in logs if each.get("kind")] == [
        ("a model is learned anew from the days that are judged", "time_of_day")
    ]
    after.rest()
    assert after.store.snapshot(MODELS) == expected
