"""What leaves the store leaves it neither early nor late."""

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import pytest
from sqlalchemy import select

from schemas.events import Gap, StateChange
from schemas.outgoing import Outgoing
from schemas.statuses import DeadLetter
from schemas.tables import METADATA
from sinks.store import SqlStore, retention
from tests.fixtures.offers import pattern
from tests.sinks.test_suggestions import feedback

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW_US = 1_780_315_200_000_000
TODAY = date(2026, 6, 1)
HOUR_US = 3_600_000_000


@pytest.fixture
def store(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlStore]:
    """A store that keeps at least 20 rows of the journal and 5 dead letters, pruned in slices of 3."""
    monkeypatch.setattr(retention, "JOURNAL_ROWS", 20)
    monkeypatch.setattr(retention, "DEAD_LETTERS", 5)
    monkeypatch.setattr(retention, "OUTBOX_ROWS", 1)
    monkeypatch.setattr(retention, "NONCES", 3)
    monkeypatch.setattr(retention, "ROWS_A_TRANSACTION", 3)
    monkeypatch.setattr(retention, "TRANSACTIONS_A_CALL", 4)
    made = opened(url)
    yield made
    made.close()


def opened(url: str, home: str = "home") -> SqlStore:
    """Return a store with its tables."""
    found = SqlStore(url, home=home)
    found.migrate()
    return found


def journal(store: SqlStore, numbers: range, at_us: int = 0, *, held: bool = True) -> None:
    """Append numbered state changes, held by a checkpoint or not."""
    changes = [StateChange(at_us + number, "light.a", None, "on") for number in numbers]
    with store.begin() as transaction:
        seq = transaction.journal([(change.key, change) for change in changes], NOW_US)
        if held:
            transaction.save_snapshot(retention.SNAPSHOT, b"{}", version=1, applied_seq=seq)


def places(store: SqlStore, at_us: int = 0) -> list[int]:
    """Return the numbers that the journal still has."""
    return [event.at_us - at_us for _, event in store.journal_after()]


def live(store: SqlStore, last: date, days: int) -> list[date]:
    """Keep day sets and aggregates of so many days up to a last one; return them."""
    lived = [last - timedelta(days=age) for age in reversed(range(days))]
    with store.begin() as transaction:
        for day in lived:
            transaction.save_day(day, b"x", events=1, sealed=True, at_us=0, applied_seq=0)
            transaction.save_aggregates(day, "time_of_day", {"a": {"n": 1}})
    return lived


def kept(store: SqlStore, table: str = "day_sets") -> list[str]:
    """Return the days that a table has."""
    with store._database.reading() as connection:
        column = METADATA.tables[table].c.day
        return [str(day) for day in connection.execute(select(column).distinct().order_by(column)).scalars()]


def test_the_journal_keeps_a_week_of_life(store: SqlStore) -> None:
    """What happened before the last seven lived days, and three to settle, leaves; to the microsecond."""
    live(store, TODAY, 10)
    first_us = NOW_US - 12 * HOUR_US - 9 * retention.DAY_US
    journal(store, range(-10, 31), first_us)
    store.prune(now_us=NOW_US)
    assert places(store, first_us) == list(range(31))


def test_the_journal_keeps_its_newest_rows(store: SqlStore, url: str) -> None:
    """However old, the newest rows of each home stay: duplicates are known by them."""
    other = opened(url, home="other")
    journal(other, range(1, 16))
    live(other, TODAY, 12)
    live(store, TODAY, 12)
    journal(store, range(1, 32))
    journal(other, range(16, 24))
    store.prune(now_us=NOW_US)
    assert (places(store), places(other)) == (list(range(12, 32)), list(range(1, 24)))
    with store.begin() as transaction:
        known = [StateChange(number, "light.a", None, "on").key for number in (11, 12)]
        assert transaction.unseen(known) == {known[0]}


def test_the_journal_keeps_what_no_checkpoint_holds(store: SqlStore) -> None:
    """A row that would be all that is known of an event stays, however old."""
    live(store, TODAY, 12)
    journal(store, range(1, 4))
    journal(store, range(4, 41), held=False)
    store.prune(now_us=NOW_US)
    assert places(store) == list(range(4, 41))


def test_one_call_takes_its_time_and_no_more(store: SqlStore) -> None:
    """A long journal is pruned in several calls, the oldest first."""
    live(store, TODAY, 12)
    journal(store, range(1, 41))
    store.prune(now_us=NOW_US)
    assert places(store) == list(range(13, 41))
    store.prune(now_us=NOW_US)
    assert places(store) == list(range(21, 41))


def test_days_and_aggregates_leave_in_their_time(store: SqlStore) -> None:
    """Day sets stay 365 days and the aggregates 90, and of both the fortnight that has to be lived since."""
    lived = live(store, TODAY, 380)
    store.prune(now_us=NOW_US)
    assert kept(store) == [str(day) for day in lived[1:]]
    assert kept(store, "day_aggregates") == [str(day) for day in lived[-104:]]


@pytest.mark.parametrize("ahead", [-366, -30, 1, 30, 400, 4_000])
def test_a_clock_that_jumps_deletes_nothing(store: SqlStore, ahead: int) -> None:
    """With the clock days ahead or behind, and a day learned under it, all that was kept stays."""
    lived = live(store, TODAY, 379)
    journal(store, range(1, 41), NOW_US - retention.DAY_US)
    live(store, TODAY + timedelta(days=ahead), 1)
    for now_us in (NOW_US + ahead * retention.DAY_US, NOW_US):
        store.prune(now_us=now_us)
    assert set(map(str, lived[14:])) <= set(kept(store))
    assert set(map(str, lived[-90:])) <= set(kept(store, "day_aggregates"))
    assert len(places(store)) == 40


def test_days_past_their_age_wait_for_a_person(store: SqlStore, url: str) -> None:
    """After a year away the days before it are overdue; `let_go` deletes them and the audit log says so."""
    before = live(store, TODAY - timedelta(days=400), 30)
    since = live(store, TODAY, 14)
    store.prune(now_us=NOW_US)
    assert kept(store) == [str(day) for day in [*before, *since]]
    assert store.overdue(now_us=NOW_US) == (before, [])
    assert store.overdue(now_us=NOW_US - 20 * retention.DAY_US) == ([], since)
    other = opened(url, home="other")
    live(other, before[0], 1)
    assert store.let_go(now_us=NOW_US, actor="somebody") == 30
    assert kept(store, "day_aggregates") == [str(before[0]), *map(str, since)]
    entry = store.suggestions.audit()[-1]
    assert (entry.actor, entry.what) == ("somebody", "days deleted")
    assert store.let_go(now_us=NOW_US, actor="somebody") == 0


def test_a_nonce_outlives_a_clock_that_was_ahead(store: SqlStore) -> None:
    """With the clock a year ahead, and back, a command that was carried out is not good again."""
    with store.begin() as transaction:
        for number in range(3):
            transaction.suggestions.use_nonce(str(number), NOW_US + number)
    store.prune(now_us=NOW_US + 400 * retention.DAY_US)
    with store.begin() as transaction:
        assert not transaction.suggestions.use_nonce("0", NOW_US + 10)
        for number in range(3, 6):
            transaction.suggestions.use_nonce(str(number), NOW_US + number)
    store.prune(now_us=NOW_US + 3 * retention.DAY_US)
    assert [store.suggestions.is_used(str(number)) for number in range(6)] == [False] * 3 + [True] * 3


def test_messages_leave_two_days_after_they_were_sent(store: SqlStore) -> None:
    """A message that is known cannot be enqueued again, one that left can; what was not sent never leaves."""
    messages = [Outgoing(name, "t", b"") for name in ("pending", "old", "recent")]
    with store.begin() as transaction:
        transaction.enqueue(messages, 0)
    store.sent(["old"], NOW_US - 2 * retention.DAY_US - 1)
    store.sent(["recent"], NOW_US - 2 * retention.DAY_US)
    store.prune(now_us=NOW_US)
    with store.begin() as transaction:
        transaction.enqueue(messages, NOW_US)
    assert [message.id for message in store.pending(10)] == ["pending", "old"]


def test_what_was_sent_last_is_known_whatever_the_clock_says(store: SqlStore) -> None:
    """The newest messages are still known after a year's jump."""
    with store.begin() as transaction:
        transaction.enqueue([Outgoing("one", "t", b"")], NOW_US)
    store.sent(["one"], NOW_US)
    store.prune(now_us=NOW_US + 400 * retention.DAY_US)
    with store.begin() as transaction:
        transaction.enqueue([Outgoing("one", "t", b"")], NOW_US)
    assert store.pending(10) == []


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


def test_dead_letters_are_bounded_by_their_bytes_too(
    store: SqlStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest stay whose payloads have room together; another home's take none of it."""
    monkeypatch.setattr(retention, "DEAD_LETTER_BYTES", 4_000)
    monkeypatch.setattr(retention, "DEAD_LETTERS", 100)

    def bury(of: SqlStore, name: str, size: int) -> None:
        letter = DeadLetter(
            message_id=name,
            reason="r",
            detail="d",
            topic="t",
            received_at=NOW,
            size_bytes=size,
            payload_base64=b64encode(bytes(size)).decode(),
        )
        with of.begin() as transaction:
            transaction.bury([letter])

    other = opened(url, "other")
    for number in range(9):
        bury(store, f"long{number}", 900)
        bury(other, f"other{number}", 100)
    store.prune(now_us=NOW_US)
    assert [letter.message_id for letter in store.dead_letters(10)] == ["long8", "long7", "long6"]
    for number in range(6):
        bury(store, f"short{number}", 0)
    store.prune(now_us=NOW_US)
    kept = [letter.message_id for letter in store.dead_letters(10)]
    assert kept == [*(f"short{number}" for number in reversed(range(6))), "long8"]
    assert len(other.dead_letters(10)) == 9
    other.close()


def test_what_is_counted_keeps_its_newest(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gaps and feedback keep their newest; retired patterns too, and the active all."""
    monkeypatch.setattr(retention, "GAPS", 4)
    monkeypatch.setattr(retention, "RETIRED_PATTERNS", 2)
    monkeypatch.setattr(retention, "FEEDBACK", 1)
    said = [feedback(str(number), seconds=number) for number in range(3)]
    with store.begin() as transaction:
        transaction.note_gaps([Gap(number, number + 1, "broker") for number in range(9)])
        for number in range(8):
            status: Literal["active", "retired"] = "active" if number < 3 else "retired"
            found = pattern(f"light.lamp{number}").model_copy(update={"id": str(number), "status": status})
            transaction.save_patterns([found], number)
        for each in said:
            transaction.suggestions.say(each)
    store.prune(now_us=NOW_US)
    assert [gap.from_us for gap in store.gaps()] == [5, 6, 7, 8]
    assert {each.id for each in store.patterns()} == {"0", "1", "2", "6", "7"}
    assert store.suggestions.feedback() == said[2:]
