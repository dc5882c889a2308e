"""A flood of dead letters is counted, exactly, and costs next to nothing to keep."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.letters import (
    KINDS_AT_MOST,
    LETTERS_AT_ONCE,
    LONGEST_PAUSE_US,
    LONGEST_TOPIC,
    MINUTE_US,
    OTHERS,
    Letters,
)
from pipeline.ingest.messages import Message, PoisonError, Reason
from schemas.statuses import DeadLetter

POISON = PoisonError(Reason.NOT_JSON, "expected JSON, got something else")
JUNK = bytes(3_500)


def taken(letters: Letters, messages: Iterable[Message]) -> list[DeadLetter]:
    """What is kept of messages, as they come."""
    kept = []
    for message in messages:
        letter = letters.take(message, POISON)
        kept += [letter] if letter is not None else []
        kept += letters.due(message.received_us)
    return kept


def junk(number: int, *, step_us: int, topic: str = "events") -> list[Message]:
    """Different messages of 3.5 kB of which nothing can be made."""
    return [Message(topic, place.to_bytes(4, "big") + JUNK, 1 + place * step_us) for place in range(number)]


def test_some_are_kept_one_by_one() -> None:
    """As many as come at once of a device that goes wrong; the first of them with what they were."""
    kept = taken(Letters(), junk(LETTERS_AT_ONCE, step_us=1))
    assert [letter.count for letter in kept] == [1] * LETTERS_AT_ONCE
    assert len(kept[0].payload_base64) == 4_096
    assert len(kept[-1].payload_base64) < 400


def test_a_flood_costs_less_than_a_key_for_each() -> None:
    """A hundred thousand messages in a quarter of an hour: 16 bytes each at most, letters and messages."""
    kept = taken(Letters(), junk(100_000, step_us=9_000))
    size = sum(2 * len(letter.model_dump_json()) for letter in kept)
    assert size / 100_000 < 16
    assert len(kept) < LETTERS_AT_ONCE + 20


def test_every_message_is_counted() -> None:
    """One by one or in a sum, and what is left before the end."""
    letters = Letters()
    kept = taken(letters, junk(5_000, step_us=50_000))
    assert sum(letter.count for letter in [*kept, *letters.rest(10**12)]) == 5_000
    assert letters.flooded() == []


def test_a_flood_of_one_kind_leaves_the_others_alone() -> None:
    """A letter of another topic, or reason, is kept as ever."""
    letters = Letters()
    taken(letters, junk(LETTERS_AT_ONCE + 1, step_us=1))
    assert letters.flooded() == ["events"]
    (other,) = taken(letters, junk(1, step_us=1, topic="switch"))
    assert (other.topic, len(other.payload_base64)) == ("switch", 4_096)
    assert letters.take(junk(1, step_us=1)[0], PoisonError(Reason.OVERSIZE, "")) is not None


def test_topics_without_end_share_what_is_kept() -> None:
    """And are cut to what can be read."""
    letters = Letters()
    messages = [Message(f"{place:05}" * 100, b"", 1) for place in range(5_000)]
    kept = taken(letters, messages)
    assert len(kept) == KINDS_AT_MOST - 1 + 1 + LETTERS_AT_ONCE
    assert max(len(letter.topic) for letter in kept) == LONGEST_TOPIC
    assert letters.flooded() == [OTHERS]


def test_a_summary_says_how_many_and_when() -> None:
    """In its words too, under an id of its own."""
    letters = Letters()
    taken(letters, junk(LETTERS_AT_ONCE + 2, step_us=0))
    assert letters.due(MINUTE_US) == []
    (said,) = letters.due(1 + MINUTE_US)
    assert said.count == 2
    assert said.detail.startswith("2 messages in 60 s, the first of them: expected JSON")
    assert said.message_id != taken(Letters(), junk(1, step_us=0))[0].message_id
    assert letters.due(1 + 2 * MINUTE_US) == []


@given(st.lists(st.integers(-MINUTE_US, 2 * MINUTE_US), min_size=1, max_size=200))
def test_no_clock_loses_count(steps: list[int]) -> None:
    """Forward and back, however often it is asked for what is due."""
    letters, now_us, said, sent = Letters(), 10**15, 0, 0
    for step_us in steps:
        now_us += step_us
        for _ in range(40):
            letter = letters.take(Message("events", b"x", now_us), POISON)
            said, sent = said + (letter is not None), sent + 1
        said += sum(letter.count for letter in letters.due(now_us))
    said += sum(letter.count for letter in letters.due(now_us + LONGEST_PAUSE_US))
    said += sum(letter.count for letter in letters.rest(now_us))
    assert said == sent
