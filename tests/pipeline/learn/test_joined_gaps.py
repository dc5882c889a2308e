"""Gaps that anybody can cause at will leave few, and none that was told is lost."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.learning_switch import CLOSE_US
from pipeline.learn.joined_gaps import DAY_US, GAPS_A_DAY, JoinedGaps
from schemas.events import PAUSED, Gap

S = 1_000_000


def kept(gaps: list[Gap]) -> list[Gap]:
    """What a store holds of gaps in the end: of two with one beginning the later end."""
    joined, rows = JoinedGaps(), {}
    for gap in gaps:
        note = joined.note(gap)
        rows[note.from_us, note.reason] = note
    return list(rows.values())


def apart(number: int, pause_us: int) -> list[Gap]:
    """So many gaps of half a second, so far apart."""
    step_us = pause_us + S // 2
    return [Gap(S + place * step_us, S + place * step_us + S // 2, "paused") for place in range(number)]


def test_what_lies_a_second_apart_is_one() -> None:
    """And what lies further apart is two."""
    assert len(kept(apart(1_000, CLOSE_US))) == 1
    assert len(kept(apart(20, CLOSE_US + 1))) == 20


def test_a_flood_prolongs_the_last() -> None:
    """Ten thousand gaps within hours leave the number of a day; the last reaches to the end."""
    gaps = apart(10_000, 2 * S)
    found = kept(gaps)
    assert len(found) == GAPS_A_DAY
    assert found[-1].to_us == gaps[-1].to_us


def test_another_day_has_room_again() -> None:
    """A day after the flood began each gap is one of its own."""
    gaps = apart(100, 2 * S)
    later = [gap._replace(from_us=gap.from_us + DAY_US, to_us=gap.to_us + DAY_US) for gap in gaps[:3]]
    assert kept([*gaps, *later])[-3:] == later


def test_a_gap_within_the_last_takes_nothing_of_it() -> None:
    """One that ended sooner, as a clock that was set may tell, leaves the longer one as it was."""
    joined = JoinedGaps()
    joined.note(Gap(S, 9 * S, PAUSED))
    assert joined.note(Gap(2 * S, 5 * S, PAUSED)) == Gap(S, 9 * S, PAUSED)


def test_reasons_are_not_joined() -> None:
    """A pause says nothing of the broker."""
    gaps = [Gap(S, 2 * S, "paused"), Gap(2 * S, 3 * S, "broker"), Gap(3 * S, 4 * S, "paused")]
    assert kept(gaps) == [Gap(S, 4 * S, "paused"), Gap(2 * S, 3 * S, "broker")]


@given(st.lists(st.tuples(st.integers(1, 3 * 3_600 * S), st.integers(1, 600 * S)), max_size=300))
def test_every_gap_is_in_one_that_is_kept(steps: list[tuple[int, int]]) -> None:
    """Whatever comes; and in no 24 hours more begin than may."""
    gaps, at_us = [], 0
    for pause_us, length_us in steps:
        gaps.append(Gap(at_us + pause_us, at_us + pause_us + length_us, "home_assistant"))
        at_us += pause_us + length_us
    found = kept(gaps)
    assert all(any(each.from_us <= gap.from_us and gap.to_us <= each.to_us for each in found) for gap in gaps)
    starts = [gap.from_us for gap in found]
    assert all(b - a > DAY_US for a, b in zip(starts, starts[GAPS_A_DAY:], strict=False))
