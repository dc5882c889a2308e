"""Rows written as they were read from another SQLite file, whatever they hold."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table

from sinks.store.integrity import is_text


def write_raw(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows as they were read from another SQLite file, except where their keys are known."""
    if not rows:
        return 0
    names = [each.name for each in table.columns if each.name in rows[0]]
    places = ", ".join(f":{name}" for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    statement = f'INSERT OR IGNORE INTO "{table.name}" ({columns}) VALUES ({places})'  # noqa: S608 names of ours
    try:
        return connection.exec_driver_sql(statement, [dict(row) for row in rows]).rowcount
    except UnicodeEncodeError:
        # A text that is none comes as the bytes that it is, and is set aside with its row.
        again = [{name: _as_bytes(value) for name, value in row.items()} for row in rows]
        return connection.exec_driver_sql(statement, again).rowcount


def _as_bytes(value: object) -> object:
    if isinstance(value, str) and not is_text(value):
        return value.encode("utf-8", "surrogateescape")
    return value
