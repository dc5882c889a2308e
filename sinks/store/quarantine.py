"""Events whose time the clock does not believe: kept whole, within bounds, until it does."""

import json
from collections.abc import Iterator, Sequence
from math import ceil
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select

from schemas.events import ServiceCall, StateChange
from schemas.tables import QuarantineRow, table_of
from sinks.store.checksums import is_whole, summed
from sinks.store.engine import Database, insert_into
from sinks.store.rows import storable

MOST_BYTES = 64 * 1024 * 1024
MOST = 20_000
# Room is made for a tenth at a time, so that a flood does not sort the table for each of its messages.
ROOM_SHARE = 0.1
KEYS_A_QUERY = 500

_QUARANTINE = table_of(QuarantineRow)
_BYTES = func.coalesce(func.sum(func.length(_QUARANTINE.c.payload)), 0)


class Waiting(NamedTuple):
    """An event that waits, under the key that it will have in the journal."""

    key: bytes
    entry: StateChange | ServiceCall
    topic: str
    received_us: int
    reason: str


class Extent(NamedTuple):
    """Number of events that wait, by reason, and their bytes."""

    reasons: dict[str, int]
    bytes: int

    @property
    def total(self) -> int:
        """Number of events that wait."""
        return sum(self.reasons.values())


class QuarantineReads:
    """Read a home's events that wait."""

    def __init__(self, database: Database, home: str) -> None:
        self._database = database
        self._home = home

    def due(self, from_us: int, to_us: int, limit: int) -> list[Waiting]:
        """Return events that happened from `from_us` to `to_us`, in order."""
        wanted = (
            select(_QUARANTINE)
            .where(_QUARANTINE.c.home == self._home, _QUARANTINE.c.at_us.between(from_us, to_us))
            .order_by(_QUARANTINE.c.at_us, _QUARANTINE.c.seq)
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(wanted).mappings().all()
        return [
            Waiting(row["key"], entry_of(row["payload"]), row["topic"], row["received_us"], row["reason"])
            for row in rows
            if is_whole(_QUARANTINE, dict(row))
        ]

    def changes(self) -> Iterator[StateChange]:
        """Yield the state changes that wait, in order."""
        wanted = select(_QUARANTINE).where(_QUARANTINE.c.home == self._home)
        ordered = wanted.order_by(_QUARANTINE.c.at_us, _QUARANTINE.c.seq)
        with self._database.reading() as connection:
            rows = connection.execution_options(yield_per=KEYS_A_QUERY).execute(ordered).mappings()
            for row in rows:
                entry = entry_of(row["payload"]) if is_whole(_QUARANTINE, dict(row)) else None
                if isinstance(entry, StateChange):
                    yield entry

    def extent(self) -> Extent:
        """Return how many wait, and their bytes."""
        with self._database.reading() as connection:
            return QuarantineWrites(connection, self._home).extent()


class QuarantineWrites:
    """Writes within one transaction of `SqlStore.begin`."""

    def __init__(self, connection: Connection, home: str) -> None:
        self._connection = connection
        self._home = home

    def extent(self) -> Extent:
        """Return how many wait, and their bytes."""
        wanted = select(_QUARANTINE.c.reason, func.count(), _BYTES).where(_QUARANTINE.c.home == self._home)
        rows = self._connection.execute(wanted.group_by(_QUARANTINE.c.reason)).all()
        return Extent({row[0]: row[1] for row in rows}, sum(int(row[2]) for row in rows))

    def add(self, waiting: Sequence[Waiting]) -> None:
        """Keep events, except those that wait already."""
        if waiting:
            rows = [
                {
                    "home": self._home,
                    "key": each.key,
                    "topic": storable(each.topic),
                    "payload": entry_bytes(each.entry),
                    "received_us": each.received_us,
                    "at_us": each.entry.at_us,
                    "reason": each.reason,
                }
                for each in waiting
            ]
            statement = insert_into(self._connection, _QUARANTINE).on_conflict_do_nothing()
            self._connection.execute(statement, summed(rows, _QUARANTINE))

    def make_room(self, near_us: int) -> int:
        """Delete what is too much: events farthest from `near_us` first; return how many."""
        held = self.extent()
        if held.total <= MOST and held.bytes <= MOST_BYTES:
            return 0
        fill = max(held.total / MOST, held.bytes / MOST_BYTES)
        too_many = ceil(held.total * (1 - (1 - ROOM_SHARE) / fill))
        farthest = (
            select(_QUARANTINE.c.seq)
            .where(_QUARANTINE.c.home == self._home)
            .order_by(func.abs(_QUARANTINE.c.at_us - near_us).desc(), _QUARANTINE.c.seq.desc())
            .limit(too_many)
        )
        gone = self._connection.execute(delete(_QUARANTINE).where(_QUARANTINE.c.seq.in_(farthest)))
        return int(gone.rowcount)

    def release(self, keys: Sequence[bytes]) -> None:
        """Let go of events that were taken."""
        for start in range(0, len(keys), KEYS_A_QUERY):
            these = _QUARANTINE.c.key.in_(keys[start : start + KEYS_A_QUERY])
            self._connection.execute(delete(_QUARANTINE).where(_QUARANTINE.c.home == self._home, these))


def entry_bytes(entry: StateChange | ServiceCall) -> bytes:
    """Return an event as it is kept.

    Examples
    --------
    >>> call = ServiceCall(7, ("light.hall",), "light.turn_on")
    >>> entry_of(entry_bytes(call)) == call
    True
    """
    return json.dumps([type(entry).__name__, entry._asdict()]).encode()


def entry_of(payload: bytes) -> StateChange | ServiceCall:
    """Read back what `entry_bytes` wrote."""
    name, fields = json.loads(payload)
    if name == ServiceCall.__name__:
        return ServiceCall(fields["at_us"], tuple(fields["entity_ids"]), fields["service"])
    attributes = tuple((each, value) for each, value in fields["attributes"])
    return StateChange(**{**fields, "attributes": attributes})
