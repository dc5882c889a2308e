"""A SQLite store made anew from what can still be read of a damaged one, and from the newest good copy."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table
from sqlalchemy.engine import URL

from schemas.tables import METADATA, CommitsRow, LeaseRow, table_of
from sinks.store import migrations
from sinks.store.engine import Database
from sinks.store.integrity import fault_of, read_only
from sinks.store.old_rows import DETAIL, renewed
from sinks.store.raw_writing import write_raw

ROWS_A_WRITE = 1_000
# The fields of a header that all our files have alike: format string, pages of 4096 bytes, WAL, fractions.
_HEADER = b"SQLite format 3\x00\x10\x00\x02\x02\x00\x40\x20\x20"
_MADE_ANEW = frozenset(table_of(each) for each in (CommitsRow, LeaseRow))
Rows = Iterator[dict[str, Any]]


class Rebuilt(NamedTuple):
    """Rows rebuilt, by table: read from the damaged file, or from the copy; and the tables that lost some."""

    read: Counter[str]
    copied: Counter[str]
    incomplete: frozenset[str]


def rebuild(damaged: Path | None, copy: Path | None, target: Path) -> Rebuilt:
    """Make a store of our revision at `target`, where there is none yet.

    Rows of the damaged file come as they are, before those of the copy: what is wrong with one of them is
    mended later. The copy fills up every table, as a damaged file may have lost rows without a trace.

    Parameters
    ----------
    damaged
        The file as it is, with its log beside it; it is only read.
    copy
        A whole store of our revision.
    """
    rebuilt = Rebuilt(Counter(), Counter(), frozenset())
    incomplete: set[str] = set()
    address = URL.create("sqlite", database=str(target)).render_as_string(hide_password=False)
    with closing(Database(address, busy_timeout_s=5)) as database:
        migrations.migrate(database)
        for table in METADATA.sorted_tables:
            if table in _MADE_ANEW:
                continue
            with database.writing() as connection:
                before = len(incomplete)
                if damaged is None or not _take_readable(connection, table, damaged, rebuilt.read):
                    incomplete.add(table.name)
                if copy is not None and (len(incomplete) > before or table.name != "damaged"):
                    _take_whole(connection, table, copy, rebuilt.copied)
    return rebuilt._replace(incomplete=frozenset(incomplete))


def mend_header(damaged: Path) -> bool:
    """Write the fields of the header that are the same in all our files; whether they were not."""
    with damaged.open("r+b") as file:
        if file.read(len(_HEADER)) == _HEADER:
            return False
        file.seek(0)
        file.write(_HEADER)
    return True


def _take_readable(connection: Connection, table: Table, damaged: Path, read: Counter[str]) -> bool:
    """Take the rows that can be read, from both sides of what cannot; whether that was none."""
    for order in ("", "DESC"):
        try:
            with closing(read_only(damaged)) as source:
                for page in _pages(_rows(source, table, order)):
                    read[table.name] += write_raw(connection, table, page)
        except (sqlite3.DatabaseError, UnicodeError):
            # Names that are no text end even the driver's own words.
            continue
        return not order
    return False


def _take_whole(connection: Connection, table: Table, copy: Path, copied: Counter[str]) -> None:
    with closing(read_only(copy)) as source:
        whole = (row for row in _rows(source, table, "") if fault_of(table, row) is None)
        for page in _pages(whole):
            copied[table.name] += write_raw(connection, table, page)


def _rows(source: sqlite3.Connection, table: Table, order: str) -> Rows:
    held = frozenset(row[1] for row in source.execute(f'PRAGMA table_info("{table.name}")'))
    if not held:
        raise sqlite3.DatabaseError(f"no such table: {table.name}")
    columns = [each.name for each in table.columns if each.name in held]
    if table.name == "deployments" and DETAIL in held:
        columns.append(DETAIL)
    names = ", ".join(f'"{name}"' for name in columns)
    wanted = f'SELECT {names} FROM "{table.name}" NOT INDEXED ORDER BY rowid {order}'  # noqa: S608 names of ours
    for values in source.execute(wanted):
        yield renewed(table, dict(zip(columns, values, strict=True)), held)


def _pages(rows: Rows) -> Iterator[list[dict[str, Any]]]:
    """Rows by the thousand; what came before an error comes before it here too."""
    page: list[dict[str, Any]] = []
    try:
        for row in rows:
            page.append(row)
            if len(page) == ROWS_A_WRITE:
                yield page
                page = []
    except (sqlite3.DatabaseError, UnicodeError):
        yield page
        raise
    yield page
