"""A process that is killed while it commits leaves whole transactions, and all that it confirmed."""

import multiprocessing
import os
import random
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from sqlalchemy import event

from schemas.events import StateChange
from schemas.outgoing import Outgoing
from sinks.store import Held, SqlStore, Transaction, day_sets
from sinks.store.start import make_whole

ENTRIES = 20
DAY = date(2026, 3, 1)
FORK = multiprocessing.get_context("fork")
Confirm = Callable[[int], None]


def commit(store: SqlStore, number: int) -> None:
    """Write one batch into five tables."""
    changes = [StateChange(number * ENTRIES + n, "light.a", None, "on") for n in range(ENTRIES)]
    with store.begin() as transaction:
        assert len(transaction.unseen([change.key for change in changes])) == ENTRIES
        last = transaction.journal([(change.key, change) for change in changes], number)
        transaction.save_day(
            DAY, str(number).encode(), events=number, sealed=False, at_us=number, applied_seq=0
        )
        transaction.save_aggregates(DAY, f"d{number}", {"n": {"n": 1}})
        transaction.enqueue([Outgoing(str(number), "t", b"x")], number)
        transaction.save_snapshot("n", bytes(3000), version=number, applied_seq=last)


def path_of(url: str) -> Path:
    """The store's file."""
    return Path(url.removeprefix("sqlite:///"))


def batches(url: str) -> int:
    """Return how many batches the database holds; it must be sound, and each of them whole."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (aggregates,) = connection.execute("SELECT count(*) FROM day_aggregates").fetchone()
    with closing(SqlStore(url)) as store:
        entries = [event.at_us for _, event in store.journal_after()]
        assert entries == list(range(aggregates * ENTRIES))
        assert [message.id for message in store.pending(1000)] == [str(n) for n in range(aggregates)]
        day, snapshot = day_sets.day_set(store, DAY), store.snapshot("n")
        if aggregates:
            assert day is not None
            assert snapshot is not None
            assert day.packed == str(aggregates - 1).encode()
            assert snapshot.applied_seq == len(entries)
        else:
            assert (day, snapshot) == (None, None)
    return int(aggregates)


def run(work: Callable[[Confirm], None]) -> Iterator[int]:
    """Run `work` in a process of its own; yield what it confirms, and kill it when the caller has enough."""
    receiver, sender = FORK.Pipe(duplex=False)

    def child(confirmations: Connection) -> None:
        work(confirmations.send)
        os.kill(os.getpid(), signal.SIGKILL)

    process = FORK.Process(target=child, args=(sender,))
    process.start()
    sender.close()
    try:
        while True:
            yield receiver.recv()
    except EOFError:
        return
    finally:
        process.kill()
        process.join(10)
        receiver.close()


def keeps_whole_batches(kind: type[SqlStore], url: str) -> int:
    """Kill the process before each statement of the second batch; return how many there are."""
    with closing(kind(url)) as store:
        store.migrate()
        commit(store, 0)
    for statement in range(1, 100):

        def work(confirm: Confirm, statement: int = statement) -> None:
            store = kind(url)
            commands = iter(range(1, 1000))

            def step(*_: object) -> None:
                if next(commands) == statement:
                    os.kill(os.getpid(), signal.SIGKILL)

            event.listen(store._database.engine, "before_cursor_execute", step)
            event.listen(store._database.engine, "commit", step)
            commit(store, 1)
            confirm(1)

        confirmed = list(run(work))
        assert batches(url) == 1 + len(confirmed)
        if confirmed:
            return statement
    raise AssertionError("expected the batch to be written at last")


class Piecemeal(SqlStore):
    """Commits every write for itself."""

    @contextmanager
    def begin(self, *, holder: Held | None = None) -> Iterator[Transaction]:
        store = self

        class Each(Transaction):
            def __getattribute__(self, name: str) -> object:
                def write(*args: object, **named: object) -> object:
                    with SqlStore.begin(store, holder=holder) as transaction:
                        return getattr(transaction, name)(*args, **named)

                return write

        yield Each.__new__(Each)


def test_a_kill_at_any_statement_leaves_whole_batches(sqlite_url: str) -> None:
    """Before the kill at the commit nothing of the batch is there, after it everything."""
    assert keeps_whole_batches(SqlStore, sqlite_url) > 8


def test_the_law_rejects_a_store_that_commits_piecemeal(sqlite_url: str) -> None:
    """A store that commits every write for itself leaves half a batch at some statement."""
    with pytest.raises(AssertionError, match="assert"):
        keeps_whole_batches(Piecemeal, sqlite_url)


@pytest.mark.drill
def test_kills_at_any_moment_lose_nothing_confirmed(sqlite_url: str) -> None:
    """Thirty processes, each killed at a random moment of its work, lose no batch that they confirmed.

    No start after a kill takes it for damage.
    """
    seeded = random.Random(1)
    with closing(SqlStore(sqlite_url)) as store:
        store.migrate()
    held = 0
    for _ in range(30):

        def work(confirm: Confirm, first: int = held) -> None:
            store = SqlStore(sqlite_url)
            store.migrate()
            for number in range(first, first + 1000):
                commit(store, number)
                confirm(number)

        confirmations = run(work)
        wanted = seeded.randint(1, 5)
        confirmed = [next(confirmations) for _ in range(wanted)]
        confirmations.close()  # type: ignore[attr-defined]
        assert confirmed == list(range(held, held + wanted))
        assert make_whole(path_of(sqlite_url), lambda _folder: None, home="home", now_us=1) == []
        held = batches(sqlite_url)
        assert held > confirmed[-1]
