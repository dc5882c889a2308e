"""Minutes of a day lie on a circle, for single ones and for arrays alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.circular_day import HALF_A_DAY, MINUTES_A_DAY, apart, wrapped

MINUTES = st.floats(0, MINUTES_A_DAY, exclude_max=True)


@given(MINUTES, MINUTES)
def test_a_distance_is_the_shorter_way_round(one: float, other: float) -> None:
    """As counted along the clock in both directions, whichever is named first."""
    along = (one - other) % MINUTES_A_DAY
    assert apart(one, other) == pytest.approx(min(along, MINUTES_A_DAY - along), abs=1e-9)
    assert apart(one, other) == pytest.approx(apart(other, one), abs=1e-9)
    assert 0 <= apart(one, other) <= HALF_A_DAY


@given(MINUTES, st.floats(-HALF_A_DAY, HALF_A_DAY - 1e-6), st.integers(-3, 3))
def test_a_difference_leads_from_one_minute_to_the_other(one: float, by: float, days: int) -> None:
    """Whole days more or less change nothing, and its sign says which of them is later."""
    assert apart(one + wrapped(by + days * MINUTES_A_DAY), one + by) == pytest.approx(0, abs=1e-6)
    assert wrapped(by) == pytest.approx(by, abs=1e-9)


@given(MINUTES, MINUTES, MINUTES)
def test_no_way_round_is_shorter_by_a_third_minute(one: float, other: float, third: float) -> None:
    """The distance is a metric."""
    assert apart(one, other) <= apart(one, third) + apart(third, other) + 1e-9


@given(st.lists(st.floats(-3_000, 3_000), min_size=1, max_size=20))
def test_arrays_are_wrapped_as_single_differences_are(minutes: list[float]) -> None:
    """To the bit: what a detector finds must not depend on how it was counted."""
    assert wrapped(np.array(minutes)).tolist() == [wrapped(minute) for minute in minutes]
