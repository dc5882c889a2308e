"""Days as they are kept: which there are, the exact set of each, and what detectors made of it.

Known to the store and to `pipeline/history` alone: who wants a day asks there.
"""

from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import select

from schemas.tables import DayAggregateRow, DaySetRow, table_of
from sinks.store.checksums import is_whole
from sinks.store.errors import StoreDamagedError
from sinks.store.rows import unpacked_aggregates
from sinks.store.store import SqlStore

_DAYS = table_of(DaySetRow)
_AGGREGATES = table_of(DayAggregateRow)


class KeptDay(NamedTuple):
    """A local day of which a set is kept; a sealed one was closed."""

    day: date
    sealed: bool
    applied_seq: int


class StoredDay(NamedTuple):
    """A local day's exact set; a sealed one was closed."""

    day: date
    sealed: bool
    packed: bytes


def days(store: SqlStore) -> list[KeptDay]:
    """Return the days that are kept, in order, whether each was closed, and its place in the journal."""
    wanted = (
        select(_DAYS.c.day, _DAYS.c.sealed, _DAYS.c.applied_seq)
        .where(_DAYS.c.home == store.home)
        .order_by(_DAYS.c.day)
    )
    with store.reading() as connection:
        return [KeptDay(*row) for row in connection.execute(wanted)]


def day_set(store: SqlStore, day: date) -> StoredDay | None:
    """Return what is kept of a day.

    Raises
    ------
    StoreDamagedError
        It is not as it was written; the next start mends it.
    """
    wanted = select(_DAYS).where(_DAYS.c.home == store.home, _DAYS.c.day == day)
    with store.reading() as connection:
        row = connection.execute(wanted).mappings().one_or_none()
    if row is None:
        return None
    if not is_whole(_DAYS, dict(row)):
        raise StoreDamagedError(f"expected the set of {day} as it was written, got other bytes")
    return StoredDay(row["day"], row["sealed"], row["packed"])


def aggregates(store: SqlStore, day: date) -> dict[str, dict[str, dict[str, Any]]]:
    """Return each detector's aggregates of a day, by key.

    Raises
    ------
    StoreDamagedError
        They are not as they were written; the next start makes them anew.
    """
    wanted = (
        select(_AGGREGATES)
        .where(_AGGREGATES.c.home == store.home, _AGGREGATES.c.day == day)
        .order_by(_AGGREGATES.c.detector)
    )
    with store.reading() as connection:
        rows = [dict(row) for row in connection.execute(wanted).mappings()]
    if not all(is_whole(_AGGREGATES, row) for row in rows):
        raise StoreDamagedError(f"expected the aggregates of {day} as they were written, got other bytes")
    return {row["detector"]: unpacked_aggregates(row["packed"]) for row in rows}
