from hypothesis import given
from hypothesis import strategies as st

from pipeline.commands.refusal_book import (
    ANSWERS_AT_ONCE,
    ENTRIES_A_MINUTE,
    ENTRIES_AT_ONCE,
    SUMMED_UP_AFTER_US,
    AuditThrottle,
)

MINUTE_US = 60_000_000
NOW_US = 1_795_154_400_000_000
CODES = st.sampled_from(["signature", "expired", "replayed"])
STEPS = st.lists(st.tuples(st.integers(-MINUTE_US, 3 * MINUTE_US), CODES), max_size=60)


def counted_in(summary: str) -> int:
    """How many a summary tells of."""
    return int(summary.split(maxsplit=1)[0].removeprefix("count=")) if summary else 0


@given(steps=STEPS, entries=st.floats(0, 3))
def test_every_refusal_is_entered_or_counted_once(steps: list[tuple[int, str]], entries: float) -> None:
    """Whatever the clock does, entries, summaries and what is yet to be summed up make the whole."""
    book, now_us, told = AuditThrottle(entries=entries, at_us=NOW_US), NOW_US, 0
    for step_us, code in steps:
        now_us += step_us
        book, summary = book.sum_up(now_us)
        book, is_entered = book.enter(code, now_us)
        book = AuditThrottle.model_validate(book.model_dump(mode="json"))
        told += counted_in(summary) + is_entered
    assert told + sum(book.counted.values()) == len(steps)


def test_a_flood_has_as_many_entries_as_it_may() -> None:
    """Ten thousand at once have an entry each; what comes above the bound is counted."""
    book, entered = AuditThrottle(), 0
    for number in range(ENTRIES_AT_ONCE + 500):
        book, is_entered = book.enter("signature", NOW_US)
        entered += is_entered
        assert is_entered or number >= 10_000
    assert entered == ENTRIES_AT_ONCE
    assert book.counted == {"signature": 500}


def test_a_flood_without_end_has_a_bounded_number_of_entries_a_minute() -> None:
    """After the first ones, so many a minute are entered, and one summary of all others."""
    book, now_us = AuditThrottle(entries=0, at_us=NOW_US), NOW_US
    entered, summaries = 0, []
    for _ in range(10 * 600):
        now_us += MINUTE_US // 600
        book, summary = book.sum_up(now_us)
        book, is_entered = book.enter("signature", now_us)
        entered += is_entered
        summaries += [summary] if summary else []
    assert 10 * ENTRIES_A_MINUTE - 1 <= entered <= 10 * ENTRIES_A_MINUTE + 1
    assert 9 <= len(summaries) <= 10
    assert entered + sum(map(counted_in, summaries)) + sum(book.counted.values()) == 6_000


def test_what_was_counted_is_summed_up_a_minute_after_its_first() -> None:
    """Not before, with each reason, and once; a clock that was set back does not keep it."""
    book, _ = AuditThrottle(entries=0, at_us=NOW_US).enter("expired", NOW_US)
    book, _ = book.enter("signature", NOW_US + 10)
    early, said = book.sum_up(NOW_US + SUMMED_UP_AFTER_US - 1)
    assert (early, said) == (book, "")
    after, said = book.sum_up(NOW_US + SUMMED_UP_AFTER_US)
    assert said.startswith("count=2 expired=1 signature=1 since=2026-11-20T")
    assert after.sum_up(NOW_US + 10 * SUMMED_UP_AFTER_US)[1] == ""
    assert counted_in(book.sum_up(NOW_US - SUMMED_UP_AFTER_US)[1]) == 2


def test_answers_to_the_unknown_are_bounded() -> None:
    """Whoever sends a flood of forged messages does not get a flood of answers."""
    book, answered = AuditThrottle(at_us=NOW_US), 0
    for _ in range(1_000):
        book, is_answered = book.answer(NOW_US)
        answered += is_answered
    assert answered == ANSWERS_AT_ONCE
    assert book.answer(NOW_US + MINUTE_US)[1]
