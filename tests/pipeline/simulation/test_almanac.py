"""What kind of day it is."""

from collections import Counter
from datetime import date

from pipeline.simulation.almanac import Almanac


def almanac(start: date = date(2026, 10, 5), *, seed: int = 1, away: range | None = None) -> Almanac:
    """Return the almanac of a couple."""
    return Almanac(seed=seed, start=start, occupants=2, away=away)


def test_days_away_can_be_given() -> None:
    """A day that is given as away is that, whatever day it is."""
    given = almanac(date(2026, 6, 5), away=range(1, 2))
    assert given.day_type(1) == "away"
    assert not given.is_away(0)
    assert not given.is_away(2)


def test_journeys_are_short_and_long() -> None:
    """The first month has one of two days, the second one of a week."""
    for seed in range(20):
        days = [almanac(seed=seed).is_away(day) for day in range(60)]
        assert sum(days[:30]) == 2
        assert sum(days[30:]) == 7


def test_public_holidays_are_free() -> None:
    """New Year's Day is no workday although it is a Friday."""
    new_year = almanac(date(2027, 1, 1))
    assert not new_year.is_workday(0)
    assert new_year.is_free(0)
    assert new_year.is_workday(3)


def test_every_kind_of_day_occurs() -> None:
    """In a year there are all kinds, mostly work and weekends, and the sick one is an occupant."""
    year = almanac()
    kinds = Counter(year.day_type(day) for day in range(365))
    assert set(kinds) == {"work", "weekend", "holiday", "away", "sick", "guests"}
    assert kinds["work"] > 150
    assert 3 <= kinds["sick"] <= 40
    assert {year.sick(day) for day in range(365)} == {None, 0, 1}


def test_one_day_does_not_depend_on_the_others() -> None:
    """Asked in any order, days are the same."""
    forth = [almanac().day_type(day) for day in range(100)]
    back = [almanac().day_type(day) for day in reversed(range(100))]
    assert forth == back[::-1]
