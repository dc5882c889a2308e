"""The household's calendar."""

from datetime import UTC, date, datetime

import pytest

from pipeline.simulation.days import Calendar


def berlin(start: date) -> Calendar:
    """Return a calendar of three days in Berlin."""
    return Calendar(start=start, days=3, tz="Europe/Berlin", lat=52.52, lon=13.405)


@pytest.mark.parametrize(
    ("start", "hours"), [(date(2026, 3, 28), 23), (date(2026, 10, 24), 25), (date(2026, 6, 1), 24)]
)
def test_days_have_their_hours(start: date, hours: int) -> None:
    """The second day is short in March, long in October, and the wall clock at seven is seven."""
    calendar = berlin(start)
    assert calendar.moment(2, 0) - calendar.moment(1, 0) == hours * 3600
    assert calendar.minute(calendar.moment(1, 420)) == 420
    assert [calendar.day(calendar.moment(day, 1)) for day in range(3)] == [0, 1, 2]


def test_darkness_follows_the_sun() -> None:
    """In Berlin's June it is light at 04:00 UTC and dark at midnight."""
    calendar = berlin(date(2026, 6, 1))
    assert not calendar.is_dark(datetime(2026, 6, 2, 4, tzinfo=UTC).timestamp())
    assert calendar.is_dark(datetime(2026, 6, 2, 0, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("tz", "lat", "lon"),
    [
        ("Pacific/Apia", -13.83, -171.77),
        ("Pacific/Kiritimati", 1.87, -157.43),
        ("Pacific/Chatham", -43.95, -176.56),
        ("Pacific/Auckland", -36.85, 174.76),
        ("Pacific/Honolulu", 21.31, -157.86),
    ],
)
def test_a_day_has_its_own_sun(tz: str, lat: float, lon: float) -> None:
    """Also beside the date line the sun rises and sets on the day that was asked for, noon being light."""
    calendar = Calendar(start=date(2026, 10, 5), days=3, tz=tz, lat=lat, lon=lon)
    for day in range(3):
        assert [calendar.day(moment) for moment in calendar.sun(day)] == [day, day]
        lights = [not calendar.is_dark(calendar.moment(day, minute)) for minute in (180, 720, 1320)]
        assert lights == [False, True, False]
