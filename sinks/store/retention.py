"""Retention of the store: days leave by the days lived through since, all else by count."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Select, bindparam, delete, func, or_, select

from schemas.suggestions import STANDING
from schemas.tables import (
    AnomalyRow,
    AutomationVersionRow,
    DamagedRow,
    DayAggregateRow,
    DaySetRow,
    DeadLetterRow,
    DeploymentRow,
    FeedbackRow,
    GapRow,
    JournalRow,
    NonceRow,
    OutboxRow,
    PatternRow,
    SnapshotRow,
    SuggestionRow,
    table_of,
)
from sinks.store import audit
from sinks.store.ages import Leaving, Term, leaving
from sinks.store.engine import Database
from sinks.store.outbox import LARGEST_COUNT, NEVER_OLD

DAY_US = 86_400_000_000
# Between two hourly looks a home that is lived in has a day fall due, and late ones a few more.
DAY_SET_TERM = Term(365, 14, at_once=14)
AGGREGATE_TERM = Term(90, 14)
JOURNAL_TERM = Term(7, 3)
JOURNAL_ROWS = 200_000
# Of what was sent, and of nonces, that many stay whatever the clock says: one that was ahead for a moment
# must not make a command good that was carried out already.
OUTBOX_DAYS = 2
OUTBOX_ROWS = 10_000
# Much longer than a command is valid, and a press counts.
NONCE_DAYS = 2
NONCES = 10_000
DEAD_LETTERS = 10_000
# Most letters are short; ten thousand that hold all that a letter may would take twice as much.
DEAD_LETTER_BYTES = 16 * 1_048_576
# What a row takes beside its texts and its payload, indexes included.
LETTER_ROW_BYTES = 300
# Loaded at every start: some tens of bytes each. Years of a home that is never out of sight for long.
GAPS = 20_000
ANOMALIES = 10_000
RETIRED_PATTERNS = 5_000
SETTLED_SUGGESTIONS = 5_000
VERSIONS = 50
FEEDBACK = 10_000
AUDIT_ENTRIES = 100_000
DAMAGED = 1_000
# A second or two for a whole call, and a fifth of that for a transaction.
ROWS_A_TRANSACTION = 10_000
TRANSACTIONS_A_CALL = 5
SNAPSHOT = "learning"

_JOURNAL = table_of(JournalRow)
_DAYS = table_of(DaySetRow)
_AGGREGATES = table_of(DayAggregateRow)
_OUTBOX = table_of(OutboxRow)
_LETTERS = table_of(DeadLetterRow)
_NONCES = table_of(NonceRow)
_GAPS = table_of(GapRow)
_ANOMALIES = table_of(AnomalyRow)
_PATTERNS = table_of(PatternRow)
_SUGGESTIONS = table_of(SuggestionRow)
_DEPLOYMENTS = table_of(DeploymentRow)
_VERSIONS = table_of(AutomationVersionRow)
_FEEDBACK = table_of(FeedbackRow)
_DAMAGED = table_of(DamagedRow)
_SNAPSHOTS = table_of(SnapshotRow)

BOUNDS = {
    "journal": f"{JOURNAL_TERM.days} days, and the {JOURNAL_TERM.settling} that were lived since, and the "
    f"newest {JOURNAL_ROWS:,} rows; never a row that no checkpoint holds yet",
    "day_sets": f"{DAY_SET_TERM.days} days, and the {DAY_SET_TERM.settling} that were lived since",
    "day_aggregates": f"{AGGREGATE_TERM.days} days, and the {AGGREGATE_TERM.settling} that were lived since",
    "patterns": f"all that are active, and the newest {RETIRED_PATTERNS:,} of the retired",
    "anomalies": f"as long as day sets, and the newest {ANOMALIES:,}",
    "outbox": f"what was sent: {OUTBOX_DAYS} days, and the newest {OUTBOX_ROWS:,}; what was not: until it "
    f"expires, or 7 days and the newest {NEVER_OLD:,}; {LARGEST_COUNT:,} messages and 32 MB at most",
    "dead_letters": f"the newest {DEAD_LETTERS:,}, and {DEAD_LETTER_BYTES // 1_048_576} MiB of them",
    "leases": "one for each part of the home",
    "snapshots": "one of each name",
    "gaps": f"as long as day sets, and the newest {GAPS:,}",
    "suggestions": f"all that wait or stand, and the newest {SETTLED_SUGGESTIONS:,} of the settled",
    "deployments": "one for each suggestion; it leaves with it",
    "automation_versions": f"the newest {VERSIONS} of each suggestion, and the one that stands",
    "feedback": f"the newest {FEEDBACK:,}",
    "audit": f"the newest {AUDIT_ENTRIES:,}; an entry says where the log begins",
    "nonces": f"{NONCE_DAYS} days, and the newest {NONCES:,}",
    "controls": "one of each name",
    "quarantine": "64 MiB and 20,000 messages; the farthest from what was learned leave first",
    "damaged": f"the newest {DAMAGED:,}",
    "commits": "one for each part of the home",
}


class Overdue(NamedTuple):
    """Days that are past their age and stay until a person lets them go, and days after today."""

    past: Sequence[date]
    ahead: Sequence[date]

    @property
    def is_much(self) -> bool:
        """True if more days are past their age than leave in one go; those of a short absence need nobody."""
        return len(self.past) > (DAY_SET_TERM.at_once or 0)


def prune(database: Database, home: str, now_us: int) -> None:
    """Delete what is older than it has to be.

    Of everything a bounded part: who calls this every hour keeps up with a million entries a day, and keeps
    nobody waiting.
    """
    days = kept_days(database, home)
    today = _day(now_us)
    going = {term: leaving(days, term, today) for term in (DAY_SET_TERM, AGGREGATE_TERM, JOURNAL_TERM)}
    journal_us = _start_us(going[JOURNAL_TERM].before)
    oldest_kept = _oldest_of(database, _JOURNAL.c.seq, home, JOURNAL_ROWS)
    for _ in range(TRANSACTIONS_A_CALL):
        if not _prune_journal(database, home, journal_us, oldest_kept):
            break
    _delete_days(database, home, going[DAY_SET_TERM], going[AGGREGATE_TERM])
    for outlived in _outlived(database, home, now_us, _start_us(going[DAY_SET_TERM].before)):
        for _ in range(TRANSACTIONS_A_CALL):
            if not _delete_some(database, outlived):
                break
    _prune_audit(database, home, now_us)


def overdue(database: Database, home: str, now_us: int) -> Overdue:
    """Return the days that only a person may delete, and those that the clock has not reached."""
    days, today = kept_days(database, home), _day(now_us)
    ahead = [day for day in days if day > today + timedelta(days=1)]
    return Overdue(leaving(days, DAY_SET_TERM, today).overdue, ahead)


def let_go(database: Database, home: str, now_us: int, actor: str) -> int:
    """Delete the days that are overdue, as a person has said; return how many."""
    past = overdue(database, home, now_us).past
    if past:
        with database.writing() as connection:
            for table in (_DAYS, _AGGREGATES):
                connection.execute(delete(table).where(table.c.home == home, table.c.day.in_(past)))
            detail = f"{len(past)} days from {past[0]} to {past[-1]}"
            audit.append(
                connection, home, at_us=now_us, actor=actor, what="days deleted", subject="", detail=detail
            )
    return len(past)


def kept_days(database: Database, home: str) -> list[date]:
    """Return the local days of which a set is kept, in order."""
    wanted = select(_DAYS.c.day).where(_DAYS.c.home == home).order_by(_DAYS.c.day)
    with database.reading() as connection:
        return list(connection.execute(wanted).scalars())


def _prune_journal(database: Database, home: str, before_us: int, before_seq: int) -> bool:
    """Delete a part of the journal; whether there may be more.

    What the last checkpoint does not hold yet is all that is known of it.
    """
    held = select(_SNAPSHOTS.c.applied_seq).where(_SNAPSHOTS.c.home == home, _SNAPSHOTS.c.name == SNAPSHOT)
    oldest = (
        select(_JOURNAL.c.seq)
        .where(_JOURNAL.c.home == home, _JOURNAL.c.seq < before_seq, _JOURNAL.c.at_us < before_us)
        .where(_JOURNAL.c.seq <= held.scalar_subquery())
        .order_by(_JOURNAL.c.seq)
        .limit(ROWS_A_TRANSACTION)
    )
    with database.writing() as connection:
        deleted = connection.execute(delete(_JOURNAL).where(_JOURNAL.c.seq.in_(oldest))).rowcount
    return deleted == ROWS_A_TRANSACTION


def _delete_days(database: Database, home: str, sets: Leaving, aggregates: Leaving) -> None:
    with database.writing() as connection:
        for table, before in ((_DAYS, sets.before), (_AGGREGATES, aggregates.before)):
            connection.execute(delete(table).where(table.c.home == home, table.c.day < before))


def _outlived(database: Database, home: str, now_us: int, before_us: int) -> Iterator[Select[Any]]:
    """Yield the keys of what has outlived its bound, table by table."""

    def beyond(column: Column[int], newest: int, *of: ColumnElement[bool]) -> ColumnElement[bool]:
        return column < _oldest_of(database, column, home, newest, *of)

    def away(seen: Column[int], days: int) -> ColumnElement[bool]:
        # What was done in the future, as a clock said, would otherwise stay for good.
        return or_(seen < now_us - days * DAY_US, seen > now_us + days * DAY_US)

    letters, gaps, anomalies = _LETTERS.c, _GAPS.c, _ANOMALIES.c
    yield _keys(_OUTBOX, home, away(_OUTBOX.c.sent_us, OUTBOX_DAYS), beyond(_OUTBOX.c.seq, OUTBOX_ROWS))
    yield _keys(_NONCES, home, away(_NONCES.c.seen_us, NONCE_DAYS), beyond(_NONCES.c.seen_us, NONCES))
    yield _keys(_LETTERS, home, beyond(letters.seq, DEAD_LETTERS))
    yield _keys(_LETTERS, home, letters.seq <= _last_beyond_bytes(database, home))
    yield _keys(_DAMAGED, home, beyond(_DAMAGED.c.seq, DAMAGED))
    yield _keys(_GAPS, home, or_(gaps.to_us < before_us, beyond(gaps.from_us, GAPS)))
    yield _keys(_ANOMALIES, home, or_(anomalies.at_us < before_us, beyond(anomalies.at_us, ANOMALIES)))
    yield _keys(_FEEDBACK, home, beyond(_FEEDBACK.c.at_us, FEEDBACK))
    yield from _forgotten(home, beyond)


def _last_beyond_bytes(database: Database, home: str) -> int:
    """Return the place of the newest letter that has no room, with those after it; 0 if all have."""
    letters = _LETTERS.c
    size = func.length(letters.payload) + func.length(letters.detail) + func.length(letters.topic)
    newer = func.sum(size + LETTER_ROW_BYTES).over(order_by=letters.seq.desc())
    sums = select(letters.seq, newer.label("bytes")).where(letters.home == home).subquery()
    with database.reading() as connection:
        wanted = select(func.max(sums.c.seq)).where(sums.c.bytes > DEAD_LETTER_BYTES)
        return connection.execute(wanted).scalar() or 0


def _forgotten(home: str, beyond: Any) -> Iterator[Select[Any]]:
    """Yield the keys of old patterns, suggestions and what belongs to them: nothing that still stands."""
    patterns, suggestions, rows, versions = _PATTERNS.c, _SUGGESTIONS.c, _DEPLOYMENTS.c, _VERSIONS.c
    retired = patterns.status == "retired"
    told = select(suggestions.pattern_id).where(suggestions.home == home)
    yield _keys(
        _PATTERNS,
        home,
        retired,
        patterns.id.not_in(told),
        beyond(patterns.changed_us, RETIRED_PATTERNS, retired),
    )
    standing = select(rows.suggestion_id).where(rows.home == home, rows.wanted + rows.standing > 0)
    settled = suggestions.status.not_in([status.value for status in STANDING])
    yield _keys(
        _SUGGESTIONS,
        home,
        settled,
        suggestions.id.not_in(standing),
        beyond(suggestions.updated_us, SETTLED_SUGGESTIONS, settled),
    )
    known = select(suggestions.id).where(suggestions.home == home)
    yield _keys(_DEPLOYMENTS, home, rows.suggestion_id.not_in(known), rows.wanted + rows.standing == 0)
    later = _VERSIONS.alias().c
    newer = (
        select(func.count())
        .where(later.home == home, later.suggestion_id == versions.suggestion_id)
        .where(later.version > versions.version)
        .scalar_subquery()
    )
    stands = select(rows.suggestion_id).where(
        rows.home == home,
        rows.suggestion_id == versions.suggestion_id,
        or_(rows.wanted == versions.version, rows.standing == versions.version),
    )
    old = or_(newer >= VERSIONS, versions.suggestion_id.not_in(known))
    yield _keys(_VERSIONS, home, old, ~stands.exists())


def _keys(table: Any, home: str, *conditions: ColumnElement[bool]) -> Select[Any]:
    columns = list(table.primary_key)
    return select(*columns).where(table.c.home == home, *conditions).limit(ROWS_A_TRANSACTION)


def _delete_some(database: Database, wanted: Select[Any]) -> bool:
    """Delete a bounded number of rows, by their keys; whether there may be more."""
    columns = list(wanted.selected_columns)
    with database.writing() as connection:
        rows = [{f"key{place}": part for place, part in enumerate(row)} for row in connection.execute(wanted)]
        if rows:
            these = [column == bindparam(f"key{place}") for place, column in enumerate(columns)]
            connection.execute(delete(columns[0].table).where(*these), rows)
    return len(rows) == ROWS_A_TRANSACTION


def _prune_audit(database: Database, home: str, now_us: int) -> None:
    with database.writing() as connection:
        audit.prune(connection, home, at_us=now_us, newest=AUDIT_ENTRIES)


def _oldest_of(
    database: Database, column: Column[int], home: str, newest: int, *of: ColumnElement[bool]
) -> int:
    """Return the place of the oldest among the `newest` rows; 0 if there are not as many."""
    place = select(column).where(column.table.c.home == home, *of).order_by(column.desc())
    with database.reading() as connection:
        return connection.execute(place.offset(newest - 1).limit(1)).scalar() or 0


def _day(at_us: int) -> date:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).date()


def _start_us(day: date) -> int:
    """Return the first instant of a day in UTC; before all time for the first day there is."""
    if day == date.min:
        return 0
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
