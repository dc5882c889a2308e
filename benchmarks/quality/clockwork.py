"""One action a day, by the clock: when it is found, and whether midnight and clock changes leave it be."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

from benchmarks.quality.homes import House, Source
from benchmarks.quality.learned import learn
from schemas.circular_day import apart
from schemas.events import StateChange
from schemas.home import Home
from schemas.instants import to_us
from schemas.patterns import Pattern, TimeOfDayDetail

START = date(2026, 1, 12)
MORNING, NIGHT, EVENING = 7 * 60, 3.5 * 60, 23.5 * 60
WITHIN_MIN = 5.0
NEAR_MIN = 10.0
FOUND_AFTER = (7, 10, 15, 30, 60, 90)
MIDNIGHT_AFTER = (14, 30)
BEFORE_CHANGE_DAYS, AROUND_CHANGE_DAYS = 12, 26
ZONES = (
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
)


@dataclass(frozen=True, slots=True)
class Check:
    """How many trials of one kind came out right, after so many days or in one zone."""

    what: str
    where: str
    right: int
    number: int


def checks(trials: int) -> list[Check]:
    """Every check, each so many times with other seeds; clock changes once a zone."""
    return [*_mornings(trials), *_midnights(trials), *_clock_changes()]


def _mornings(trials: int) -> Iterator[Check]:
    homes = [_learned("UTC", START, (MORNING,), FOUND_AFTER, seed) for seed in range(trials)]
    for days in FOUND_AFTER:
        right = sum(_says(home[days], MORNING) for home in homes)
        yield Check("07:00, found after days:", str(days), right, trials)


def _midnights(trials: int) -> Iterator[Check]:
    homes = [_learned("Europe/Berlin", START, (0,), MIDNIGHT_AFTER, seed) for seed in range(trials)]
    for days in MIDNIGHT_AFTER:
        right = sum(_says(home[days], 0) for home in homes)
        yield Check("midnight, reported there after days:", str(days), right, trials)


def _clock_changes() -> Iterator[Check]:
    minutes = (NIGHT, MORNING, EVENING)
    for zone in ZONES:
        right = 0
        changes = clock_changes(ZoneInfo(zone), 2026)
        for change in changes:
            start = change - timedelta(days=BEFORE_CHANGE_DAYS)
            patterns = _learned(zone, start, minutes, (AROUND_CHANGE_DAYS,), 1)[AROUND_CHANGE_DAYS]
            right += all(_says(patterns, minute, faultless=True) for minute in minutes)
        yield Check(
            "03:30, 07:00 and 23:30 without a miss through both clock changes:", zone, right, len(changes)
        )


def clock_changes(zone: ZoneInfo, year: int) -> list[date]:
    """Local days of a year on which the clocks change.

    Examples
    --------
    >>> [str(day) for day in clock_changes(ZoneInfo("Europe/Berlin"), 2026)]
    ['2026-03-29', '2026-10-25']
    """
    midnights = [datetime(year, 1, 1, tzinfo=zone) + timedelta(days=number) for number in range(366)]
    return [one.date() for one, other in pairwise(midnights) if one.utcoffset() != other.utcoffset()]


def _learned(
    zone: str, start: date, minutes: Sequence[float], after: Collection[int], seed: int
) -> dict[int, tuple[Pattern, ...]]:
    days = [start + timedelta(days=number) for number in range(max(after))]
    rng, changes = Random(f"clockwork-{seed}"), list[StateChange]()
    for day in days:
        for number, minute in enumerate(minutes):
            wall = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
            on = wall + timedelta(minutes=minute + rng.uniform(-WITHIN_MIN, WITHIN_MIN))
            off = on.astimezone(UTC) + timedelta(minutes=rng.uniform(6, 60))
            changes.append(StateChange(to_us(on), f"light.room_{number}", "off", "on", context_id=f"{on}"))
            changes.append(StateChange(to_us(off), f"light.room_{number}", "on", "off", context_id=f"{off}"))
    changes.sort(key=lambda change: change.at_us)
    house = House(Source("first", "clockwork", seed), Home(tz=zone), iter(changes))
    return learn(house, after).active


def _says(patterns: Sequence[Pattern], minute: float, *, faultless: bool = False) -> bool:
    """Whether exactly one pattern says that time, for every day; faultless where it never missed."""
    near = [
        pattern
        for pattern in patterns
        if isinstance(pattern.detail, TimeOfDayDetail)
        and apart(pattern.detail.minute, minute) <= NEAR_MIN
        and pattern.detail.state == "on"
        and not pattern.detail.automated
        and len(pattern.detail.days) == 7
    ]
    return len(near) == 1 and not (faultless and near[0].evidence.misses)
