"""A store of any earlier revision comes to the newest one with all its rows; a newer one is refused."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, inspect, text

from schemas.events import Gap, StateChange
from schemas.tables import METADATA
from sinks.store import NewerStoreError, SqlStore, day_sets, migrations
from sinks.store.engine import Database

Rows = dict[str, list[tuple[Any, ...]]]
EARLIER = migrations.REVISIONS[:-1]
ROWS = 3
# What a revision says in other columns, as its own tests hold; a checksum of before says nothing then.
SAID_ANEW = {"0007": {"deployments": {"detail", "checksum"}}}
VALUES: dict[type, Callable[[int], object]] = {
    bool: lambda n: n % 2 == 0,
    bytes: lambda n: bytes([n, 0, 255]),
    date: lambda n: date(2026, 1, n + 1),
    float: lambda n: n + 0.25,
    int: lambda n: n,
    str: lambda n: f"ü{n}",
}


def make(database: Database, revision: str) -> None:
    """Make a store of that revision with some rows in every table."""
    with database.writing() as connection:
        migrations.upgrade(connection, revision)
        tables = MetaData()
        tables.reflect(connection)
        for name, table in tables.tables.items():
            if name == "alembic_version":
                continue
            for number in range(ROWS):
                row = {column.name: value(column, number) for column in table.columns}
                if "aggregate" in row:
                    row |= {"aggregate": json.dumps({"n": number}), "checksum": None}
                known = {name: content for name, content in row.items() if name in table.columns}
                connection.execute(table.insert(), {**known, "home": "home"})


def value(column: Column[Any], number: int) -> object:
    """Return a value that fits the column, and another one for another number."""
    if isinstance(column.type, BigInteger):
        return 1_700_000_000_000_000 + number
    return VALUES[column.type.python_type](number)


def rows(database: Database, like: Rows | None = None) -> Rows:
    """Return all rows of all tables, or of those that `like` has, with their columns' names as the first."""
    with database.reading() as connection:
        tables = MetaData()
        tables.reflect(connection)
        found = {}
        for name in like or tables.tables:
            columns = tables.tables[name].columns.keys() if like is None else like[name][0]
            selected = connection.execute(
                text(f"SELECT {', '.join(columns)} FROM {name} ORDER BY {', '.join(columns[:4])}")  # noqa: S608
            )
            found[name] = [tuple(columns), *map(tuple, selected)]
        return found


def keeps_all_rows(url: str, revision: str) -> None:
    """After the upgrade every row of the earlier revision is there, and the store works."""
    with closing(Database(url, busy_timeout_s=1)) as database:
        make(database, revision)
        before = lasting(rows(database), revision)
        before.pop("alembic_version")
        assert {len(found) for found in before.values()} == {ROWS + 1}
        store = SqlStore(url)
        store.migrate()
        # Of these a revision makes others, which hold the same.
        before.pop("day_aggregates")
        # The store's own count of commits belongs to no home, and begins with it.
        kept = {
            name: [row for row in found if row[0] != ""] for name, found in rows(database, before).items()
        }
        assert kept == before
        of_days = [day_sets.aggregates(store, date(2026, 1, number + 1)) for number in range(ROWS)]
        assert of_days == [{f"ü{number}": {f"ü{number}": {"n": number}}} for number in range(ROWS)]
        with database.reading() as connection:
            assert migrations.revision(connection) == migrations.HEAD
            assert differences(connection, METADATA) == []
        change = StateChange(1, "light.a", None, "on")
        with store.begin() as transaction:
            transaction.journal([(change.key, change)], 1)
            transaction.note_gaps([Gap(1, 2, "restart")])
        assert (store.counts()["journal"], store.gaps()[0]) == (ROWS + 1, Gap(1, 2, "restart"))
        store.close()


def lasting(found: Rows, revision: str) -> Rows:
    """Return rows without the columns that a later revision says anew."""
    left = dict(found)
    for later, tables in SAID_ANEW.items():
        for name in tables.keys() & left.keys() if later > revision else ():
            places = [place for place, column in enumerate(left[name][0]) if column not in tables[name]]
            left[name] = [tuple(row[place] for place in places) for row in left[name]]
    return left


def differences(connection: Connection, metadata: MetaData) -> list[Any]:
    """Return what a new revision would have to change."""
    found: list[Any] = compare_metadata(MigrationContext.configure(connection), metadata)
    return found


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what makes a copy of the revisions and adds a statement to the last one."""

    def edit(statement: str) -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(migrations.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
        last = max((folder / "versions").glob("*.py"))
        last.write_text(f"{last.read_text()}    {statement}\n")
        monkeypatch.setattr(migrations, "FOLDER", folder)

    return edit


@pytest.mark.parametrize("revision", EARLIER)
def test_an_upgrade_keeps_all_rows(url: str, revision: str) -> None:
    """The law holds from every earlier revision."""
    keeps_all_rows(url, revision)


@pytest.mark.parametrize(
    "statement",
    [
        "op.execute('DELETE FROM patterns WHERE occurrences = 1')",
        "op.execute('UPDATE journal SET mark = false')",
    ],
)
def test_the_law_rejects_an_upgrade_that_loses(
    sqlite_url: str, statement: str, edited: Callable[[str], None]
) -> None:
    """A revision that drops a row or changes a value does not pass."""
    edited(statement)
    with pytest.raises(AssertionError):
        keeps_all_rows(sqlite_url, EARLIER[-1])


def test_an_upgrade_that_fails_changes_nothing(url: str, edited: Callable[[str], None]) -> None:
    """The store stays what it was."""
    with closing(Database(url, busy_timeout_s=1)) as database:
        make(database, EARLIER[-1])
        before = rows(database)
        edited("1 / 0")
        with closing(SqlStore(url)) as store, pytest.raises(ZeroDivisionError):
            store.migrate()
        assert rows(database) == before


def test_a_newer_store_is_refused(url: str) -> None:
    """A store that a newer version wrote is left alone, and the message says what to do."""
    with closing(Database(url, busy_timeout_s=1)) as database:
        make(database, migrations.HEAD)
        with database.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        before = rows(database)
        with pytest.raises(NewerStoreError, match=rf"{migrations.HEAD} or older, got 9999.*restore a backup"):
            SqlStore(url).migrate()
        assert rows(database) == before


def test_a_new_store_equals_an_upgraded_one(sqlite_url: str, tmp_path: Path) -> None:
    """The tables as classes make what the revisions make, statement by statement."""
    upgraded_url = f"sqlite:///{tmp_path / 'upgraded.db'}"
    with closing(Database(sqlite_url, busy_timeout_s=1)) as new:
        migrations.migrate(new)
        with closing(Database(upgraded_url, busy_timeout_s=1)) as upgraded:
            make(upgraded, migrations.HEAD)
            assert definitions(new) == definitions(upgraded)


def definitions(database: Database) -> set[str]:
    """Return what made the database, without its white space."""
    with database.reading() as connection:
        statements = connection.execute(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))
        return {"".join(statement.split()) for statement in statements.scalars()}


def test_the_tables_equal_the_revisions(url: str) -> None:
    """Alembic finds nothing that a new revision would have to change, and finds a column that is added."""
    more = MetaData()
    for table in METADATA.tables.values():
        table.to_metadata(more)
    more.tables["gaps"].append_column(Column("healed", Integer))
    with closing(Database(url, busy_timeout_s=1)) as database:
        migrations.migrate(database)
        with database.reading() as connection:
            assert differences(connection, METADATA) == []
            assert len(differences(connection, more)) == 1
            assert set(inspect(connection).get_table_names()) == {*METADATA.tables, "alembic_version"}


def test_every_table_tells_homes_apart() -> None:
    """Every row says whose it is."""
    assert [name for name, table in METADATA.tables.items() if "home" not in table.columns] == []


def test_revisions_are_what_alembic_takes_them_for() -> None:
    """The files' names, which decide without Alembic, agree with what stands in them."""
    scripts = ScriptDirectory(str(migrations.FOLDER))
    assert [script.revision for script in scripts.walk_revisions()] == migrations.REVISIONS[::-1]
    assert scripts.get_heads() == [migrations.HEAD]


def test_two_may_begin_at_once(url: str) -> None:
    """Of several that make the same store one does, and the others find it made."""
    with ThreadPoolExecutor(4) as pool:
        stores = [SqlStore(url) for _ in range(4)]
        for done in [pool.submit(store.migrate) for store in stores]:
            done.result(timeout=30)
    assert {store.counts()["journal"] for store in stores} == {0}


def test_several_may_make_one_file_at_once(tmp_path: Path) -> None:
    """No one is refused because another is just turning the new file to the write-ahead log."""
    for number in range(30):
        url, together = f"sqlite:///{tmp_path}/{number}.db", Barrier(4)

        def make(url: str = url, together: Barrier = together) -> int:
            store = SqlStore(url)
            together.wait(timeout=30)
            store.migrate()
            return store.counts()["journal"]

        with ThreadPoolExecutor(4) as pool:
            made = [pool.submit(make) for _ in range(4)]
            assert [done.result(timeout=30) for done in made] == [0, 0, 0, 0]


def test_a_store_that_is_up_to_date_costs_no_alembic(sqlite_url: str) -> None:
    """Making a store, and opening one that is up to date, does without the memory of the migrations."""
    program = (
        "import sys; from sinks.store import SqlStore; SqlStore(sys.argv[1]).migrate();"
        "SqlStore(sys.argv[1]).migrate(); sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, sqlite_url], check=True, timeout=60)


def test_aggregates_that_cannot_be_read_let_their_day_be_closed_anew(url: str) -> None:
    """An upgrade does not fail at a damaged row, and no part of a day's aggregates stands for the whole."""
    with closing(Database(url, busy_timeout_s=1)) as database:
        with database.writing() as connection:
            migrations.upgrade(connection, "0007")
            for number, aggregate in enumerate(('{"n":1}', "nonsense", '{"n":2}')):
                day = date(2026, 1, 1 + number // 2)
                row = {"day": day, "key": f"k{number}", "aggregate": aggregate}
                connection.execute(
                    text(
                        "INSERT INTO day_aggregates (home, day, detector, key, aggregate) "
                        "VALUES ('home', :day, 'd', :key, :aggregate)"
                    ),
                    row,
                )
            for number in range(2):
                connection.execute(
                    text(
                        "INSERT INTO day_sets (home, day, sealed, events, packed, closed_us, applied_seq) "
                        "VALUES ('home', :day, true, 1, :packed, 5, 0)"
                    ),
                    {"day": date(2026, 1, 1 + number), "packed": b"x"},
                )
        store = SqlStore(url)
        store.migrate()
        assert [(kept.day.day, kept.sealed) for kept in day_sets.days(store)] == [(1, False), (2, True)]
        assert day_sets.aggregates(store, date(2026, 1, 1)) == {}
        assert day_sets.aggregates(store, date(2026, 1, 2)) == {"d": {"k2": {"n": 2}}}
        store.close()
