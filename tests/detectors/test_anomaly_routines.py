"""When a habit that did not show is worth telling."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from detectors.anomaly.alarms import HOUR_MS, MINUTE_MS, Alarm
from detectors.anomaly.routines import DaySoFar, Expected, Routine
from schemas.home import Home
from schemas.patterns import TimeOfDayDetail

HOME = Home(tz="Europe/Berlin", lat=52.5, lon=13.4)
FIRST = date(2026, 3, 2)
SUN = (360.0, 1080.0)


def routine(name: str = "kettle", minute: float = 450.0) -> Routine:
    """Use something every day about the same time."""
    habit = TimeOfDayDetail(
        entity_id=f"switch.{name}",
        state="on",
        minute=minute,
        spread_minutes=4.0,
        days=tuple(range(7)),
        anchor="clock",
    )
    return Routine(habit)


def occasion(habit: Routine, day: int) -> Expected:
    """The occasion of a day."""
    expected = habit.expect(FIRST + timedelta(days=day), HOME.zone, SUN)
    assert expected
    return expected


def keep(habit: Routine, days: int) -> None:
    """Let it show on the first days."""
    for day in range(days):
        expected = occasion(habit, day)
        habit.see(expected.from_ms + 5 * MINUTE_MS)
        assert habit.settle(expected, busy=30, possible=True) is None


def miss(habit: Routine, day: int, *, busy: int = 30, possible: bool = True) -> Alarm | None:
    """Let it not show on a day."""
    return habit.settle(occasion(habit, day), busy=busy, possible=possible)


def test_a_routine_that_was_always_kept_is_missed() -> None:
    """After four weeks one miss is told, with what was expected and when."""
    habit = routine()
    keep(habit, 28)
    alarm = miss(habit, 28)
    assert alarm
    assert alarm.expected == "is usually turned on around 07:30: on 28 of the last 28 such days"
    assert alarm.observed == "was not turned on between 07:00 and 08:00"
    assert (alarm.occasions, alarm.usual) == (28, 28)


@pytest.mark.parametrize(("busy", "possible", "days"), [(5, True, 28), (30, False, 28), (30, True, 8)])
def test_nothing_is_missed_of_which_little_is_known(busy: int, possible: bool, days: int) -> None:  # noqa: FBT001 cases
    """In a quiet home, where it could not show, or after a week, a miss is none."""
    habit = routine()
    keep(habit, days)
    assert miss(habit, days, busy=busy, possible=possible) is None


def test_what_was_done_early_is_not_missed() -> None:
    """An hour before its time it was done; six hours before, it was something else."""
    early, other = routine(), routine()
    for habit, before_h in ((early, 1), (other, 6)):
        keep(habit, 28)
        habit.see(occasion(habit, 28).from_ms - before_h * HOUR_MS)
    assert miss(early, 28) is None
    assert miss(other, 28)


def test_a_day_is_ordinary_while_others_keep_theirs() -> None:
    """Where of four routines two were not kept, the day is another one; until three were due, none is."""
    habits = [routine(f"s{number}", 400.0 + 60 * number) for number in range(4)]
    for habit in habits:
        keep(habit, 28)
    day = DaySoFar()
    ordinary = []
    for number, habit in enumerate(habits):
        expected = occasion(habit, 28)
        if number % 2:
            habit.see(expected.from_ms + 1)
        day.note(expected, habit.likely)
        ordinary.append(day.is_ordinary("switch.kettle"))
    assert ordinary == [True, True, False, False]
    day.note(occasion(habits[1], 30), 0.9)
    assert day.is_ordinary("switch.kettle"), "days ago"


def test_habits_that_move_a_little_keep_their_occasions() -> None:
    """What a night learns anew moves few occasions, so that what was missed keeps its id."""
    windows = [occasion(routine(minute=420 + number / 2), 0) for number in range(120)]
    moved = sum(one.until_ms != other.until_ms for one, other in pairwise(windows))
    assert moved <= 60 / 30 + 1
    assert all(each.until_ms - each.from_ms <= HOUR_MS for each in windows)
