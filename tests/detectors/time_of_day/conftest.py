"""Small households, written down minute by minute."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import numpy as np
import pytest

from detectors.history import Day, History
from detectors.time_of_day import TimeOfDay
from schemas.events import Cause, EventType
from schemas.home import Home
from schemas.patterns import Pattern
from schemas.sun import sun_times

FIRST = date(2026, 8, 31)


class Use(NamedTuple):
    """One event: `day` from 0 on, `minute` of the local clock (below 0 or above 1440: the day beside)."""

    day: int
    minute: float
    entity_id: str
    state: str = "on"
    cause: Cause = Cause.UNCERTAIN
    derived: bool = False


class Household:
    """A home whose uses are written down by hand."""

    def __init__(self, *, tz: str = "Europe/Berlin", first: date = FIRST) -> None:
        self.home = Home(tz=tz, lat=50.1, lon=8.7)
        self.first = first
        self.uses: list[Use] = []
        self.gaps: dict[int, list[tuple[float, float]]] = {}
        self.rng = random.Random(1)

    def at(self, day: int, minute: float) -> int:
        """UTC milliseconds of a minute of the local clock."""
        wall = datetime.combine(self.first, datetime.min.time()) + timedelta(days=day, minutes=minute)
        return round(wall.replace(tzinfo=self.home.zone).astimezone(UTC).timestamp() * 1000)

    def habit(
        self, entity_id: str, minute: float, days: Iterable[int], *, spread: float = 3.0, state: str = "on"
    ) -> None:
        """Use an entity on these days around a minute of the clock."""
        self.uses += [Use(day, self.rng.gauss(minute, spread), entity_id, state) for day in days]

    def live(self, days: Iterable[int], entities: int = 6) -> None:
        """People walk about all day: uses at random, from 06:30 to 23:00."""
        for day in days:
            for number in range(entities):
                self.uses += [
                    Use(day, self.rng.uniform(390, 1380), f"binary_sensor.motion_{number}") for _ in range(8)
                ]

    def sun(self, day: int) -> tuple[float, float]:
        """Minutes of the local clock at sunrise and sunset."""
        on = self.first + timedelta(days=day)
        midnight = datetime(on.year, on.month, on.day, tzinfo=UTC)
        walls = [
            (midnight + timedelta(minutes=minute)).astimezone(self.home.zone)
            for minute in sun_times(on, self.home.lat, self.home.lon)
        ]
        sunrise, sunset = (wall.hour * 60 + wall.minute + wall.second / 60 for wall in walls)
        return sunrise, sunset

    def days(self, count: int) -> tuple[Day, ...]:
        """The first days, closed."""
        rows: dict[int, list[tuple[int, float, EventType, Cause, bool]]] = {}
        for use in self.uses:
            beside, minute = divmod(use.minute, 1440)
            day = use.day + int(beside)
            event_type = EventType(use.entity_id, use.state)
            rows.setdefault(day, []).append(
                (self.at(day, minute), minute, event_type, use.cause, use.derived)
            )
        return tuple(self._day(day, sorted(rows.get(day, []))) for day in range(count))

    def _day(self, day: int, rows: Sequence[tuple[int, float, EventType, Cause, bool]]) -> Day:
        types = tuple(sorted({row[2] for row in rows}))
        sunrise, sunset = self.sun(day)
        return Day(
            date=self.first + timedelta(days=day),
            start_ms=self.at(day, 0),
            end_ms=self.at(day + 1, 0),
            types=types,
            at_ms=np.array([row[0] for row in rows], dtype=np.int64),
            minutes=np.array([row[1] for row in rows], dtype=np.float64),
            type_ids=np.array([types.index(row[2]) for row in rows], dtype=np.int32),
            causes=np.array([row[3] for row in rows], dtype=np.uint8),
            derived=np.array([row[4] for row in rows], dtype=np.bool_),
            sunrise=sunrise,
            sunset=sunset,
            gaps_ms=tuple((self.at(day, low), self.at(day, high)) for low, high in self.gaps.get(day, ())),
        )


def learned(detector: TimeOfDay, days: Sequence[Day]) -> Iterator[Mapping[str, Mapping[str, object]]]:
    """Close the days; the detector's aggregates."""
    return map(detector.close_day, days)


Judge = Callable[..., list[Pattern]]


@pytest.fixture
def household() -> Household:
    """An empty home in Berlin's time zone, from Monday 31 August 2026 on."""
    return Household()


@pytest.fixture
def household_of() -> Callable[..., Household]:
    """Make an empty home elsewhere or at another time."""
    return Household


@pytest.fixture
def judge() -> Judge:
    """Patterns of a household's first days."""

    def patterns(household: Household, count: int, detector: TimeOfDay | None = None) -> list[Pattern]:
        detector = detector or TimeOfDay()
        days = household.days(count)
        aggregates = {"time_of_day": tuple(learned(detector, days))}
        history = History(home=household.home, days=days, aggregates=aggregates)
        return [pattern for pattern in detector.detect(history) if pattern is not None]

    return patterns
