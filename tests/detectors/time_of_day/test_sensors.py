"""What senses people tells of the household itself; what people use does so only beyond that."""

from collections.abc import Iterable
from typing import Any

import pytest

from schemas.patterns import Pattern, TimeOfDayDetail

MOTION = "binary_sensor.kitchen_motion"
MEALS = (490, 750, 1095)


def pass_by(household: Any, entity_id: str, minute: float, days: Iterable[int], bouts: int = 6) -> None:
    """Somebody is in a room for half an hour: a burst of uses that begins near `minute`."""
    for day in days:
        start = household.rng.gauss(minute, 10)
        for _ in range(bouts):
            household.habit(entity_id, start + household.rng.uniform(0, 30), [day], spread=0)


@pytest.fixture
def meals(household: Any) -> Any:
    """Four weeks of a home whose every sensor sees the three meals."""
    household.live(range(28))
    for meal in MEALS:
        for entity_id in (MOTION, "binary_sensor.hall_motion", "binary_sensor.table_motion"):
            pass_by(household, entity_id, meal, range(28))
    return household


def minutes(patterns: Iterable[Pattern], entity_id: str) -> list[float]:
    """When an entity has habits."""
    details = [pattern.detail for pattern in patterns if isinstance(pattern.detail, TimeOfDayDetail)]
    return sorted(detail.minute for detail in details if detail.entity_id == entity_id)


def test_meals_are_habits_though_all_sensors_see_them(meals: Any, judge: Any) -> None:
    """A sensor's habits are not explained away by the other sensors that see the same people."""
    found = minutes(judge(meals, 28), MOTION)
    assert len(found) == len(MEALS)
    assert all(abs(minute - meal - 15) < 25 for minute, meal in zip(found, MEALS, strict=True))


def test_a_lamp_used_in_passing_has_no_habit(meals: Any, judge: Any) -> None:
    """What is used in proportion to people's being about has none; a sensor with the same uses has."""
    for use in list(meals.uses):
        if meals.rng.random() < 0.1:
            for entity_id in ("light.hall", "binary_sensor.shelf_motion"):
                meals.habit(entity_id, use.minute + 1, [use.day], spread=0)
    found = judge(meals, 28)
    assert minutes(found, "light.hall") == []
    assert minutes(found, "binary_sensor.shelf_motion")


def test_a_busy_hour_of_the_home_counts_in_every_room(meals: Any, judge: Any) -> None:
    """A lamp used in passing has no habit though its own room is as busy at any hour of the day."""
    for use in list(meals.uses):
        if meals.rng.random() < 0.1:
            meals.habit("light.hall", use.minute + 1, [use.day], spread=0)
    rooms = dict.fromkeys(["light.hall", *(f"binary_sensor.motion_{number}" for number in range(6))], "hall")
    meals.home = meals.home.model_copy(update={"rooms": rooms})
    assert minutes(judge(meals, 28), "light.hall") == []


def test_a_busy_hour_of_a_room_counts_in_it(household: Any, judge: Any) -> None:
    """A lamp used when its room is has no habit, though the home is no busier then; elsewhere it has."""
    household.live(range(28), entities=12)
    lamp, seen = "light.lamp", ("binary_sensor.table_motion", MOTION)
    for day in range(28):
        for entity_id in seen:
            pass_by(household, entity_id, 490, [day])
            pass_by(household, entity_id, household.rng.uniform(600, 1300), [day], bouts=3)
    for use in list(household.uses):
        if use.entity_id in seen and household.rng.random() < 0.2:
            household.habit(lamp, use.minute + 1, [use.day], spread=0)
    assert minutes(judge(household, 28), lamp)
    household.home = household.home.model_copy(update={"rooms": dict.fromkeys([lamp, *seen], "kitchen")})
    assert minutes(judge(household, 28), lamp) == []


@pytest.mark.parametrize("seed", range(3))
def test_turned_days_have_no_habits(meals: Any, judge: Any, seed: int) -> None:
    """When each day is turned by an offset of its own, the sensors' habits are gone."""
    meals.rng.seed(seed)
    turns = {day: meals.rng.uniform(0, 1440) for day in range(28)}
    meals.uses = [use._replace(minute=(use.minute + turns[use.day]) % 1440) for use in meals.uses]
    assert judge(meals, 28) == []


def test_a_busy_sensor_needs_more_than_half_its_days(household: Any, judge: Any) -> None:
    """A sensor that sees people all day has no habit where it saw them on every other day."""
    household.live(range(28))
    pass_by(household, MOTION, 750, range(0, 28, 2))
    assert minutes(judge(household, 28), MOTION) == []


def test_a_door_that_closes_at_once_is_said_once(household: Any, judge: Any) -> None:
    """Opening and closing within a minute are one habit."""
    household.live(range(21))
    for day in range(21):
        opened = household.rng.gauss(480, 8)
        household.habit("binary_sensor.front_door", opened, [day], spread=0)
        household.habit("binary_sensor.front_door", opened + 0.5, [day], spread=0, state="off")
    (pattern,) = [
        pattern for pattern in judge(household, 21) if pattern.detail.entity_id == "binary_sensor.front_door"
    ]
    assert pattern.detail.state == "on"
