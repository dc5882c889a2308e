"""A history answers by its days alone, and as it was when fewer of them had closed."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np

from detectors.history import Day, History, Steps
from detectors.rollups import Period, Rollups, Sum, Unit
from schemas.events import EventType
from schemas.home import Home

FIRST = date(2026, 10, 28)
DAY_MS = 86_400_000
LAMP, FAN = EventType("light.lamp", "on"), EventType("switch.fan", "on")


def day(number: int, *types: EventType) -> Day:
    """A day of one event of each type."""
    start_ms = round(datetime(2026, 10, 28, tzinfo=UTC).timestamp() * 1000) + number * DAY_MS
    count = len(types)
    return Day(
        date=FIRST + timedelta(days=number),
        start_ms=start_ms,
        end_ms=start_ms + DAY_MS,
        types=types,
        at_ms=np.arange(count, dtype=np.int64) + start_ms,
        minutes=np.zeros(count),
        type_ids=np.arange(count, dtype=np.int32),
        causes=np.zeros(count, dtype=np.uint8),
        derived=np.zeros(count, dtype=np.bool_),
        sunrise=360.0,
        sunset=1080.0,
    )


def history() -> History:
    """Ten days with the lamp, every other one with the fan."""
    days = tuple(day(number, *((FAN, LAMP) if number % 2 else (LAMP,))) for number in range(10))
    aggregates = {"toy": tuple({each.key: {"n": 2, "at": [1, 2, 3]} for each in one.types} for one in days)}
    starts = np.array([one.start_ms for one in days], dtype=np.int64)
    return History(
        home=Home(),
        days=days,
        aggregates=aggregates,
        steps={"sensor.hall": Steps(starts, np.arange(10.0), "temperature")},
        labels={one.date: frozenset({"busy"}) for one in days},
        rollups=Rollups([one.date for one in days], aggregates),
    )


def test_types_are_nominated_by_the_days_they_occur_on() -> None:
    """Counted anew for other days, however they came to be there."""
    whole = history()
    assert sorted(whole.seen_on(5)) == [LAMP, FAN]
    assert sorted(whole.seen_on(6)) == [LAMP]
    assert sorted(replace(whole, found={}).seen_on(6)) == [LAMP]
    assert sorted(replace(whole, days=whole.days[:6]).seen_on(3)) == [LAMP, FAN]
    assert sorted(replace(whole, days=whole.days[:6]).seen_on(5)) == [LAMP]


def test_the_first_days_know_nothing_of_the_others() -> None:
    """Neither steps, labels, aggregates nor rollups of later days."""
    part = history().first(4)
    assert len(part.days) == len(part.aggregates["toy"]) == len(part.labels) == 4
    steps = part.steps["sensor.hall"]
    assert (steps.mean.tolist(), steps.measures) == ([0.0, 1.0, 2.0, 3.0], "temperature")
    assert max(period.first for period in part.rollups["toy"]) <= part.days[-1].date
    assert sorted(part.seen_on(2)) == [LAMP, FAN]


def test_weeks_and_months_add_up_exactly() -> None:
    """Each day is in one week and one month; a key's days and totals are those of its aggregates."""
    rollups = history().rollups["toy"]
    weeks = {period.first: rollup for period, rollup in rollups.items() if period.unit is Unit.WEEK}
    months = {period.first: rollup for period, rollup in rollups.items() if period.unit is Unit.MONTH}
    assert {first: rollup.days for first, rollup in weeks.items()} == {
        date(2026, 10, 26): 5,
        date(2026, 11, 2): 5,
    }
    assert months[date(2026, 10, 1)].keys[LAMP.key] == Sum(days=4, totals={"n": 8, "at": 12})
    assert months[date(2026, 11, 1)].keys[FAN.key] == Sum(days=3, totals={"n": 6, "at": 9})
    for periods in (weeks, months):
        assert sum(rollup.keys[FAN.key].totals["n"] for rollup in periods.values()) == 10
    assert Period.of(Unit.WEEK, date(2026, 12, 31)).first == date(2026, 12, 28)
