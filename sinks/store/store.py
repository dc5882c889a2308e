"""The store of one home: journal, days, patterns, outbox, dead letters, snapshots and gaps."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import structlog
from sqlalchemy import ColumnElement, Connection, Select, func, select, update

from schemas.anomalies import Anomaly
from schemas.events import Gap, ServiceCall, StateChange
from schemas.outgoing import Outgoing
from schemas.patterns import Pattern
from schemas.statuses import DeadLetter
from schemas.tables import (
    AnomalyRow,
    DaySetRow,
    DeadLetterRow,
    GapRow,
    JournalRow,
    OutboxRow,
    PatternRow,
    SnapshotRow,
    table_of,
)
from sinks.store import lease, migrations, retention
from sinks.store.engine import Database
from sinks.store.foreign import refuse_foreign
from sinks.store.lease import Held, Leases
from sinks.store.mark import mark_of
from sinks.store.mending import Integrity
from sinks.store.outbox import Dropped, bound_outbox
from sinks.store.quarantine import QuarantineReads
from sinks.store.replacing import go_on, intention
from sinks.store.retention import Overdue
from sinks.store.rows import dead_letter, journal_event, read_patterns, snapshot_checksum
from sinks.store.shrinking import compact_once, shrink
from sinks.store.sqlite_file import path_of, refuse_newer
from sinks.store.suggestions import SuggestionReads
from sinks.store.transaction import KEYS_A_QUERY, Transaction

ROWS_A_PAGE = 2_000

_JOURNAL = table_of(JournalRow)
_DAYS = table_of(DaySetRow)
_ANOMALIES = table_of(AnomalyRow)
_PATTERNS = table_of(PatternRow)
_OUTBOX = table_of(OutboxRow)
_LETTERS = table_of(DeadLetterRow)
_SNAPSHOTS = table_of(SnapshotRow)
_GAPS = table_of(GapRow)

_log = structlog.get_logger(__name__)


class StoredSnapshot(NamedTuple):
    """A cache's content up to a place in the journal."""

    version: int
    applied_seq: int
    payload: bytes


class SqlStore:
    """Keep what was learned in SQLite or PostgreSQL.

    Synchronous and to be called from one thread. Whatever is committed outlives a kill and, on a disk that
    keeps its word, a loss of power. A store that is locked, full or away raises `StoreUnavailableError`, and
    nothing of the transaction is kept: write it again later.

    Parameters
    ----------
    url
        SQLAlchemy's form: ``sqlite:///ha-ai.db`` or ``postgresql+psycopg://user@host/name``.
    home
        The home's id; homes in one database do not see each other.
    busy_timeout_s
        How long to wait for another writer.
    """

    def __init__(
        self, url: str = "sqlite:///ha-ai.db", *, home: str = "home", busy_timeout_s: float = 5.0
    ) -> None:
        self.home = home
        self.path = path_of(url)
        self._unread: set[str] = set()
        self._database = Database(url, busy_timeout_s=busy_timeout_s, shared=True)
        self.leases = Leases(self._database, home=home)
        self.suggestions = SuggestionReads(self._database, home)
        self.integrity = Integrity(self._database, home)
        self.quarantine = QuarantineReads(self._database, home)

    def migrate(self) -> None:
        """Create the tables, or bring those of an older version up to date.

        Raises
        ------
        NewerStoreError
            A newer version of this program wrote the store.
        ForeignFileError
            It is the database of another program.
        """
        if self.path is not None:
            go_on(self.path)
            if not mark_of(self.path).exists():
                # Who has our store open itself would lose its locks with this look: that has a mark.
                refuse_foreign(self.path, None)
            refuse_newer(self.path)
            self._hold(self.path)
        migrations.migrate(self._database)
        compact_once(self._database)
        self._database.count_commits(migrations.HEAD)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    @contextmanager
    def begin(self, *, holder: Held | None = None) -> Iterator[Transaction]:
        """Write in one transaction.

        Raises
        ------
        LeaseLostError
            Somebody else holds the lease of `holder` now.
        StoreUnavailableError
            The store is locked, full or away.
        """
        with self._database.writing() as connection:
            if holder is not None:
                lease.check(connection, self.home, holder)
            yield Transaction(connection, self.home)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read one state of the store, which nobody else's commit changes meanwhile."""
        with self._database.reading() as connection:
            yield connection

    def unseen(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return those of the keys that the journal does not hold."""
        with self._database.reading() as connection:
            return Transaction(connection, self.home).unseen(keys)

    def journal_after(self, after_seq: int = 0) -> Iterator[tuple[int, StateChange | ServiceCall]]:
        """Yield place and content of the journal, in order of arrival; no transaction stays open."""
        while True:
            page = (
                select(_JOURNAL)
                .where(_JOURNAL.c.home == self.home, _JOURNAL.c.seq > after_seq)
                .order_by(_JOURNAL.c.seq)
                .limit(ROWS_A_PAGE)
            )
            with self._database.reading() as connection:
                rows = connection.execute(page).all()
            for row in rows:
                yield row.seq, journal_event(row)
            if len(rows) < ROWS_A_PAGE:
                return
            after_seq = rows[-1].seq

    def journal_reach_us(self) -> int | None:
        """Return since when the journal holds all that came: 0 for ever, None if it is empty."""
        oldest = select(_JOURNAL.c.seq, _JOURNAL.c.received_us).where(_JOURNAL.c.home == self.home)
        with self._database.reading() as connection:
            row = connection.execute(oldest.order_by(_JOURNAL.c.seq).limit(1)).one_or_none()
        if row is None:
            return None
        return 0 if row.seq == 1 else int(row.received_us)

    def last_states(self) -> dict[str, str]:
        """Return the last state of each entity that the journal tells of, or that waits for the clock.

        The last by its own time: what waited was written behind what happened after it.
        """
        row = _JOURNAL.c
        is_behaviour = (row.home == self.home) & row.new.is_not(None) & ~row.mark
        last = select(row.entity_id, func.max(row.at_us).label("at_us")).where(is_behaviour)
        newest = last.group_by(row.entity_id).subquery().c
        are_newest = (row.entity_id == newest.entity_id) & (row.at_us == newest.at_us)
        states = select(row.entity_id, row.at_us, row.new).where(is_behaviour, are_newest).order_by(row.seq)
        with self._database.reading() as connection:
            found = {each.entity_id: (each.at_us, each.new) for each in connection.execute(states)}
        for change in self.quarantine.changes():
            if not change.mark and change.at_us >= found.get(change.entity_id, (0, ""))[0]:
                found[change.entity_id] = (change.at_us, change.new)
        return {entity_id: state for entity_id, (_, state) in found.items()}

    def patterns(self, *, status: str | None = None) -> list[Pattern]:
        """Return the patterns, or those of a status.

        A row that this version cannot read is left out, and said once: patterns are a cache, judged anew.
        """
        columns = (_PATTERNS.c.id, _PATTERNS.c.metadata)
        wanted = select(*columns).where(_PATTERNS.c.home == self.home).order_by(_PATTERNS.c.id)
        if status is not None:
            wanted = wanted.where(_PATTERNS.c.status == status)
        with self._database.reading() as connection:
            found, unread = read_patterns(connection.execute(wanted).all())
        if new := unread.keys() - self._unread:
            said = {"home": self.home, "count": len(new), "reason": unread[min(new)]}
            _log.warning("patterns that cannot be read are left out", **said)
            self._unread |= new
        return found

    def pattern_changes(self) -> dict[str, int]:
        """Return when each pattern was last written, by its id."""
        wanted = select(_PATTERNS.c.id, _PATTERNS.c.changed_us).where(_PATTERNS.c.home == self.home)
        with self._database.reading() as connection:
            return {row.id: row.changed_us for row in connection.execute(wanted)}

    def anomalies(self, *, since_us: int = 0) -> list[Anomaly]:
        """Return what was out of order from `since_us` on, oldest first."""
        wanted = (
            select(_ANOMALIES.c.metadata)
            .where(_ANOMALIES.c.home == self.home, _ANOMALIES.c.at_us >= since_us)
            .order_by(_ANOMALIES.c.at_us, _ANOMALIES.c.id)
        )
        with self._database.reading() as connection:
            return [Anomaly.model_validate_json(whole) for whole in connection.execute(wanted).scalars()]

    def anomaly_ids(self) -> set[str]:
        """Return the ids of what was said to be out of order."""
        wanted = select(_ANOMALIES.c.id).where(_ANOMALIES.c.home == self.home)
        with self._database.reading() as connection:
            return set(connection.execute(wanted).scalars())

    def gaps(self, *, since_us: int = 0) -> list[Gap]:
        """Return the gaps that end after `since_us`."""
        wanted = (
            select(_GAPS.c.from_us, _GAPS.c.to_us, _GAPS.c.reason)
            .where(_GAPS.c.home == self.home, _GAPS.c.to_us > since_us)
            .order_by(_GAPS.c.from_us, _GAPS.c.reason)
        )
        with self._database.reading() as connection:
            return [Gap(*row) for row in connection.execute(wanted)]

    def snapshot(self, name: str) -> StoredSnapshot | None:
        """Return a snapshot; None if there is none or its checksum is wrong."""
        wanted = select(_SNAPSHOTS).where(_SNAPSHOTS.c.home == self.home, _SNAPSHOTS.c.name == name)
        with self._database.reading() as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None:
            return None
        stored = StoredSnapshot(row.version, row.applied_seq, row.payload)
        if row.checksum != snapshot_checksum(name, *stored):
            _log.warning("snapshot refused, its checksum is wrong", home=self.home, name=name)
            return None
        return stored

    def pending(self, limit: int, *, without: Collection[str] = ()) -> list[Outgoing]:
        """Return the oldest messages that were not sent, in order; none of the topics `without`."""
        columns = [_OUTBOX.c[name] for name in Outgoing._fields]
        wanted = self._is_pending()
        if without:
            wanted &= _OUTBOX.c.topic.not_in(without)
        oldest = select(*columns).where(wanted).order_by(_OUTBOX.c.seq).limit(limit)
        with self._database.reading() as connection:
            return [Outgoing(*row) for row in connection.execute(oldest)]

    def sent(self, ids: Sequence[str], at_us: int) -> None:
        """Note that the broker has acknowledged these messages."""
        with self._database.writing() as connection:
            for start in range(0, len(ids), KEYS_A_QUERY):
                these = _OUTBOX.c.id.in_(ids[start : start + KEYS_A_QUERY])
                connection.execute(update(_OUTBOX).where(self._is_pending(), these).values(sent_us=at_us))

    def set_aside(self, letters: Mapping[str, DeadLetter], at_us: int) -> None:
        """Keep, as dead letters, messages of the outbox that cannot be sent, by their ids there."""
        with self._database.writing() as connection:
            Transaction(connection, self.home).bury(list(letters.values()))
            these = _OUTBOX.c.id.in_(letters)
            connection.execute(update(_OUTBOX).where(self._is_pending(), these).values(sent_us=at_us))

    def bound_outbox(self, *, now_us: int) -> list[Dropped]:
        """Delete what waits too long or is too much, and return what that was."""
        return bound_outbox(self._database, self.home, now_us=now_us)

    def counts(self) -> dict[str, int]:
        """Return how many rows there are: journal, day_sets, patterns, outbox, dead_letters, gaps.

        Of patterns the active ones, of the outbox the pending ones.
        """
        wanted: dict[str, Select[int]] = {
            table.name: select(func.count()).select_from(table).where(table.c.home == self.home)
            for table in (_JOURNAL, _DAYS, _PATTERNS, _OUTBOX, _LETTERS, _GAPS)
        }
        wanted["patterns"] = wanted["patterns"].where(_PATTERNS.c.status == "active")
        wanted["outbox"] = wanted["outbox"].where(self._is_pending())
        with self._database.reading() as connection:
            return {name: connection.execute(count).scalar_one() for name, count in wanted.items()}

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        """Return the newest dead letters, newest first."""
        newest = (
            select(_LETTERS).where(_LETTERS.c.home == self.home).order_by(_LETTERS.c.seq.desc()).limit(limit)
        )
        with self._database.reading() as connection:
            return [dead_letter(row) for row in connection.execute(newest)]

    def prune(self, *, now_us: int) -> None:
        """Delete what need not be kept any longer: once an hour, for a second or two."""
        retention.prune(self._database, self.home, now_us)
        shrink(self._database)

    def overdue(self, *, now_us: int) -> Overdue:
        """Return the days that leave only when a person says so, and those that the clock has not reached."""
        return retention.overdue(self._database, self.home, now_us)

    def let_go(self, *, now_us: int, actor: str) -> int:
        """Delete the days that are overdue, as a person has said; return how many."""
        return retention.let_go(self._database, self.home, now_us, actor)

    def _hold(self, path: Path) -> None:
        """Share the file before the first connection to it, once no replacement of it is under way."""
        self._database.hold(create=True)
        while intention(path).exists():
            self._database.let_go()
            go_on(path)
            self._database.hold(create=True)

    def _is_pending(self) -> ColumnElement[bool]:
        return (_OUTBOX.c.home == self.home) & _OUTBOX.c.sent_us.is_(None)
