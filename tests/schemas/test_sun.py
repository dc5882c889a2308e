"""Sunrise and sunset against published times."""

from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from schemas.sun import local_sun_times, sun_times


def minutes(clock: str, utc_offset_h: float = 0.0) -> float:
    """Return a clock time as UTC minutes."""
    hours, rest = clock.split(":")
    return int(hours) * 60 + float(rest) - utc_offset_h * 60


@pytest.mark.parametrize(
    ("day", "latitude", "longitude", "sunrise", "sunset"),
    [
        pytest.param(
            date(2026, 12, 21), 52.52, 13.405, minutes("08:15", 1), minutes("15:54", 1), id="berlin"
        ),
        pytest.param(
            date(2026, 3, 20), 40.7128, -74.006, minutes("06:59", -4), minutes("19:08", -4), id="new-york"
        ),
        pytest.param(
            date(2026, 12, 21), -33.8688, 151.2093, minutes("05:41", 11), minutes("20:05", 11), id="sydney"
        ),
        pytest.param(
            date(2026, 6, 21), 1.3521, 103.8198, minutes("07:01", 8), minutes("19:13", 8), id="singapore"
        ),
    ],
)
def test_published_times(day: date, latitude: float, longitude: float, sunrise: float, sunset: float) -> None:
    """Almanac times of cities are met to a minute and a half, their own rounding included."""
    assert sun_times(day, latitude, longitude) == pytest.approx((sunrise, sunset), abs=1.5)


def test_agrees_with_home_assistant() -> None:
    """Home Assistant's own sun entity at 52.37 N 4.9 E said 07:10:07 and 15:41:20 UTC on that day."""
    expected = (430 + 7 / 60, 941 + 20 / 60)
    assert sun_times(date(2026, 11, 20), 52.37, 4.9) == pytest.approx(expected, abs=1.0)


def test_days_grow_towards_midsummer() -> None:
    """Daylight in the north grows every day from January to June and shrinks from July to December."""
    lengths = [
        sunset - sunrise
        for sunrise, sunset in (
            sun_times(date.fromordinal(date(2026, 1, 1).toordinal() + n), 50, 8) for n in range(365)
        )
    ]
    grows = [after > before for before, after in pairwise(lengths)]
    assert all(grows[:170])
    assert not any(grows[173:354])


def test_polar_day_and_night_are_clamped() -> None:
    """Tromso has a day of 1440 minutes at midsummer and of none at midwinter, around solar noon."""
    sunrise, sunset = sun_times(date(2026, 6, 21), 69.65, 18.96)
    assert sunset - sunrise == pytest.approx(1440, abs=0.5)
    sunrise, sunset = sun_times(date(2026, 12, 21), 69.65, 18.96)
    assert sunset == pytest.approx(sunrise, abs=0.1)
    assert sunrise == pytest.approx(minutes("10:42"), abs=3)


def test_far_east_belongs_to_the_local_day() -> None:
    """Auckland's morning of a date is the evening before in UTC, so its sunrise is below zero."""
    sunrise, sunset = sun_times(date(2026, 1, 15), -36.85, 174.76)
    assert sunrise == pytest.approx(minutes("06:16", 13), abs=2)
    assert sunrise < 0 < sunset < 1440


@pytest.mark.parametrize(
    ("zone", "latitude", "longitude", "days"),
    [
        ("Pacific/Apia", -13.83, -171.77, -1),
        ("Pacific/Kiritimati", 1.87, -157.43, -1),
        ("Pacific/Chatham", -43.95, -176.56, -1),
        ("Pacific/Auckland", -36.85, 174.76, 0),
        ("Pacific/Honolulu", 21.31, -157.86, 0),
        ("Asia/Anadyr", 64.73, 177.5, 0),
        ("Europe/Berlin", 52.52, 13.405, 0),
    ],
)
def test_the_clock_decides_whose_daylight_it_is(
    zone: str, latitude: float, longitude: float, days: int
) -> None:
    """Who lives west of 180 degrees by the date of those east of it has the daylight of UTC's day before."""
    on = date(2026, 10, 5)
    there = sun_times(date.fromordinal(on.toordinal() + days), latitude, longitude)
    expected = tuple(minute + 1440 * days for minute in there)
    assert local_sun_times(on, ZoneInfo(zone), latitude, longitude) == expected


def test_samoa_changed_sides() -> None:
    """Samoa left 30 December 2011 out: from the 29th to the 31st the sun rose once more, not twice."""
    before, after = (
        local_sun_times(date(2011, 12, day), ZoneInfo("Pacific/Apia"), -13.83, -171.77) for day in (29, 31)
    )
    assert after[0] + 2 * 1440 - before[0] == pytest.approx(1440, abs=1)
    assert after[1] + 2 * 1440 - before[1] == pytest.approx(1440, abs=1)
