"""What a pattern may say: figures that are finite, in JSON that says the same again."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.patterns import DurationDetail, Quantiles, TimeOfDayDetail

CLOCK: dict[str, Any] = {
    "entity_id": "light.hall",
    "state": "on",
    "minute": 420.0,
    "spread_minutes": 5.0,
    "days": (0, 1),
    "anchor": "clock",
}


@pytest.mark.parametrize("field", ["minute", "spread_minutes", "offset_minutes"])
@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_figures_that_json_cannot_hold_are_refused(field: str, value: float) -> None:
    """Infinity and NaN would be null on the topic."""
    with pytest.raises(ValidationError, match=field):
        TimeOfDayDetail(**{**CLOCK, field: value})


def test_what_speaks_of_one_state_names_it_first() -> None:
    """A habit of the clock and a duration say entity and state, then their figures; that is their subject."""
    seconds = Quantiles(p10=1, p50=2, p90=3)
    for detail in (
        TimeOfDayDetail(**CLOCK),
        DurationDetail(entity_id="light.hall", state="on", seconds=seconds, typical_hours=(7,)),
    ):
        assert list(detail.model_dump())[:2] == ["entity_id", "state"]
        assert detail.subject == ("light.hall", "on")
        assert detail.principal == "light.hall"
        assert type(detail).model_validate_json(detail.exact()) == detail
