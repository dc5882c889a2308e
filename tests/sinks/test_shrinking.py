"""A file gives back what was deleted from it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from schemas.outgoing import Outgoing
from sinks.store import SqlStore, StoreUnavailableError, retention, shrinking

MESSAGES, BYTES = 200, 250_000
NOW_US = 1_780_315_200_000_000


def fill(store: SqlStore) -> None:
    """Have 50 MB of messages that were sent long ago."""
    names = [str(number) for number in range(MESSAGES)]
    with store.begin() as transaction:
        transaction.enqueue([Outgoing(name, "t", bytes(BYTES)) for name in names], 0)
    store.sent(names, 0)


def size(path: Path) -> int:
    """Return how much room the store takes, with its log."""
    return sum(each.stat().st_size for each in path.parent.iterdir())


def free_pages(store: SqlStore) -> int:
    """Return how many pages hold nothing."""
    with store._database.reading() as connection:
        return int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())


@pytest.mark.parametrize("is_old", [False, True])
def test_the_file_shrinks_after_pruning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_old: bool
) -> None:
    """50 MB that were pruned are on the disk again, in a new file and in one of an older version."""
    path = tmp_path / "store.db"
    monkeypatch.setattr(retention, "OUTBOX_ROWS", 1)
    store = SqlStore(f"sqlite:///{path}")
    store.migrate()
    if is_old:
        store.close()
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA auto_vacuum = NONE")
            connection.execute("VACUUM")
            assert connection.execute("PRAGMA auto_vacuum").fetchone() == (0,)
        store.migrate()
    fill(store)
    assert size(path) > MESSAGES * BYTES
    for _ in range(20):
        store.prune(now_us=NOW_US)
        if size(path) < 6_000_000:
            break
    assert size(path) < 6_000_000
    assert (tmp_path / "store.db-wal").stat().st_size == 0
    with store._database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_a_step_gives_back_all_its_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine: each transaction gives back as many pages as it says, and not one."""
    path = tmp_path / "store.db"
    monkeypatch.setattr(retention, "OUTBOX_ROWS", 1)
    # The first look at the clock is before the only step, the second after it.
    looks = iter([0.0, 0.5])
    monkeypatch.setattr(shrinking, "monotonic", lambda: next(looks, 2.0))
    with closing(SqlStore(f"sqlite:///{path}")) as store:
        store.migrate()
        fill(store)
        retention.prune(store._database, "home", NOW_US)
        before = free_pages(store)
        shrinking.shrink(store._database)
        assert before - free_pages(store) == shrinking.PAGES_A_STEP


def test_a_reader_keeps_nobody_waiting(tmp_path: Path) -> None:
    """While somebody reads, the log stays as it is, and a writer elsewhere makes it a matter for later."""
    path = tmp_path / "store.db"
    store = SqlStore(f"sqlite:///{path}", busy_timeout_s=0.1)
    store.migrate()
    fill(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM outbox").fetchone()
        store.prune(now_us=NOW_US)
        other.execute("ROLLBACK")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError):
            store.prune(now_us=NOW_US)
