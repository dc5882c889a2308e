"""Habits in the generated household: when they come about, and how they change."""

from collections import defaultdict
from datetime import date, datetime
from statistics import mean, median
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.simulation import Habit, Household

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def households() -> list[Household]:
    """Four households after their run."""
    found = [Household(seed=seed, anomalies=()) for seed in range(20, 24)]
    for household in found:
        for _ in household.messages():
            pass
    return found


def wall_minute(at: float) -> float:
    """Return what the clock showed."""
    wall = datetime.fromtimestamp(at, BERLIN)
    return wall.hour * 60 + wall.minute + wall.second / 60


def is_done(habit: Habit, on: date, kind: str) -> bool:
    """Whether a habit belongs to a day of its kind."""
    dropped = habit.dropped_on is not None and on.isoformat() >= habit.dropped_on
    return kind != "away" and on.weekday() in habit.days and not dropped


def test_habits_come_about_with_their_probability(households: list[Household]) -> None:
    """Over several homes a habit shows on its share of eligible days, less what noise and absence hide."""
    realised: defaultdict[str, int] = defaultdict(int)
    expected: defaultdict[str, float] = defaultdict(float)
    for household in households:
        days = {date.fromisoformat(on): kind for on, kind in household.truth.day_types.items()}
        for habit in household.truth.habits:
            assert habit.eligible_days == sum(is_done(habit, on, kind) for on, kind in days.items())
            assert len(habit.occurrences) + len(habit.skipped) == habit.eligible_days
            realised[habit.habit_id] += len(habit.occurrences)
            expected[habit.habit_id] += habit.eligible_days * habit.probability
    assert len(realised) == 18
    shares = {habit: realised[habit] / expected[habit] for habit in realised}
    assert {habit: share for habit, share in shares.items() if not 0.65 < share < 1.15} == {}
    assert 0.85 < sum(realised.values()) / sum(expected.values()) < 1


def test_every_variety_is_planted(households: list[Household]) -> None:
    """Clock and sun, daily to weekly, sharp to blurred, twice a day, around midnight, rare, changing."""
    for household in households:
        habits = household.truth.habits
        assert {habit.anchor for habit in habits} == {"clock", "sunrise", "sunset"}
        assert {1, 2, 5, 7} == {len(habit.days) for habit in habits}
        assert min(habit.spread_minutes for habit in habits) == 2
        assert max(habit.spread_minutes for habit in habits) == 45
        assert min(habit.probability for habit in habits) < 0.7
        actions = [habit.action for habit in habits]
        assert max(map(actions.count, actions)) == 2
        assert any(habit.anchor == "clock" and abs(habit.minute - 1440) < 10 for habit in habits)
        assert sum(habit.moved_on is not None for habit in habits) == 1
        assert sum(habit.dropped_on is not None for habit in habits) == 1


def test_spreads_are_what_they_say(households: list[Household]) -> None:
    """Most occurrences of a clock habit lie within two spreads of its minute, and a few lie far out."""
    apart = [
        abs((wall_minute(at) - habit.minute + 720) % 1440 - 720) / habit.spread_minutes
        for household in households
        for habit in household.truth.habits
        if habit.anchor == "clock" and habit.moved_on is None
        for at in habit.occurrences
    ]
    assert 0.6 < median(apart) < 0.78
    assert 0.03 < mean(each > 2 for each in apart) < 0.1


def test_clock_habits_keep_the_wall_clock_when_summer_time_ends(generated: Any) -> None:
    """Before and after 25 October a habit has the same mean on the wall, so another one in UTC."""
    change, checked = date(2026, 10, 25), 0
    for habit in generated.household.truth.habits:
        moves = habit.anchor != "clock" or habit.moved_on or habit.dropped_on
        if moves or len(habit.occurrences) < 15:
            continue
        sides: dict[bool, list[float]] = {True: [], False: []}
        for at in habit.occurrences:
            minute = (wall_minute(at) - habit.minute + 720) % 1440 - 720
            sides[datetime.fromtimestamp(at, BERLIN).date() < change].append(minute)
        assert mean(sides[True]) == pytest.approx(0, abs=habit.spread_minutes)
        assert mean(sides[False]) == pytest.approx(0, abs=1.5 * habit.spread_minutes)
        checked += 1
    assert checked >= 3


def test_sun_habits_keep_their_distance_from_the_sun(generated: Any) -> None:
    """A sun-anchored habit stays around its offset although the sun moves by an hour over the month."""
    calendar = generated.household.calendar
    habits = [habit for habit in generated.household.truth.habits if habit.anchor != "clock"]
    assert {habit.anchor for habit in habits} == {"sunrise", "sunset"}
    for habit in habits:
        event = 0 if habit.anchor == "sunrise" else 1
        offsets = [(at - calendar.sun(calendar.day(at))[event]) / 60 for at in habit.occurrences]
        assert mean(offsets) == pytest.approx(habit.minute, abs=habit.spread_minutes)
        assert max(abs(offset - habit.minute) for offset in offsets) < 10 * habit.spread_minutes


def test_a_habit_moves_on_its_date_and_another_ends(households: list[Household]) -> None:
    """From the date on the one is done at the new minute, the other no more."""
    for household in households:
        for habit in household.truth.habits:
            days = [(datetime.fromtimestamp(at, BERLIN).date().isoformat(), at) for at in habit.occurrences]
            if habit.moved_on is not None and habit.moved_minute is not None:
                before = [wall_minute(at) for on, at in days if on < habit.moved_on]
                after = [wall_minute(at) for on, at in days if on >= habit.moved_on]
                assert median(before) == pytest.approx(habit.minute, abs=10)
                assert median(after) == pytest.approx(habit.moved_minute, abs=10)
                assert abs(habit.minute - habit.moved_minute) >= 50
            if habit.dropped_on is not None:
                assert max(on for on, _ in days) < habit.dropped_on


def test_difficulty_blurs() -> None:
    """A hard household's habits are wider and rarer than an easy one's, at the same times."""
    easy, hard = (Household(seed=5, difficulty=level).truth.habits for level in ("easy", "hard"))
    assert [habit.minute for habit in easy] == [habit.minute for habit in hard]
    for one, other in zip(easy, hard, strict=True):
        assert one.spread_minutes < other.spread_minutes
        assert one.probability > other.probability
