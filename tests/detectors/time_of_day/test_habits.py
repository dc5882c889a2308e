"""Habits that everybody would see, and what only looks like one."""

import random
from datetime import date, timedelta
from typing import Any

import pytest

from schemas.events import Cause

LIGHT = "light.kitchen"
WEEKDAYS, WEEKEND = (0, 1, 2, 3, 4), (5, 6)


def apart(one: float, other: float) -> float:
    """Minutes between two times of the day, the short way round."""
    return abs((one - other + 720) % 1440 - 720)


@pytest.mark.parametrize("count", [7, 10, 15, 30, 60, 90])
def test_every_morning_at_seven(household: Any, judge: Any, count: int) -> None:
    """A use at 07:00 within five minutes is a daily habit from the seventh day on."""
    household.habit(LIGHT, 420, range(count), spread=2)
    (pattern,) = judge(household, count)
    assert (pattern.detail.entity_id, pattern.detail.state) == (LIGHT, "on")
    assert apart(pattern.detail.minute, 420) <= 5
    assert pattern.detail.days == tuple(range(7))
    assert not pattern.detail.automated
    assert pattern.status == "active"
    assert pattern.evidence.misses == 0
    assert pattern.evidence.hits == min(count, 56)
    assert pattern.confidence > 0.6


def test_more_days_never_lose_a_habit(household: Any, judge: Any) -> None:
    """One more morning that hits keeps the pattern, its id, and never weakens the evidence much."""
    household.live(range(40))
    household.habit(LIGHT, 420, range(40), spread=2)
    ids = {pattern.id for count in range(7, 41) for pattern in judge(household, count)}
    assert len(ids) == 1
    assert all(len(judge(household, count)) == 1 for count in range(7, 41, 3))


@pytest.mark.parametrize("days", [WEEKDAYS, WEEKEND])
def test_some_days_of_the_week(household: Any, judge: Any, days: tuple[int, ...]) -> None:
    """A habit of the weekdays or of the weekend is said for these days, and for these alone."""
    household.live(range(42))
    household.habit(LIGHT, 540, [day for day in range(42) if day % 7 in days], spread=8)
    (pattern,) = judge(household, 42)
    assert pattern.detail.days == days
    assert apart(pattern.detail.minute, 540) <= 8


def test_one_day_a_week(household: Any, judge: Any) -> None:
    """Eight Tuesdays make a weekly habit."""
    household.live(range(56))
    household.habit("switch.bin", 1140, range(1, 56, 7), spread=8)
    (pattern,) = judge(household, 56)
    assert pattern.detail.days == (1,)
    assert pattern.evidence.opportunities == 8


def test_midnight_is_no_border(household: Any, judge: Any) -> None:
    """A habit around midnight is one habit, at midnight, on all days."""
    household.live(range(30))
    household.habit(LIGHT, 1440, range(30), spread=12)
    (pattern,) = judge(household, 30)
    assert apart(pattern.detail.minute, 0) <= 10
    assert pattern.detail.days == tuple(range(7))
    assert pattern.evidence.hits >= 27


def test_days_after_midnight_are_those_of_the_calendar(household: Any, judge: Any) -> None:
    """Half past midnight after the evenings of Monday to Friday is a habit of Tuesday to Saturday."""
    household.live(range(42))
    household.habit(LIGHT, 1470, [day for day in range(42) if day % 7 in WEEKDAYS], spread=8)
    (pattern,) = judge(household, 42)
    assert pattern.detail.days == (1, 2, 3, 4, 5)
    assert apart(pattern.detail.minute, 30) <= 8
    assert {day.weekday() for day in pattern.evidence.recent_hits} <= {1, 2, 3, 4, 5}


def test_twice_a_day(household: Any, judge: Any) -> None:
    """Two times of one entity are two habits with ids of their own, numbered by the clock."""
    household.live(range(30))
    household.habit(LIGHT, 430, range(30), spread=6)
    household.habit(LIGHT, 1150, range(30), spread=6)
    morning, evening = sorted(judge(household, 30), key=lambda pattern: pattern.detail.minute)
    assert apart(morning.detail.minute, 430) <= 6
    assert apart(evening.detail.minute, 1150) <= 6
    assert morning.id != evening.id
    household.uses = [use for use in household.uses if use.entity_id != LIGHT or use.minute < 800]
    assert [pattern.id for pattern in judge(household, 30)] == [morning.id]


def test_moved(household: Any, judge: Any) -> None:
    """A habit that moved is said at its new time, with the old one and since when, under the same id."""
    household.live(range(34))
    household.habit(LIGHT, 540, range(20), spread=6)
    (before,) = judge(household, 20)
    household.habit(LIGHT, 630, range(20, 34), spread=6)
    (pattern,) = judge(household, 34)
    assert apart(pattern.detail.minute, 630) <= 6
    assert pattern.id == before.id
    assert pattern.change is not None
    assert apart(pattern.change.minute_before, 540) <= 6
    assert apart(pattern.change.minute_after, 630) <= 6
    assert abs((pattern.change.since - date(2026, 9, 20)).days) <= 1


def test_ended(household: Any, judge: Any) -> None:
    """A habit that ended ten days ago is not said any more."""
    household.live(range(34))
    household.habit(LIGHT, 540, range(24), spread=6)
    assert judge(household, 24)
    assert not judge(household, 34)


def test_sunset_across_the_end_of_summer_time(household_of: Any, judge: Any) -> None:
    """What follows the sunset is said so, at the minute of the last day's sunset, not of the clock's jump."""
    household = household_of(first=date(2026, 10, 1))
    household.live(range(45))
    for day in range(45):
        household.habit(LIGHT, household.sun(day)[1] + 20, [day], spread=5)
    (pattern,) = judge(household, 45)
    assert pattern.detail.anchor == "sunset"
    assert pattern.detail.offset_minutes == pytest.approx(20, abs=4)
    assert apart(pattern.detail.minute, household.sun(44)[1] + 20) <= 5


@pytest.mark.parametrize("first", [date(2026, 10, 1), date(2026, 3, 10)])
def test_clock_across_a_change_of_time(household_of: Any, judge: Any, first: date) -> None:
    """What follows the clock stays at its minute when summer time ends or begins."""
    household = household_of(first=first)
    household.live(range(45))
    household.habit(LIGHT, 1120, range(45), spread=5)
    (pattern,) = judge(household, 45)
    assert pattern.detail.anchor == "clock"
    assert pattern.detail.offset_minutes is None
    assert apart(pattern.detail.minute, 1120) <= 4


def test_little_sun_drift_leaves_the_anchor_open(household_of: Any, judge: Any) -> None:
    """Ten days around the solstice cannot tell sunset from clock, and no anchor of the sun is claimed."""
    household = household_of(first=date(2026, 6, 15))
    household.live(range(10))
    household.habit(LIGHT, 1290, range(10), spread=5)
    (pattern,) = judge(household, 10)
    assert pattern.detail.anchor in {"undetermined", "clock"}


def test_gaps_are_no_misses(household: Any, judge: Any) -> None:
    """Mornings that could not be seen are no opportunities."""
    household.live(range(30))
    household.habit(LIGHT, 420, [day for day in range(30) if day % 6], spread=2)
    household.gaps = {day: [(380.0, 460.0)] for day in range(0, 30, 6)}
    (pattern,) = judge(household, 30)
    assert (pattern.evidence.opportunities, pattern.evidence.misses) == (25, 0)


def test_vacation_is_no_miss(household: Any, judge: Any) -> None:
    """Ten days with nobody at home are no opportunities."""
    home = [day for day in range(40) if not 22 <= day < 32]
    household.live(home)
    household.habit(LIGHT, 420, home, spread=3)
    (pattern,) = judge(household, 40)
    assert (pattern.evidence.opportunities, pattern.evidence.misses) == (30, 0)


@pytest.mark.parametrize("cause", [Cause.AUTOMATION, Cause.UNCERTAIN])
def test_what_a_machine_does_is_no_habit(household: Any, judge: Any, cause: Cause) -> None:
    """An automation's time, told by its context or by keeping to the second, is said to be automated."""
    household.live(range(20))
    household.habit(LIGHT, 420, range(20), spread=0.005)
    household.uses = [use._replace(cause=cause) if use.entity_id == LIGHT else use for use in household.uses]
    (pattern,) = judge(household, 20)
    assert pattern.detail.automated


def test_derived_events_are_not_counted(household: Any, judge: Any) -> None:
    """A group that follows its member is no habit of its own."""
    household.live(range(20))
    household.habit(LIGHT, 420, range(20))
    copies = [use._replace(entity_id="light.all", derived=True) for use in household.uses]
    household.uses += [use for use in copies if use.minute < 440]
    assert {pattern.detail.entity_id for pattern in judge(household, 20)} == {LIGHT}


def test_switching_off_after_use_is_no_second_habit(household: Any, judge: Any) -> None:
    """The end of a use keeps no time of its own; a fixed bedtime does."""
    household.live(range(30))
    rng = random.Random(3)
    for day in range(30):
        household.habit(LIGHT, 1140, [day], spread=6)
        household.habit(LIGHT, 1140 + rng.uniform(20, 60), [day], spread=1, state="off")
        household.habit("light.bed", rng.uniform(1230, 1340), [day], spread=1)
        household.habit("light.bed", 1385, [day], spread=4, state="off")
    found = {(pattern.detail.entity_id, pattern.detail.state) for pattern in judge(household, 30)}
    assert (LIGHT, "on") in found
    assert (LIGHT, "off") not in found
    assert ("light.bed", "off") in found


@pytest.mark.parametrize("seed", range(4))
def test_use_at_random_yields_nothing(household: Any, judge: Any, seed: int) -> None:
    """Devices that are used at random while people are awake have no habits."""
    household.rng = random.Random(seed)
    household.live(range(30))
    for number in range(40):
        for day in range(30):
            for _ in range(household.rng.choice([0, 0, 1, 1, 2, 3])):
                household.habit(f"switch.number_{number}", household.rng.uniform(400, 1370), [day], spread=0)
    assert judge(household, 30) == []


def test_neither_sun_nor_weather_has_habits(household: Any, judge: Any) -> None:
    """The sun's own rising is nobody's behaviour."""
    household.live(range(20))
    household.habit("sun.sun", 420, range(20), state="above_horizon")
    household.habit("weather.home", 420, range(20), state="sunny")
    assert judge(household, 20) == []


@pytest.mark.parametrize(
    ("tz", "change"),
    [
        ("Europe/Berlin", date(2026, 10, 25)),
        ("Europe/Berlin", date(2026, 3, 29)),
        ("America/New_York", date(2026, 11, 1)),
        ("America/New_York", date(2026, 3, 8)),
        ("America/Santiago", date(2026, 9, 6)),
        ("America/Santiago", date(2026, 4, 5)),
        ("Australia/Sydney", date(2026, 10, 4)),
        ("Australia/Sydney", date(2026, 4, 5)),
        ("Australia/Lord_Howe", date(2026, 10, 4)),
        ("Australia/Lord_Howe", date(2026, 4, 5)),
        ("Pacific/Auckland", date(2026, 9, 27)),
        ("Pacific/Auckland", date(2026, 4, 5)),
    ],
)
def test_nights_of_a_change_of_time(household_of: Any, judge: Any, tz: str, change: date) -> None:
    """Neither the night that loses an hour nor the one that repeats it moves or misses a habit."""
    household = household_of(tz=tz, first=change - timedelta(days=12))
    household.live(range(24))
    household.habit(LIGHT, 250, range(24), spread=4)
    household.habit(LIGHT, 1380, range(24), spread=4)
    night, evening = sorted(judge(household, 24), key=lambda pattern: pattern.detail.minute)
    assert apart(night.detail.minute, 250) <= 4
    assert apart(evening.detail.minute, 1380) <= 4
    assert (night.evidence.misses, evening.evidence.misses) == (0, 0)


def test_one_failed_window_does_not_hide_another_habit(household: Any, judge: Any) -> None:
    """A habit is found although a wide, vague use of the same lamp is tried and refused before."""
    household.live(range(40))
    household.habit(LIGHT, 640, range(0, 40, 2), spread=50)
    household.habit(LIGHT, 1260, range(40), spread=5)
    assert any(apart(pattern.detail.minute, 1260) <= 5 for pattern in judge(household, 40))


def test_confidence_grows_with_what_was_kept(household: Any, judge: Any) -> None:
    """The forecast starts near what habits usually hold and follows the habit's own hits."""
    household.live(range(40))
    household.habit(LIGHT, 420, range(40), spread=3)
    said = [judge(household, count)[0].confidence for count in (7, 14, 28, 40)]
    assert 0.6 < said[0] < 0.8
    assert said == sorted(said)
    assert said[-1] > 0.85


def test_moved_though_the_old_time_is_not_quite_deserted(household: Any, judge: Any) -> None:
    """A habit that moved is one pattern with its change, even if it now and then falls back."""
    household.live(range(36))
    household.habit(LIGHT, 540, range(22), spread=6)
    household.habit(LIGHT, 640, range(22, 36), spread=6)
    household.habit(LIGHT, 540, (23, 26, 28, 30, 33, 35), spread=6)
    (pattern,) = judge(household, 36)
    assert apart(pattern.detail.minute, 640) <= 6
    assert pattern.change is not None
    assert apart(pattern.change.minute_before, 540) <= 6
