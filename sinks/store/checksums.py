"""The checksum of a row: eight bytes over all that is written once, the same on every database.

A row without one was written before there were checksums. A revision that adds a column to a table sets the
checksums of its rows to NULL.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cache
from hashlib import blake2b
from operator import itemgetter
from typing import Any

from sqlalchemy import Table

from schemas.tables import METADATA

CHECKSUM = "checksum"
# What the database gives out itself, and what is noted in a row after it was written.
UNCOVERED = frozenset({"seq", "sent_us", CHECKSUM})
CHECKED = tuple(
    table
    for table in METADATA.sorted_tables
    if CHECKSUM in table.columns and table.columns[CHECKSUM].nullable
)
_PLAIN = frozenset({str, int, type(None), float})
LONG_BYTES = 64


def covered(table: Table) -> tuple[str, ...]:
    """Return the names of the columns that a row's checksum covers, in their order."""
    return _covered(table.name)


def checksum(table: Table, row: Mapping[str, Any]) -> bytes:
    """Return the checksum of a row; some 3 microseconds for a change in the journal.

    Examples
    --------
    >>> from schemas.tables import ControlRow, table_of
    >>> controls = table_of(ControlRow)
    >>> checksum(controls, {"home": "home", "name": "learning", "value": "true"}).hex()
    '144b83b7c37df0fc'
    """
    return sum_of(map(row.get, _covered(table.name)))


def summed(rows: Iterable[Mapping[str, Any]], table: Table) -> list[dict[str, Any]]:
    """Return rows with their checksums, where the table has any."""
    if table not in CHECKED:
        return [dict(row) for row in rows]
    columns = _getter(table.name)
    return [{**row, CHECKSUM: sum_of(columns(row))} for row in rows]


def is_whole(table: Table, row: Mapping[str, Any]) -> bool:
    """Return whether a row is as it was written; one without a checksum is taken as it is."""
    known = row[CHECKSUM]
    return known is None or known == checksum(table, row)


def sum_of(values: Iterable[Any]) -> bytes:
    """Return the checksum of the values of the covered columns, in their order."""
    plain = [value if type(value) in _PLAIN else _plain(value) for value in values]
    # Unlike `repr`, `ascii` does not change with what Unicode calls printable.
    return blake2b(ascii(plain).encode("ascii"), digest_size=8).digest()


def _plain(value: object) -> object:
    """Return a value as SQLite keeps it, whatever the database; long bytes by their own hash."""
    if isinstance(value, bytes):
        return value if len(value) <= LONG_BYTES else blake2b(value, digest_size=16).digest()
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return str.__str__(value)
    return value


@cache
def _covered(name: str) -> tuple[str, ...]:
    return tuple(each.name for each in METADATA.tables[name].columns if each.name not in UNCOVERED)


@cache
def _getter(name: str) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    getter: Callable[[Mapping[str, Any]], tuple[Any, ...]] = itemgetter(*_covered(name))
    return getter
