"""Check that a store is as it was written: its file, its tables, and each of its rows."""

import json
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from pydantic import ValidationError
from sqlalchemy import Boolean, Column, Connection, Date, Float, String, Table, TypeDecorator, inspect, select

from schemas.anomalies import Anomaly
from schemas.patterns import Pattern
from schemas.suggestions import Opinion, Suggestion
from schemas.tables import METADATA
from sinks.store import audit
from sinks.store.checksums import CHECKED, CHECKSUM, UNCOVERED, covered, is_whole, sum_of
from sinks.store.engine import Database
from sinks.store.rows import snapshot_checksum, unpacked_aggregates

# Two seconds for a year's store on a small machine; what takes longer is a store that is no home's.
CHECK_S = 20.0
MESSAGES = 100
_PROGRESS_STEPS = 100_000
# What the file's own check says of rows, which are looked at one by one anyway.
_OF_ROWS = ("NULL value in ",)
_OF_INDEXES = (" missing from index ", "wrong # of entries in index ")
_SELDOM_CHECKED = ("commits", "damaged")


class Place(NamedTuple):
    """Place of a row: its number in SQLite, its primary key elsewhere."""

    rowid: int | None
    key: tuple[Any, ...]


_Rows = Callable[..., Iterator[tuple[Place, dict[str, Any]]]]


class Damage(NamedTuple):
    """A row that is not as it was written."""

    table: str
    place: Place
    row: Mapping[str, Any]
    reason: str

    @property
    def name(self) -> str:
        """The row's key in words, as far as it can be read."""
        return " ".join(str(each) for each in self.place.key)[:200]


def read_only(path: Path) -> sqlite3.Connection:
    """Open a SQLite file for reading; texts that are none are read all the same."""
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=5.0)
    connection.text_factory = _text
    return connection


def file_faults(path: Path, *, limit_s: float = CHECK_S) -> list[str]:
    """Return what is wrong with a SQLite file and its tables; nothing where the time did not suffice.

    Raises
    ------
    sqlite3.DatabaseError
        It cannot be read at all.
    """
    deadline = time.monotonic() + limit_s
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=5.0)) as connection:
        connection.text_factory = _text
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _PROGRESS_STEPS)
        try:
            said = [row[0] for row in connection.execute(f"PRAGMA integrity_check({MESSAGES})")]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            return []
        return [each for each in said if each != "ok" and not each.startswith(_OF_ROWS)]


def is_of_indexes(faults: list[str]) -> bool:
    """Return whether only indexes are wrong, which can be made anew from the tables.

    Examples
    --------
    >>> is_of_indexes(["row 3 missing from index journal_key"]), is_of_indexes(["Page 9: never used"])
    (True, False)
    """
    return bool(faults) and all(any(words in fault for words in _OF_INDEXES) for fault in faults)


def missing_tables(connection: Connection) -> list[str]:
    """Return the tables and columns of ours that a store of our revision lacks."""
    inspector = inspect(connection)
    names = set(inspector.get_table_names())
    missing = [name for name in METADATA.tables if name not in names]
    for name in names & set(METADATA.tables):
        held = {column["name"] for column in inspector.get_columns(name)}
        missing += [
            f"{name}.{column.name}" for column in METADATA.tables[name].columns if column.name not in held
        ]
    return sorted(missing)


def damages(database: Database, *, journal_rows: int = 200_000) -> Iterator[Damage]:
    """Yield the rows that are not as they were written; of the journal the newest `journal_rows`.

    Some 10 microseconds a row.
    """
    yield from _damages(partial(rows_of, database), journal_rows)


def file_damages(path: Path, *, journal_rows: int | None = None) -> Iterator[Damage]:
    """Yield the rows of a SQLite file of our revision that are not as they were written."""
    with closing(read_only(path)) as connection:
        yield from _damages(partial(raw_rows, connection), journal_rows)


def _damages(rows: _Rows, journal_rows: int | None) -> Iterator[Damage]:
    """Yield what is wrong in the rows of each table, as `rows` gives them."""
    for table in METADATA.sorted_tables:
        if table.name in _SELDOM_CHECKED:
            continue
        limit = journal_rows if table.name == "journal" else None
        for place, row in rows(table, limit=limit, passing=table.name not in _PARSED):
            reason = fault_of(table, row)
            if reason is not None:
                yield Damage(table.name, place, row, reason)


def fault_of(table: Table, row: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a row as it was read; None if nothing is."""
    if table in CHECKED and not is_whole(table, row):
        return "its checksum is wrong"
    for column in table.columns:
        if (column.name in UNCOVERED or row.get(CHECKSUM) is None) and not _fits(column, row[column.name]):
            return f"its {column.name} is not of its type"
    read = _READERS.get(table.name)
    try:
        if read is not None and not read(row):
            return "its checksum is wrong"
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        kind = "ValidationError" if isinstance(error, ValidationError) else type(error).__name__
        return f"its content cannot be read: {kind}"
    return None


def rows_of(
    database: Database, table: Table, *, limit: int | None = None, passing: bool = False
) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield place and content of the rows of a table as they are, also those that are no rows of ours.

    With `passing` those whose checksum is right may be passed over.
    """
    if database.path is not None:
        with closing(read_only(database.path)) as connection:
            yield from raw_rows(connection, table, limit=limit, passing=passing)
        return
    wanted = select(table).order_by(*[column.desc() for column in table.primary_key]).limit(limit)
    with database.reading() as connection:
        for found in connection.execution_options(yield_per=2_000).execute(wanted).mappings():
            content = {column.name: found[column.name] for column in table.columns}
            yield Place(None, _key(table, content)), content


def raw_rows(
    connection: sqlite3.Connection, table: Table, *, limit: int | None = None, passing: bool = False
) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield the rows of a table in a SQLite file, the newest first."""
    first = covered(table) if table in CHECKED else ()
    columns = [*first, *(each.name for each in table.columns if each.name not in first)]
    names = ", ".join(f'"{name}"' for name in columns)
    wanted = f'SELECT rowid, {names} FROM "{table.name}" NOT INDEXED ORDER BY rowid DESC LIMIT ?'  # noqa: S608 names of ours
    known, end = columns.index(CHECKSUM) + 1 if first else 0, len(first) + 1
    for values in connection.execute(wanted, (-1 if limit is None else limit,)):
        if passing and known and values[known] == sum_of(values[1:end]):
            continue
        row = dict(zip(columns, values[1:], strict=True))
        yield Place(values[0], _key(table, row)), row


def audit_faults(database: Database) -> dict[str, str]:
    """Return what is wrong with each home's audit log."""
    with database.reading() as connection:
        found = {home: audit.fault(connection, home) for home in audit.homes(connection)}
    return {home: fault for home, fault in found.items() if fault is not None}


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _key(table: Table, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in table.primary_key)


def _fits(column: Column[Any], value: object) -> bool:
    if value is None:
        return bool(column.nullable)
    if isinstance(column.type, Boolean):
        return value in (0, 1)
    if isinstance(column.type, Date):
        return isinstance(value, date) or (isinstance(value, str) and is_date(value))
    if isinstance(column.type, String | TypeDecorator):
        return isinstance(value, str) and is_text(value)
    wanted = float | int if isinstance(column.type, Float) else column.type.python_type
    return isinstance(value, wanted)


def is_date(value: str) -> bool:
    """Return whether a text is a date as the store keeps it."""
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_text(value: str) -> bool:
    """Return whether a text is one that can be written: one that was read may hold bytes that are none."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_day(row: Mapping[str, Any]) -> bool:
    # One with a checksum is as it was written: unpacking a year's takes a second.
    return row[CHECKSUM] is not None or bool(json.loads(zlib.decompress(row["packed"])))


def _read_aggregates(row: Mapping[str, Any]) -> bool:
    return row[CHECKSUM] is not None or isinstance(unpacked_aggregates(row["packed"]), dict)


def _read_journal(row: Mapping[str, Any]) -> bool:
    if row[CHECKSUM] is None:
        json.loads(row["attributes"] or "[]")
        json.loads(row["entity_ids"] or "[]")
    return True


def _read_version(row: Mapping[str, Any]) -> bool:
    json.loads(row["config"])
    return bool(Suggestion.model_validate_json(row["suggestion"]))


def _read_snapshot(row: Mapping[str, Any]) -> bool:
    fields = (row["name"], row["version"], row["applied_seq"], row["payload"])
    return bool(row["checksum"] == snapshot_checksum(*fields))


def _read_control(row: Mapping[str, Any]) -> bool:
    json.loads(row["value"])
    return True


_READERS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "journal": _read_journal,
    "day_sets": _read_day,
    "day_aggregates": _read_aggregates,
    "patterns": lambda row: bool(Pattern.model_validate_json(row["metadata"])),
    "anomalies": lambda row: bool(Anomaly.model_validate_json(row["metadata"])),
    "suggestions": lambda row: bool(Suggestion.model_validate_json(row["metadata"])),
    "automation_versions": _read_version,
    "feedback": lambda row: bool(Opinion(row["opinion"])),
    "controls": _read_control,
    "snapshots": _read_snapshot,
}
# Whose content may be whole, and still none that this version knows; or that checksums do not cover.
_PARSED = frozenset(
    {"patterns", "anomalies", "suggestions", "automation_versions", "feedback", "snapshots", "outbox"}
)
