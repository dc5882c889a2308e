"""Gaps as they become known: prolonged, never shortened."""

import pytest

from pipeline.core.known_gaps import KnownGaps
from schemas.events import Gap


@pytest.mark.parametrize("ends", [(20, 30, 25), (30, 20, 25), (30, 30, 10)])
def test_a_gap_grows_and_never_shrinks(ends: tuple[int, ...]) -> None:
    """Of what is told of one gap, in any order, the latest end holds."""
    known = KnownGaps()
    for end_us in ends:
        told = known.note(Gap(10, end_us, "broker"))
    assert told == Gap(10, 30, "broker")
    assert known.all == [told]


def test_gaps_of_other_reasons_stay_apart() -> None:
    """Each reason has its own gap, even from the same moment on."""
    known = KnownGaps()
    for reason in ("broker", "not_running", "broker"):
        known.note(Gap(10, 20, reason))
    assert {gap.reason for gap in known.all} == {"broker", "not_running"}
    assert len(known.all) == 2
