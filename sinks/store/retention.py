"""What leaves the store, and when."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Column, delete, select

from schemas.tables import (
    DayAggregateRow,
    DaySetRow,
    DeadLetterRow,
    JournalRow,
    NonceRow,
    OutboxRow,
    table_of,
)
from sinks.store.engine import Database

DAY_US = 86_400_000_000
JOURNAL_DAYS = 7
JOURNAL_ROWS = 200_000
OUTBOX_DAYS = 2
# Much longer than a command is valid, and a press counts.
NONCE_DAYS = 2
DAY_SET_DAYS = 365
AGGREGATE_DAYS = 90
DEAD_LETTERS = 10_000
# A second or two for a whole call, and a fifth of that for a transaction.
ROWS_A_TRANSACTION = 10_000
TRANSACTIONS_A_CALL = 5

_JOURNAL = table_of(JournalRow)
_OUTBOX = table_of(OutboxRow)
_LETTERS = table_of(DeadLetterRow)
_NONCES = table_of(NonceRow)


def prune(database: Database, home: str, now_us: int) -> None:
    """Delete what is older than it has to be.

    Of the journal a bounded part: who calls this every hour keeps up with a million entries a day, and keeps
    nobody waiting.
    """
    oldest_kept = _oldest_of(database, _JOURNAL.c.seq, home, JOURNAL_ROWS)
    for _ in range(TRANSACTIONS_A_CALL):
        if not _prune_journal(database, home, now_us, oldest_kept):
            break
    oldest_letter = _oldest_of(database, _LETTERS.c.seq, home, DEAD_LETTERS)
    today = datetime.fromtimestamp(now_us // 1_000_000, UTC).date()
    with database.writing() as connection:
        connection.execute(
            delete(_OUTBOX).where(_OUTBOX.c.home == home, _OUTBOX.c.sent_us < now_us - OUTBOX_DAYS * DAY_US)
        )
        connection.execute(
            delete(_NONCES).where(_NONCES.c.home == home, _NONCES.c.seen_us < now_us - NONCE_DAYS * DAY_US)
        )
        for row, days in ((DaySetRow, DAY_SET_DAYS), (DayAggregateRow, AGGREGATE_DAYS)):
            table = table_of(row)
            oldest = today - timedelta(days=days)
            connection.execute(delete(table).where(table.c.home == home, table.c.day < oldest))
        connection.execute(delete(_LETTERS).where(_LETTERS.c.home == home, _LETTERS.c.seq < oldest_letter))


def _prune_journal(database: Database, home: str, now_us: int, before_seq: int) -> bool:
    """Delete a part of the journal; whether there may be more."""
    oldest = (
        select(_JOURNAL.c.seq)
        .where(_JOURNAL.c.home == home, _JOURNAL.c.seq < before_seq)
        .order_by(_JOURNAL.c.seq)
        .limit(ROWS_A_TRANSACTION)
    )
    # What a clock that was wrong put into the future would otherwise stay, and keep all behind it.
    kept = _JOURNAL.c.received_us.between(now_us - JOURNAL_DAYS * DAY_US, now_us)
    with database.writing() as connection:
        deleted = connection.execute(delete(_JOURNAL).where(_JOURNAL.c.seq.in_(oldest), ~kept)).rowcount
    return deleted == ROWS_A_TRANSACTION


def _oldest_of(database: Database, seq: Column[int], home: str, newest: int) -> int:
    """Return the place of the oldest among the `newest` rows; 0 if there are not as many."""
    place = select(seq).where(seq.table.c.home == home).order_by(seq.desc()).offset(newest - 1).limit(1)
    with database.reading() as connection:
        return connection.execute(place).scalar() or 0
