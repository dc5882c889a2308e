"""A home that was learned by an older version goes on as if it had always been learned by this one."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, select

from pipeline.learn.work import SNAPSHOT
from schemas.events import Gap, StateChange
from sinks.store import SqlStore, backup, day_sets, migrations
from sinks.store.engine import Database
from tests.fixtures.runs import Kept, Run, new_learner

# What a downgrade or an upgrade may have to deal with: the two revisions before this one.
OLDER = migrations.REVISIONS[-3:-1]


def as_older(store: SqlStore, revision: str, path: Path) -> None:
    """Write what a store holds as a version of that revision kept it: its tables and columns alone."""
    with closing(Database(f"sqlite:///{path}", busy_timeout_s=1)) as older:
        with older.writing() as connection:
            migrations.upgrade(connection, revision)
            tables = MetaData()
            tables.reflect(connection)
        known, now = tables.tables, MetaData()
        with store._database.reading() as source:
            now.reflect(source)
            rows = {
                name: [
                    {column.name: row[column.name] for column in table.columns}
                    for row in source.execute(select(now.tables[name])).mappings()
                ]
                for name, table in known.items()
                if name not in ("alembic_version", "day_aggregates")
            }
        rows["day_aggregates"] = [*_as_rows(store)]
        with older.writing() as connection:
            for name, content in rows.items():
                if content:
                    connection.execute(known[name].insert(), content)


def _as_rows(store: SqlStore) -> Iterator[dict[str, Any]]:
    """Yield the aggregates as revisions before 0008 kept them, a row for each key."""
    for kept in day_sets.days(store):
        for detector, aggregates in day_sets.aggregates(store, kept.day).items():
            for key, aggregate in aggregates.items():
                text = json.dumps(aggregate, sort_keys=True, separators=(",", ":"))
                row = {"home": store.home, "day": kept.day, "detector": detector, "key": key}
                yield {**row, "aggregate": text}


@pytest.mark.parametrize("revision", OLDER)
@pytest.mark.parametrize("is_stopped", [True, False], ids=["stopped", "killed"])
@pytest.mark.parametrize("way", ["upgraded", "restored"])
def test_an_older_store_goes_on_exactly(
    start: Callable[[], Run],
    changes: list[StateChange],
    clean: Kept,
    tmp_path: Path,
    revision: str,
    way: str,
    *,
    is_stopped: bool,
) -> None:
    """In the midst of a day, with a journal that no checkpoint holds yet, and from its backup too."""
    process = start()
    half = len(changes) // 2 + 3
    process.deliver(changes[:half])
    process.judge_for()
    if is_stopped:
        process.write(process.learner.checkpoint())
    path = tmp_path / "older.db"
    as_older(process.store, revision, path)
    if way == "restored":
        copy = backup.take(path, tmp_path / "backups")
        assert backup.verify(copy).revision == revision
        path.write_bytes(b"")
        backup.restore(copy, path)
    with closing(SqlStore(f"sqlite:///{path}")) as store:
        store.migrate()
        upgraded = Run(store, new_learner(store))
        assert [*upgraded.learner.core.ledger.active] == [*process.killed().learner.core.ledger.active]
        upgraded.deliver(changes[half - 5 :])
        upgraded.rest()
        assert upgraded.kept() == clean
        assert store.integrity.damages() == []


def test_a_snapshot_with_statistics_is_read(
    start: Callable[[], Run], changes: list[StateChange], clean: Kept
) -> None:
    """A former version kept the mean of each numeric entity, which nobody read: its name is what counts."""
    process = start()
    half = len(changes) // 2 + 3
    process.deliver(changes[:half])
    process.write(process.learner.checkpoint())
    stored = process.store.snapshot(SNAPSHOT)
    assert stored is not None
    plain = json.loads(stored.payload)
    measured = plain.pop("measured")
    plain["baselines"] = {entity_id: [3.0, 20.5, 0.25] for entity_id in measured}
    with process.store.begin() as transaction:
        transaction.save_snapshot(
            SNAPSHOT,
            json.dumps(plain).encode(),
            version=stored.version,
            applied_seq=stored.applied_seq,
        )
    after = process.killed()
    assert after.learner.core.entities.measured() == measured != []
    after.deliver(changes[half - 5 :])
    after.rest()
    assert after.kept() == clean


def without_snapshot(process: Run) -> Run:
    """The next process, which cannot read the snapshot: a later version wrote it."""
    stored = process.store.snapshot(SNAPSHOT)
    assert stored is not None
    with process.store.begin() as transaction:
        transaction.save_snapshot(SNAPSHOT, b"{}", version=stored.version + 1, applied_seq=0)
    return process.killed()


def test_a_snapshot_of_another_version_counts_nothing_twice(
    start: Callable[[], Run], changes: list[StateChange], clean: Kept
) -> None:
    """All of the journal is read again: what the kept days hold already, to the last number, is left out."""
    process = start()
    numbers = [place for place, change in enumerate(changes, 1) if change.entity_id.startswith("sensor.")]
    half = next(place for place in numbers if place > len(changes) // 2)
    process.deliver(changes[:half])
    process.write(process.learner.checkpoint())
    after = without_snapshot(process)
    after.deliver(changes[half - 5 :])
    after.rest()
    assert after.kept() == clean


def test_a_late_number_counts_once_without_a_snapshot(
    start: Callable[[], Run], changes: list[StateChange], clean: Kept
) -> None:
    """The day that it reopened holds it, and says so, though it was sealed and is not at hand any more."""
    late = next(change for change in changes if change.entity_id.startswith("sensor."))
    process = start()
    process.deliver([change for change in changes if change is not late])
    process.rest()
    process.deliver([late])
    process.rest()
    after = without_snapshot(process)
    after.rest()
    assert after.kept() == clean


def test_what_came_after_a_backup_is_a_gap(
    start: Callable[[], Run], changes: list[StateChange], tmp_path: Path
) -> None:
    """A restored home was out of sight from the last that its backup tells of to the first that comes."""
    process = start()
    process.deliver(changes[:30])
    path = tmp_path / "0.db"
    copy = backup.take(path, tmp_path / "backups")
    process.deliver(changes[30:60])
    process.store.close()
    backup.restore(copy, path)
    process.store.migrate()
    after = process.killed()
    assert after.learner.gaps.loss == (changes[29].at_us, "restored", changes[29].at_us)
    after.learner.gaps.connected(changes[60].at_us + 1, resumed=True)
    after.deliver(changes[60:])
    expected = Gap(changes[29].at_us, changes[60].at_us, "restored")
    assert after.store.gaps() == [expected]
    assert expected in after.learner.core.gaps
    assert after.store.counts()["journal"] == 30 + len(changes) - 60
