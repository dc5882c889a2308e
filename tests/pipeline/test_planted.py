from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.planted import habit_found, pair_found, taken_for_habits
from pipeline.simulation import Automation, EntityState, Habit, Pair, Truth
from schemas.patterns import CoOccurrenceDetail, Evidence, Pattern, Quantiles, Target, TimeOfDayDetail

BERLIN = ZoneInfo("Europe/Berlin")
COFFEE = EntityState("switch.coffee_maker", "on")
DOOR, LIGHT = EntityState("binary_sensor.door", "on"), EntityState("light.porch", "on")
MakePattern = Callable[..., Pattern]


@pytest.fixture
def pattern() -> MakePattern:
    """Make a pattern of a detail."""

    def make(detail: TimeOfDayDetail | CoOccurrenceDetail) -> Pattern:
        at = datetime(2026, 10, 5, tzinfo=UTC)
        evidence = Evidence(
            opportunities=9, hits=9, misses=0, base_rate=0.1, lift=9, interval=(0.8, 1.0), e_value=1e6
        )
        return Pattern.of(
            detail, home="home", confidence=0.9, occurrences=9, first_seen=at, last_seen=at, evidence=evidence
        )

    return make


def time_of_day(minute: float, **fields: Any) -> TimeOfDayDetail:
    """A habit of the coffee maker."""
    defaults = {
        "entity_id": COFFEE.entity_id,
        "state": "on",
        "spread_minutes": 5,
        "days": (0,),
        "anchor": "clock",
    }
    return TimeOfDayDetail.model_validate({**defaults, "minute": minute, **fields})


def pair(trigger: EntityState, action: EntityState, *, automated: bool = False) -> CoOccurrenceDetail:
    """A pair that was found."""
    return CoOccurrenceDetail(
        trigger=Target(entity_id=trigger.entity_id, state=trigger.state),
        action=Target(entity_id=action.entity_id, state=action.state),
        lag_seconds=Quantiles(p10=1, p50=2, p90=3),
        probability=0.9,
        automated=automated,
    )


@pytest.mark.parametrize(
    ("detail", "found"),
    [
        (time_of_day(5), True),
        (time_of_day(1430), True),
        (time_of_day(120), False),
        (time_of_day(5, state="off"), False),
        (time_of_day(5, entity_id="switch.kettle"), False),
        (time_of_day(5, automated=True), False),
    ],
)
def test_habit_is_found_at_its_time_of_late(
    pattern: MakePattern, detail: TimeOfDayDetail, *, found: bool
) -> None:
    """A habit is found by a person's pattern of the same near its latest times, across midnight too."""
    habit = Habit("habit-1", COFFEE, "robin", "clock", 0, 5, (0,), 0.9)
    first = datetime(2026, 9, 1, 12, tzinfo=BERLIN)
    latest = datetime(2026, 10, 5, 0, 3, tzinfo=BERLIN)
    habit.occurrences = [first.timestamp()] * 20 + [latest.timestamp()] * 7
    assert habit_found(habit, [pattern(detail)], BERLIN) is found


def test_habit_that_never_came_about_is_not_found(pattern: MakePattern) -> None:
    """What was planted and never done cannot be found."""
    habit = Habit("habit-1", COFFEE, "robin", "clock", 0, 5, (0,), 0.9)
    assert not habit_found(habit, [pattern(time_of_day(0))], BERLIN)


def test_pair_is_found_in_its_direction(pattern: MakePattern) -> None:
    """A pair is found by a person's pattern of the same trigger and action, not by its reverse."""
    planted = Pair("pair-1", DOOR, LIGHT, 5, 0.9)
    assert pair_found(planted, [pattern(pair(DOOR, LIGHT))])
    assert not pair_found(planted, [pattern(pair(LIGHT, DOOR))])
    assert not pair_found(planted, [pattern(pair(DOOR, LIGHT, automated=True))])


def test_machine_taken_for_a_person_is_told(pattern: MakePattern) -> None:
    """A pattern that says a person did what a machine does is found out."""
    truth = Truth("Europe/Berlin", automations=[Automation("hidden", LIGHT, trigger=DOOR)])
    wrong, right = pattern(pair(DOOR, LIGHT)), pattern(pair(DOOR, LIGHT, automated=True))
    assert taken_for_habits(truth, [wrong, right, pattern(time_of_day(5))]) == [wrong]
