"""Local days through changes of the clock."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pipeline.core.local_days import LocalDays

HOUR_MS = 3_600_000
# Cairo and Santiago change their clocks at midnight, Havana back into it, Lord Howe by half an hour.
ZONES = {
    "Europe/Berlin": (23, 25),
    "America/New_York": (23, 25),
    "Australia/Sydney": (23, 25),
    "Africa/Cairo": (23, 25),
    "America/Havana": (23, 25),
    "America/Santiago": (23, 25),
    "Australia/Lord_Howe": (23.5, 24.5),
}


@pytest.mark.parametrize("zone", ZONES)
def test_days_follow_each_other_without_gap_or_overlap(zone: str) -> None:
    """Over a year one day is an hour short and one an hour long; each ends where the next starts."""
    days = LocalDays(ZoneInfo(zone))
    year = [days.on(date(2026, 1, 1) + timedelta(days=number)) for number in range(366)]
    assert all(day.end_ms == after.start_ms for day, after in pairwise(year))
    hours = [(day.end_ms - day.start_ms) / HOUR_MS for day in year[:365]]
    assert sorted(hours) == sorted([*ZONES[zone], *[24.0] * 363])


@pytest.mark.parametrize("zone", ZONES)
def test_every_instant_is_on_the_day_that_its_clock_shows(zone: str) -> None:
    """Half hour by half hour, and at both ends of each day, the local date decides."""
    days, rules = LocalDays(ZoneInfo(zone)), ZoneInfo(zone)
    start_ms = days.on(date(2026, 1, 1)).start_ms
    for half in range(365 * 48):
        at_ms = start_ms + half * HOUR_MS // 2
        day = days.at(at_ms)
        assert day.start_ms <= at_ms < day.end_ms
        assert day.date == datetime.fromtimestamp(at_ms / 1000, rules).date()
    for number in range(365):
        day = days.on(date(2026, 1, 1) + timedelta(days=number))
        assert days.at(day.start_ms) == days.at(day.end_ms - 1) == day


@pytest.mark.parametrize("zone", ZONES)
def test_minutes_are_those_of_the_clock_on_the_wall(zone: str) -> None:
    """Every five minutes of the days around both changes of the clock."""
    days, rules = LocalDays(ZoneInfo(zone)), ZoneInfo(zone)
    changed = [
        day
        for day in (days.on(date(2026, 1, 1) + timedelta(days=number)) for number in range(365))
        if day.end_ms - day.start_ms != 24 * HOUR_MS
    ]
    assert len(changed) == 2
    for day in changed:
        at_ms = np.arange(day.start_ms, day.end_ms, 300_000, dtype=np.int64)
        clocks = [datetime.fromtimestamp(int(one) / 1000, rules) for one in at_ms]
        expected = [clock.hour * 60 + clock.minute for clock in clocks]
        assert days.minutes(day, at_ms).tolist() == expected


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "UTC", "Pacific/Kiritimati"])
def test_zones_without_changes_have_equal_days(zone: str) -> None:
    """Their days have 24 hours, whatever their offset."""
    days = LocalDays(ZoneInfo(zone))
    for number in range(365):
        day = days.on(date(2026, 1, 1) + timedelta(days=number))
        assert day.end_ms - day.start_ms == 24 * HOUR_MS


def test_days_before_1970_and_leap_days_are_days() -> None:
    """Old logs count as well."""
    days = LocalDays(ZoneInfo("Europe/Berlin"))
    before = int(datetime(1969, 7, 20, 20, 17, tzinfo=UTC).timestamp() * 1000)
    assert days.at(before).date == date(1969, 7, 20)
    assert days.on(date(2028, 2, 29)).end_ms == days.on(date(2028, 3, 1)).start_ms


@pytest.mark.parametrize(("month", "least", "most"), [(6, 900, 1020), (12, 440, 500)])
def test_the_sun_is_told_by_the_clock_on_the_wall(month: int, least: float, most: float) -> None:
    """In Berlin the longest day has some 16 to 17 hours of sun, the shortest under 8."""
    days = LocalDays(ZoneInfo("Europe/Berlin"))
    rise, fall = days.sun(days.on(date(2026, month, 21)), 52.5, 13.4)
    assert least < fall - rise < most


@pytest.mark.parametrize(
    ("zone", "place", "on", "rise", "fall"),
    [
        ("Pacific/Apia", (-13.83, -171.77), date(2026, 6, 21), "06:50", "18:08"),
        ("Pacific/Apia", (-13.83, -171.77), date(2026, 12, 21), "05:57", "18:54"),
        ("Pacific/Kiritimati", (1.87, -157.43), date(2026, 3, 20), "06:34", "18:40"),
        ("Pacific/Chatham", (-43.95, -176.56), date(2026, 6, 21), "08:06", "17:00"),
        ("Pacific/Auckland", (-36.85, 174.76), date(2026, 6, 21), "07:33", "17:11"),
        ("Pacific/Auckland", (-36.85, 174.76), date(2026, 12, 22), "05:58", "20:39"),
        ("Pacific/Honolulu", (21.31, -157.86), date(2026, 6, 21), "05:50", "19:16"),
        ("Europe/Berlin", (52.52, 13.405), date(2026, 6, 21), "04:43", "21:33"),
    ],
)
def test_the_sun_beside_the_date_line(
    zone: str, place: tuple[float, float], on: date, rise: str, fall: str
) -> None:
    """Almanac times of the clock on the wall, whatever date UTC has."""
    days = LocalDays(ZoneInfo(zone))
    expected = [60 * int(clock[:2]) + int(clock[3:]) for clock in (rise, fall)]
    assert days.sun(days.on(on), *place) == pytest.approx(expected, abs=2)


PLACES = {
    "Pacific/Apia": (-13.83, -171.77),
    "Pacific/Kiritimati": (1.87, -157.43),
    "Pacific/Tongatapu": (-21.13, -175.2),
    "Pacific/Fakaofo": (-9.38, -171.25),
    "Pacific/Chatham": (-43.95, -176.56),
    "Pacific/Auckland": (-36.85, 174.76),
    "Pacific/Fiji": (-18.14, 178.44),
    "Pacific/Pago_Pago": (-14.28, -170.7),
    "Pacific/Honolulu": (21.31, -157.86),
    "America/Adak": (51.88, -176.65),
    "Australia/Sydney": (-33.87, 151.21),
    "America/New_York": (40.71, -74.01),
    "Europe/London": (51.51, -0.13),
    "Europe/Berlin": (52.52, 13.405),
}


@pytest.mark.parametrize("zone", PLACES)
def test_the_sun_rises_before_noon_and_sets_after_it(zone: str) -> None:
    """Every day of a year, a few minutes from the day before, but where the clocks change."""
    days, rules = LocalDays(ZoneInfo(zone)), ZoneInfo(zone)
    year = [days.on(date(2026, 1, 1) + timedelta(days=number)) for number in range(365)]
    suns = [days.sun(day, *PLACES[zone]) for day in year]
    assert all(180 < rise < 660 and 930 < fall < 1410 for rise, fall in suns)
    noons = [datetime.combine(day.date, time(12), rules).utcoffset() or timedelta() for day in year]
    for (sun, noon), (following, moved) in pairwise(zip(suns, noons, strict=True)):
        change_min = (moved - noon).total_seconds() / 60
        assert following == pytest.approx([minute + change_min for minute in sun], abs=4)
