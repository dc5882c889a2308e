"""What leaves the store leaves it neither early nor late."""

from datetime import UTC, date, datetime, timedelta

import pytest

from schemas.events import StateChange
from schemas.outgoing import Outgoing
from schemas.statuses import DeadLetter
from sinks.store import SqlStore, retention

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW_US = 1_780_315_200_000_000
TODAY = date(2026, 6, 1)


@pytest.fixture
def store(url: str, monkeypatch: pytest.MonkeyPatch) -> SqlStore:
    """A store that keeps at least 20 rows of the journal and 5 dead letters, pruned in slices of 3."""
    monkeypatch.setattr(retention, "JOURNAL_ROWS", 20)
    monkeypatch.setattr(retention, "DEAD_LETTERS", 5)
    monkeypatch.setattr(retention, "ROWS_A_TRANSACTION", 3)
    monkeypatch.setattr(retention, "TRANSACTIONS_A_CALL", 4)
    return opened(url)


def opened(url: str, home: str = "home") -> SqlStore:
    """Return a store with its tables."""
    found = SqlStore(url, home=home)
    found.migrate()
    return found


def journal(store: SqlStore, numbers: range, received_us: int) -> None:
    """Append numbered state changes."""
    changes = [StateChange(number, "light.a", None, "on") for number in numbers]
    with store.begin() as transaction:
        transaction.journal([(change.key, change) for change in changes], received_us)


def places(store: SqlStore) -> list[int]:
    """Return the numbers that the journal still has."""
    return [event.at_us for _, event in store.journal_after()]


def test_the_journal_keeps_a_week(store: SqlStore) -> None:
    """What was received more than seven days ago leaves, to the microsecond."""
    week_ago_us = NOW_US - 7 * retention.DAY_US
    journal(store, range(1, 11), week_ago_us - 1)
    journal(store, range(11, 41), week_ago_us)
    store.prune(now_us=NOW_US)
    assert places(store) == list(range(11, 41))


def test_the_journal_keeps_its_newest_rows(store: SqlStore, url: str) -> None:
    """However old, the newest rows of each home stay: duplicates are known by them."""
    other = opened(url, home="other")
    journal(other, range(1, 16), 0)
    journal(store, range(1, 32), 0)
    journal(other, range(16, 24), 0)
    store.prune(now_us=NOW_US)
    assert (places(store), places(other)) == (list(range(12, 32)), list(range(1, 24)))
    with store.begin() as transaction:
        known = [StateChange(number, "light.a", None, "on").key for number in (11, 12)]
        assert transaction.unseen(known) == {known[0]}


def test_a_wrong_clock_does_not_keep_the_journal(store: SqlStore) -> None:
    """Entries that were received in the future, as the clock said, leave like old ones."""
    journal(store, range(1, 8), NOW_US + 365 * retention.DAY_US)
    journal(store, range(8, 31), 0)
    store.prune(now_us=NOW_US)
    assert places(store) == list(range(11, 31))


def test_one_call_takes_its_time_and_no_more(store: SqlStore) -> None:
    """A long journal is pruned in several calls, the oldest first."""
    journal(store, range(1, 41), 0)
    store.prune(now_us=NOW_US)
    assert places(store) == list(range(13, 41))
    store.prune(now_us=NOW_US)
    assert places(store) == list(range(21, 41))


def test_days_and_aggregates_leave_in_their_time(store: SqlStore) -> None:
    """Day sets stay 365 days, the aggregates of each detector 90."""
    days = [TODAY - timedelta(days=age) for age in (366, 365, 91, 90, 0)]
    with store.begin() as transaction:
        for day in days:
            transaction.save_day(day, b"x", events=1, sealed=True, at_us=0, applied_seq=0)
            transaction.save_aggregates(day, "time_of_day", {"a": {"n": 1}})
    store.prune(now_us=NOW_US)
    assert store.days() == [(day, True, 0) for day in sorted(days[1:])]
    with store._database.reading() as connection:
        kept = connection.exec_driver_sql("SELECT count(*) FROM day_aggregates").scalar()
    assert kept == 2


def test_messages_leave_two_days_after_they_were_sent(store: SqlStore) -> None:
    """A message that is known cannot be enqueued again, one that left can; what was not sent never leaves."""
    messages = [Outgoing(name, "t", b"") for name in ("old", "recent", "pending")]
    with store.begin() as transaction:
        transaction.enqueue(messages, 0)
    store.sent(["old"], NOW_US - 2 * retention.DAY_US - 1)
    store.sent(["recent"], NOW_US - 2 * retention.DAY_US)
    store.prune(now_us=NOW_US)
    with store.begin() as transaction:
        transaction.enqueue(messages, NOW_US)
    assert [message.id for message in store.pending(10)] == ["pending", "old"]


def test_the_newest_dead_letters_stay(store: SqlStore) -> None:
    """Of many dead letters the newest are kept, and given out newest first."""
    with store.begin() as transaction:
        transaction.bury(
            [
                DeadLetter(
                    message_id=str(number),
                    reason="r",
                    detail="d",
                    topic="t",
                    received_at=NOW,
                    size_bytes=0,
                    payload_base64="",
                )
                for number in range(9)
            ]
        )
    store.prune(now_us=NOW_US)
    assert [letter.message_id for letter in store.dead_letters(10)] == ["8", "7", "6", "5", "4"]
    assert [letter.message_id for letter in store.dead_letters(2)] == ["8", "7"]
