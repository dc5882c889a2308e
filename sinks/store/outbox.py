"""Limits of the outbox: messages that have expired, are old or too many leave, counted by topic."""

from collections import Counter
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, or_, select

from schemas.tables import OutboxRow, table_of
from schemas.topics import Topics
from sinks.store.engine import Database

US = 1_000_000
# A broker that was away for a week has nobody behind it who waits for what was then.
LONGEST_US = 7 * 86_400 * US
# That many stay however old they are: a clock that is wrong makes all of them old.
NEVER_OLD = 1_000
LARGEST_COUNT = 20_000
LARGEST_BYTES = 32 * 1_048_576
# So much is made free that the next message does not fill it again.
KEPT_SHARE = 0.9
ROWS_A_STATEMENT = 500

_OUTBOX = table_of(OutboxRow)


class Dropped(NamedTuple):
    """Number of messages of a topic that left unsent, and why: expired, old, too many."""

    reason: str
    topic: str
    messages: int


def bound_outbox(database: Database, home: str, *, now_us: int) -> list[Dropped]:
    """Delete what need not, or cannot, wait longer, oldest first; commands and what is retained go last."""
    waiting = (_OUTBOX.c.home == home) & _OUTBOX.c.sent_us.is_(None)
    with database.reading() as connection:
        if not connection.execute(select(_OUTBOX.c.seq).where(waiting).limit(1)).first():
            return []
    with database.writing() as connection:
        return [
            *_drop_where(connection, "expired", waiting & _expired(now_us)),
            *_drop_where(connection, "old", waiting & _old(connection, waiting, now_us)),
            *_drop_too_many(connection, waiting),
        ]


def _expired(now_us: int) -> ColumnElement[bool]:
    return _OUTBOX.c.expiry_s.is_not(None) & (_OUTBOX.c.created_us + _OUTBOX.c.expiry_s * US < now_us)


def _old(connection: Connection, waiting: ColumnElement[bool], now_us: int) -> ColumnElement[bool]:
    newest = select(_OUTBOX.c.seq).where(waiting).order_by(_OUTBOX.c.seq.desc()).offset(NEVER_OLD).limit(1)
    last = connection.execute(newest).scalar() or 0
    return (_OUTBOX.c.created_us < now_us - LONGEST_US) & (_OUTBOX.c.seq <= last) & ~_OUTBOX.c.retain


def _drop_where(connection: Connection, reason: str, what: ColumnElement[bool]) -> list[Dropped]:
    counts = connection.execute(select(_OUTBOX.c.topic, func.count()).where(what).group_by(_OUTBOX.c.topic))
    dropped = [Dropped(reason, topic, count) for topic, count in counts]
    if dropped:
        connection.execute(delete(_OUTBOX).where(what))
    return dropped


def _drop_too_many(connection: Connection, waiting: ColumnElement[bool]) -> list[Dropped]:
    size = func.length(_OUTBOX.c.payload)
    count, total = connection.execute(select(func.count(), func.sum(size)).where(waiting)).one()
    if count <= LARGEST_COUNT and (total or 0) <= LARGEST_BYTES:
        return []
    last = or_(_OUTBOX.c.retain, _OUTBOX.c.topic.contains(Topics.automation_command.stem))
    rows = connection.execute(
        select(_OUTBOX.c.seq, _OUTBOX.c.topic, size).where(waiting).order_by(last, _OUTBOX.c.seq)
    ).all()
    gone: list[int] = []
    topics: Counter[str] = Counter()
    for seq, topic, payload_bytes in rows:
        if count <= LARGEST_COUNT * KEPT_SHARE and total <= LARGEST_BYTES * KEPT_SHARE:
            break
        gone.append(seq)
        topics[topic] += 1
        count, total = count - 1, total - payload_bytes
    for start in range(0, len(gone), ROWS_A_STATEMENT):
        connection.execute(delete(_OUTBOX).where(_OUTBOX.c.seq.in_(gone[start : start + ROWS_A_STATEMENT])))
    return [Dropped("too many", topic, number) for topic, number in topics.items()]
