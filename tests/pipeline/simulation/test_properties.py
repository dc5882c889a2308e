"""What holds in every household, whatever its parameters."""

from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.simulation import DIFFICULTIES, EntityState, Household
from tests.profiles import examples

PLACES = (
    ("Europe/Berlin", 52.5, 13.4),
    ("America/New_York", 40.7, -74.0),
    ("Australia/Lord_Howe", -31.6, 159.1),
    ("Asia/Kolkata", 28.6, 77.2),
    ("Pacific/Auckland", -36.8, 174.8),
    ("Europe/Oslo", 69.6, 18.9),
)


@st.composite
def households(draw: st.DrawFn) -> dict[str, Any]:
    """Parameters of a small household."""
    tz, lat, lon = draw(st.sampled_from(PLACES))
    return {
        "seed": draw(st.integers(0, 10**6)),
        "days": draw(st.integers(1, 2)),
        "start": draw(st.dates(date(2024, 1, 1), date(2028, 12, 31))),
        "tz": tz,
        "lat": lat,
        "lon": lon,
        "occupants": draw(st.integers(1, 4)),
        "difficulty": draw(st.sampled_from(sorted(DIFFICULTIES))),
        "noise": draw(st.sampled_from((0.0, 1.0, 3.0))),
        "restarts_per_week": draw(st.sampled_from((0.0, 7.0))),
    }


@given(households())
@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.too_slow], derandomize=True)
def test_every_household_keeps_the_laws(parameters: dict[str, Any]) -> None:
    """Arrivals in order, times within the run, no state twice in a row, and the truth in the stream."""
    household = Household(**parameters)
    messages = list(household.messages())
    calendar = household.calendar
    begin, end = calendar.moment(0, 0), calendar.moment(parameters["days"], 0)
    assert all(before[0] <= after[0] for before, after in pairwise(messages))
    shown: set[tuple[EntityState, float]] = set()
    for _, payload in messages:
        if payload["event_type"] != "state_changed":
            continue
        new = payload["event_data"]["new_state"]
        at = datetime.fromisoformat(new["last_updated"]).astimezone(UTC).timestamp()
        assert begin <= at < end + 60
        old = payload["event_data"]["old_state"]
        assert old is None or (old["state"], old["attributes"]) != (new["state"], new["attributes"])
        action = EntityState(new["entity_id"], new["state"])
        shown |= {(action, round(at, 2)), (action, round(at - 0.01, 2))}
    truth = household.truth
    promised = [(habit.action, at) for habit in truth.habits for at in habit.occurrences]
    promised += [(pair.action, at) for pair in truth.pairs for _, at in pair.occurrences]
    missing = [each for each in promised if (each[0], round(each[1], 2)) not in shown]
    assert missing == []
    assert len(truth.day_types) == parameters["days"]


@given(households())
@settings(max_examples=examples(4), suppress_health_check=[HealthCheck.too_slow], derandomize=True)
def test_every_household_is_the_same_again(parameters: dict[str, Any]) -> None:
    """Equal parameters give equal messages and an equal truth."""
    one, other = Household(**parameters), Household(**parameters)
    assert list(one.messages()) == list(other.messages())
    assert one.truth == other.truth
