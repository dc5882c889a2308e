"""Every row is summed as it is read back, on every database, and any change of it shows."""

from contextlib import closing
from datetime import date

import pytest
from sqlalchemy import text

from benchmarks.damage.home import fill_tables
from schemas.events import Gap, StateChange
from sinks.store import SqlStore
from sinks.store.checksums import CHECKED, CHECKSUM, UNCOVERED, is_whole
from sinks.store.integrity import damages, rows_of

CHANGES = [
    StateChange(n, f"light.ü{n}", None, "on", f"c{n}", attributes=(("brightness", 1.5),)) for n in range(5)
]


def filled(url: str) -> SqlStore:
    """A store with rows in every table that has checksums."""
    store = SqlStore(url)
    store.migrate()
    with store.begin() as transaction:
        transaction.journal([(change.key, change) for change in CHANGES], 1)
        transaction.save_day(date(2026, 3, 1), b"x" * 300, events=1, sealed=True, at_us=1, applied_seq=5)
    fill_tables(store, 1_700_000_000_000_000)
    return store


def test_rows_are_whole_as_they_are_read_back(url: str) -> None:
    """What is written through the store is whole on SQLite and PostgreSQL, also what was written twice."""
    with closing(filled(url)) as store:
        with store.begin() as transaction:
            transaction.note_gaps([Gap(5, 9, "broker")])
            transaction.note_gaps([Gap(5, 7, "broker"), Gap(5, 20, "broker")])
            kept = transaction.suggestions.get(store.suggestions.all()[0].id)
            assert kept is not None
            assert transaction.suggestions.replace(kept.suggestion, changes=kept.changes)
            before = store.suggestions.deployments()[0]
            assert transaction.suggestions.deploy(before._replace(attempts=3), instead_of=before)
        store.sent([message.id for message in store.pending(2)], 5)
        assert list(damages(store._database)) == []
        with store._database.reading() as connection:
            for table in CHECKED:
                unsummed = f"SELECT count(*), count({CHECKSUM}) FROM {table.name}"  # noqa: S608 our tables
                rows, summed = connection.execute(text(unsummed)).one()
                assert (table.name, rows) == (table.name, summed)
                assert rows > 0


def test_any_change_of_a_covered_value_shows(sqlite_url: str) -> None:
    """Each value of each row is covered, but for those that the store itself changes later."""
    with closing(filled(sqlite_url)) as store:
        for table in CHECKED:
            _, row = next(rows_of(store._database, table))
            for column in table.columns:
                if column.name not in UNCOVERED:
                    for worse in (None, f"{row[column.name]}x", b"x", 7):
                        changed = worse != row[column.name]
                        assert changed != is_whole(table, {**row, column.name: worse}), column


@pytest.mark.parametrize("content", ["\ud83d", "x" * 100_000, "\x00"])
def test_text_that_is_hard_to_keep_is_summed_as_it_is_kept(url: str, content: str) -> None:
    """What the store makes of a text before it keeps it is what is summed."""
    with closing(SqlStore(url)) as store:
        store.migrate()
        with store.begin() as transaction:
            transaction.suggestions.use_nonce(content, 1)
        assert list(damages(store._database)) == []
