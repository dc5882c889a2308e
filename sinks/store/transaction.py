"""Group commit: everything that one transaction writes is kept together, or none of it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, func, select

from schemas.anomalies import Anomaly
from schemas.events import Gap, ServiceCall, StateChange
from schemas.outgoing import Outgoing
from schemas.patterns import Pattern
from schemas.statuses import DeadLetter
from schemas.tables import (
    AnomalyRow,
    DayAggregateRow,
    DaySetRow,
    DeadLetterRow,
    GapRow,
    JournalRow,
    OutboxRow,
    PatternRow,
    SnapshotRow,
    table_of,
)
from sinks.store.checksums import CHECKSUM, covered, summed
from sinks.store.engine import EVENT_US, add_many, insert_into, upsert
from sinks.store.quarantine import QuarantineWrites
from sinks.store.rows import (
    anomaly_row,
    dead_letter_row,
    journal_row,
    outbox_row,
    packed_aggregates,
    pattern_row,
    snapshot_checksum,
)
from sinks.store.suggestions import SuggestionWrites

KEYS_A_QUERY = 500

_JOURNAL = table_of(JournalRow)
_AGGREGATES = table_of(DayAggregateRow)
_DAYS = table_of(DaySetRow)
_GAPS = table_of(GapRow)
_KNOWN = select(_JOURNAL.c.key).where(
    _JOURNAL.c.home == bindparam("of"), _JOURNAL.c.key.in_(bindparam("keys", expanding=True))
)
_LAST = select(func.max(_JOURNAL.c.seq)).where(_JOURNAL.c.home == bindparam("of"))


class Transaction:
    """The writes of one transaction of `SqlStore.begin`."""

    def __init__(self, connection: Connection, home: str) -> None:
        self._connection = connection
        self._home = home

    @property
    def suggestions(self) -> SuggestionWrites:
        """Suggestions, as this transaction reads and writes them."""
        return SuggestionWrites(self._connection, self._home)

    @property
    def quarantine(self) -> QuarantineWrites:
        """Events that wait for the clock, as this transaction reads and writes them."""
        return QuarantineWrites(self._connection, self._home)

    def unseen(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return those of the keys that the journal does not hold."""
        unseen = set(keys)
        for start in range(0, len(keys), KEYS_A_QUERY):
            asked = {"of": self._home, "keys": keys[start : start + KEYS_A_QUERY]}
            unseen.difference_update(self._connection.execute(_KNOWN, asked).scalars())
        return unseen

    def journal(self, entries: Sequence[tuple[bytes, StateChange | ServiceCall]], received_us: int) -> int:
        """Append state changes and service calls under their keys; return the last place.

        Keys that the journal holds are passed over, so that a commit whose answer was lost can be repeated.
        """
        if entries:
            rows = [journal_row(self._home, key, received_us, event) for key, event in entries]
            add_many(self._connection, _JOURNAL, rows)
            self._connection.info[EVENT_US] = max(event.at_us for _, event in entries)
        return self._connection.execute(_LAST, {"of": self._home}).scalar() or 0

    def save_day(
        self, day: date, packed: bytes, *, events: int, sealed: bool, at_us: int, applied_seq: int
    ) -> None:
        """Keep a day's exact set, up to a place in the journal, in place of what was kept of it."""
        row = {"day": day, "packed": packed, "events": events, "sealed": sealed, "applied_seq": applied_seq}
        closed_us = at_us if sealed else None
        upsert(self._connection, _DAYS, [{"home": self._home, "closed_us": closed_us, **row}])

    def open_days(self, days: Sequence[date]) -> None:
        """Let days that were closed be closed again: what their aggregates were made of has changed."""
        for day in days:
            of = (_DAYS.c.home == self._home, _DAYS.c.day == day, _DAYS.c.sealed)
            for row in self._connection.execute(select(_DAYS).where(*of)).mappings().all():
                again = {name: row[name] for name in covered(_DAYS)}
                upsert(self._connection, _DAYS, [{**again, "sealed": False, "closed_us": None}])

    def save_aggregates(
        self, day: date, detector: str, aggregates: Mapping[str, Mapping[str, object]]
    ) -> None:
        """Keep a detector's aggregates of a day in place of what was kept of them."""
        row = {"day": day, "detector": detector, "packed": packed_aggregates(aggregates)}
        upsert(self._connection, _AGGREGATES, [{"home": self._home, **row}])

    def save_patterns(self, patterns: Sequence[Pattern], at_us: int) -> None:
        """Keep patterns in place of those with the same ids."""
        upsert(self._connection, table_of(PatternRow), [pattern_row(pattern, at_us) for pattern in patterns])

    def save_anomalies(self, anomalies: Sequence[Anomaly]) -> None:
        """Keep what was out of order, except what is known."""
        self._add(table_of(AnomalyRow), [anomaly_row(anomaly) for anomaly in anomalies])

    def enqueue(self, messages: Sequence[Outgoing], at_us: int) -> None:
        """Add messages to the outbox, except those whose id it knows."""
        self._add(table_of(OutboxRow), [outbox_row(self._home, message, at_us) for message in messages])

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep dead letters, except those whose id is known."""
        self._add(table_of(DeadLetterRow), [dead_letter_row(self._home, letter) for letter in letters])

    def save_snapshot(self, name: str, payload: bytes, *, version: int, applied_seq: int) -> None:
        """Keep a snapshot in place of the one with the same name."""
        row = {"version": version, "applied_seq": applied_seq, "payload": payload}
        checksum = snapshot_checksum(name, version, applied_seq, payload)
        upsert(
            self._connection,
            table_of(SnapshotRow),
            [{"home": self._home, "name": name, "checksum": checksum, **row}],
        )

    def drop_gaps(self, gaps: Sequence[Gap]) -> None:
        """Take back gaps that were none."""
        for gap in gaps:
            of = (_GAPS.c.home == self._home, _GAPS.c.from_us == gap.from_us, _GAPS.c.reason == gap.reason)
            self._connection.execute(delete(_GAPS).where(*of))

    def note_gaps(self, gaps: Sequence[Gap]) -> None:
        """Keep gaps; of two with the same beginning and reason the later end stays."""
        if not gaps:
            return
        statement = insert_into(self._connection, _GAPS)
        statement = statement.on_conflict_do_update(
            index_elements=list(_GAPS.primary_key),
            set_={name: statement.excluded[name] for name in ("to_us", CHECKSUM)},
            where=statement.excluded.to_us > _GAPS.c.to_us,
        )
        rows = [{"home": self._home, **gap._asdict()} for gap in gaps]
        self._connection.execute(statement, summed(rows, _GAPS))

    def _add(self, table: Table, rows: list[dict[str, Any]]) -> None:
        if rows:
            statement = insert_into(self._connection, table).on_conflict_do_nothing()
            self._connection.execute(statement, summed(rows, table))
