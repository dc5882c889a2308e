"""What was planted, in words."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from pipeline.simulation import Automation, Chain, EntityState, Habit, Oddity, Pair
from pipeline.simulation.wording import (
    automation_in_words,
    chain_in_words,
    habit_in_words,
    oddity_in_words,
    pair_in_words,
)
from schemas.anomalies import AnomalyKind
from schemas.patterns import AtHome, Condition, Dark, Hours, Temperature, Weekday

BERLIN = ZoneInfo("Europe/Berlin")
COFFEE = EntityState("switch.coffee_maker", "on")
DOOR, LIGHT = EntityState("binary_sensor.door", "on"), EntityState("light.porch", "on")


def test_a_habit_is_said_with_its_change() -> None:
    """Time or sun, and from when it moves or until when it is done."""
    habit = Habit("habit-1", COFFEE, "robin", "clock", 425, 5, (0, 1, 2, 3, 4), 0.9)
    assert habit_in_words(habit) == "you turn on coffee maker (switch) on weekdays around 07:05"
    habit.moved_on, habit.moved_minute = "2026-10-20", 370
    assert habit_in_words(habit).endswith("around 07:05, from 2026-10-20 on around 06:10")
    dropped = Habit("habit-2", LIGHT, "robin", "sunset", -12, 5, (6,), 0.9, dropped_on="2026-10-21")
    assert habit_in_words(dropped).endswith("on Sundays 12 min before sunset, until 2026-10-21")


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Dark(), "in the dark"),
        (Hours(after=6, before=10.5), "between 06:00 and 10:30"),
        (Weekday(days=(5, 6)), "at weekends"),
        (Temperature(entity_id="sensor.outdoor", below=9.5), "while outdoor (sensor) is below 9.5"),
        (AtHome(), "while somebody is at home"),
    ],
)
def test_a_pair_is_said_with_its_condition(condition: Condition, words: str) -> None:
    """What is done, how long after what, and when."""
    pair = Pair("pair-1", DOOR, LIGHT, 5, 0.9, (condition,))
    said = "you turn on porch (light) 5 s after door (binary sensor) becomes on"
    assert pair_in_words(pair) == f"{said}, {words}"


def test_a_chain_is_said_step_by_step() -> None:
    """Each step with its time after the one before."""
    chain = Chain("chain-1", (COFFEE, LIGHT), (42.0,), 0.9)
    said = "you turn on coffee maker (switch), 42 s later you turn on porch (light)"
    assert chain_in_words(chain) == said


@pytest.mark.parametrize(
    ("automation", "words"),
    [
        (Automation("state", LIGHT, "automation.a", DOOR), "after door (binary sensor) becomes on"),
        (Automation("time", LIGHT, "automation.a", minute=1230), "at 20:30"),
        (Automation("time", LIGHT, "automation.a", minute=10, anchor="sunset"), "10 min after sunset"),
        (Automation("hidden", LIGHT, minute=600), "at 10:00, unknown to Home Assistant"),
    ],
)
def test_an_automation_is_said_as_a_machines_doing(automation: Automation, words: str) -> None:
    """What is set, and by what it is triggered."""
    assert automation_in_words(automation) == f"porch (light) is set to on {words}"


@pytest.mark.parametrize("kind", AnomalyKind)
def test_every_kind_of_anomaly_has_words(kind: AnomalyKind) -> None:
    """What was out of order, and when on the wall clock."""
    at = datetime(2026, 10, 25, 12, 30, tzinfo=BERLIN).timestamp()
    said = oddity_in_words(Oddity(kind, "light.porch", at, at + 60), BERLIN)
    assert said.startswith("porch (light) ")
    assert said.endswith(": 25 Oct 12:30")
