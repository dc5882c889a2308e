"""What becomes of each kind of row that is not as it was written."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from benchmarks.damage.home import fill_tables
from schemas.events import Gap, StateChange
from sinks.store import SqlStore, backup, day_sets
from sinks.store.mending import STORE_DAMAGED

NOW_US = 1_700_000_000_000_000
CHANGES = [StateChange(NOW_US + n * 60_000_000, "light.a", None, "on", f"c{n}") for n in range(5)]


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    """A store with rows in every table."""
    with closing(SqlStore(url)) as made:
        made.migrate()
        with made.begin() as transaction:
            transaction.journal([(change.key, change) for change in CHANGES], 1)
        fill_tables(made, NOW_US)
        yield made


def mend(store: SqlStore, statement: str, copy: Path | None = None) -> list[str]:
    """Do something to rows behind the store's back, mend them, and return what was said of it."""
    with store._database.writing() as connection:
        assert connection.exec_driver_sql(statement).rowcount > 0
    found = store.integrity.damages()
    assert found
    store.integrity.mend(found, copy=copy, now_us=NOW_US)
    assert store.integrity.damages() == []
    return [said.mended for said in store.integrity.notices()]


@pytest.mark.parametrize(
    "table", ["patterns", "anomalies", "outbox", "dead_letters", "quarantine", "feedback"]
)
def test_a_damaged_row_is_set_aside_with_its_content(store: SqlStore, table: str) -> None:
    """It leaves its table, and what it held is kept where a person can look at it."""
    column = {"outbox": "topic", "dead_letters": "reason", "quarantine": "reason"}.get(table, "id")
    key = f"(SELECT min({column}) FROM {table})"  # noqa: S608 our tables
    said = mend(store, f"UPDATE {table} SET {column} = 'worse' WHERE {column} = {key}")  # noqa: S608
    assert said
    assert all("its checksum is wrong" in words for words in said)
    with store._database.reading() as connection:
        contents = connection.exec_driver_sql("SELECT content FROM damaged").scalars().all()
    assert any(b"worse" in bytes(content) for content in contents)


def test_a_pattern_of_a_kind_that_is_not_known_ends_nothing(store: SqlStore) -> None:
    """A row that is whole and still none of this version is set aside too."""
    said = mend(
        store, "UPDATE patterns SET checksum = NULL, metadata = replace(metadata, 'time_of_day', 'x')"
    )
    assert all("its content cannot be read" in words for words in said)
    assert store.patterns() == []


def test_a_change_that_its_day_holds_is_dropped(store: SqlStore) -> None:
    """What a checkpoint has applied is in the day's set: only the row is gone, and there is no gap."""
    with store.begin() as transaction:
        transaction.save_snapshot("learning", b"{}", version=1, applied_seq=5)
    before = store.gaps()
    (words,) = mend(store, "UPDATE journal SET new = 'off' WHERE seq = 3")
    assert "its day holds it" in words
    assert store.gaps() == before


def test_a_change_that_is_lost_is_a_gap_around_it(store: SqlStore) -> None:
    """What no day holds yet is no miss of any habit."""
    (words,) = mend(store, "UPDATE journal SET at_us = 7 WHERE seq = 3")
    assert "a gap is kept around it" in words
    begin, end = CHANGES[1].at_us, CHANGES[3].at_us
    assert Gap(begin - 1_000_000, end + 1_000_000, STORE_DAMAGED) in store.gaps()


@pytest.mark.parametrize("value", ["'x'", "x'ff'", "CAST(x'ff' AS TEXT)", "1.5", "-1", "9223372036854775807"])
def test_changes_that_are_lost_side_by_side_are_one_gap_between_whole_ones(
    sqlite_url: str, value: str
) -> None:
    """What a damaged neighbour says of its time ends no start, and makes no gap of years."""
    with closing(SqlStore(sqlite_url)) as store:
        store.migrate()
        with store.begin() as transaction:
            transaction.journal([(change.key, change) for change in CHANGES], 1)
        said = mend(store, f"UPDATE journal SET at_us = {value} WHERE seq IN (2, 3, 4)")  # noqa: S608
        assert len(said) == 3
        begin, end = CHANGES[0].at_us, CHANGES[4].at_us
        assert store.gaps() == [Gap(begin - 1_000_000, end + 1_000_000, STORE_DAMAGED)]


def test_a_damaged_checkpoint_does_not_say_that_days_hold_a_change(store: SqlStore) -> None:
    """It may name any place in the journal: the change is lost, and a gap."""
    with store.begin() as transaction:
        transaction.save_snapshot("learning", b"{}", version=1, applied_seq=1)
    with store._database.writing() as connection:
        connection.exec_driver_sql("UPDATE snapshots SET applied_seq = 99 WHERE name = 'learning'")
    said = mend(store, "UPDATE journal SET new = 'off' WHERE seq = 3")
    assert any("a gap is kept around it" in words for words in said)


def test_learning_stays_off_where_nothing_tells_that_it_was_on(store: SqlStore) -> None:
    """What a person may have forbidden does not come on by itself; the other way round they see it."""
    said = mend(store, "UPDATE controls SET value = 'fals' WHERE name = 'learning'")
    assert store.suggestions.control("learning") is False
    assert any("until you switch it on" in words for words in said)


def test_the_end_of_the_audit_log_is_kept_anew(store: SqlStore) -> None:
    """What the log ends with is known again, so that what leaves it later shows."""
    mend(store, "UPDATE controls SET value = '[]' WHERE name = 'audit_end'")
    assert store.suggestions.audit_fault() is None


def test_the_audit_log_is_not_mended(store: SqlStore) -> None:
    """What its chain tells is said once, and its entries stay as they are."""
    with store._database.writing() as connection:
        connection.exec_driver_sql("UPDATE audit SET actor = 'Mallory' WHERE number = 2")
    for _ in range(2):
        store.integrity.look_at_audit(now_us=NOW_US)
    (said,) = store.integrity.notices()
    assert "entry 2 is not what was written" in said.mended
    assert len(store.suggestions.audit()) == 6


def test_a_nonce_stays_used(store: SqlStore) -> None:
    """Whatever of it is damaged, what it stands for does not count twice."""
    mend(store, "UPDATE nonces SET seen_us = 1 WHERE nonce = 'nonce-1'")
    assert store.suggestions.is_used("nonce-1")


def test_a_gap_of_plausible_length_stays_one(store: SqlStore) -> None:
    """Too long a gap only costs evidence; none would make misses."""
    gap = store.gaps()[0]
    mend(store, f"UPDATE gaps SET to_us = to_us + 5 WHERE from_us = {gap.from_us}")  # noqa: S608 a number
    assert Gap(gap.from_us, gap.to_us + 5, STORE_DAMAGED) in store.gaps()


def test_aggregates_are_made_anew_with_their_day(store: SqlStore) -> None:
    """The day is open again, so that the next close writes them."""
    with store._database.reading() as connection:
        day = connection.exec_driver_sql("SELECT max(day) FROM day_aggregates").scalar_one()
    day = day if not isinstance(day, str) else date.fromisoformat(day)
    with store.begin() as transaction:
        transaction.save_day(day, b"x", events=1, sealed=True, at_us=1, applied_seq=1)
    (words,) = mend(store, "UPDATE day_aggregates SET detector = 'x'")
    assert f"{day} is closed anew" in words
    assert [kept.sealed for kept in day_sets.days(store)] == [False]


def test_an_acknowledged_notice_is_not_told_again(store: SqlStore) -> None:
    """What is found later is."""
    mend(store, "UPDATE patterns SET status = 'worse'")
    assert store.integrity.acknowledge() == 4
    assert store.integrity.notices() == []
    mend(store, "UPDATE anomalies SET kind = 'worse'")
    assert len(store.integrity.notices()) == 4


@pytest.mark.parametrize(
    "table", ["suggestions", "deployments", "automation_versions", "feedback", "anomalies"]
)
def test_what_people_decided_comes_from_the_backup(sqlite_url: str, tmp_path: Path, table: str) -> None:
    """A damaged row is taken from the copy, also where its key is what is damaged."""
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with closing(SqlStore(sqlite_url)) as store:
        store.migrate()
        fill_tables(store, NOW_US)
        copy = backup.prepare(backup.take(path, tmp_path / "backups"), tmp_path / "copy.db")
        column = "suggestion_id" if table in {"deployments", "automation_versions"} else "id"
        with closing(sqlite3.connect(path)) as connection:
            before = connection.execute(f"SELECT {column} FROM {table} ORDER BY 1").fetchall()  # noqa: S608
        mend(store, f"UPDATE {table} SET {column} = 'worse' WHERE rowid = 1", copy)  # noqa: S608
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute(f"SELECT {column} FROM {table} ORDER BY 1").fetchall() == before  # noqa: S608
