"""A home's past, written down by hand, and the patterns that people might have in it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pytest

from detectors.history import Day, Steps
from pipeline.backtest.past import Past
from schemas.events import Cause, EventType
from schemas.home import Home
from schemas.patterns import (
    Change,
    CoOccurrenceDetail,
    Detail,
    DurationDetail,
    Evidence,
    Pattern,
    Quantiles,
    SequenceDetail,
    Step,
    Target,
    TimeOfDayDetail,
)
from tests.fixtures.environment import bare, fresh_logs
from tests.fixtures.roles import home, settings, store

__all__ = ["bare", "fresh_logs", "home", "settings", "store"]

MONDAY = date(2026, 3, 2)
SUNRISE, SUNSET = 400.0, 1080.0
EVERY_DAY = tuple(range(7))


@dataclass
class Diary:
    """What happened: `note` it at local minutes, then look back with `past`."""

    days: int = 10
    first: date = MONDAY
    home: Home = field(default_factory=lambda: Home(tz="Europe/Berlin", lat=50.1, lon=8.7))
    steps: dict[str, Steps] = field(default_factory=dict)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    events: list[tuple[int, EventType, Cause, bool]] = field(default_factory=list)

    def ms(self, day: int, minute: float) -> int:
        """UTC milliseconds of a local minute."""
        wall = datetime.combine(self.first, time()) + timedelta(days=day, seconds=round(60 * minute, 3))
        return round(wall.replace(tzinfo=self.home.zone).timestamp() * 1000)

    def note(
        self,
        day: int,
        minute: float,
        entity_id: str,
        state: str,
        cause: Cause = Cause.PHYSICAL,
        *,
        derived: bool = False,
    ) -> None:
        """Let an entity reach a state."""
        self.events.append((self.ms(day, minute), EventType(entity_id, state), cause, derived))

    def use(
        self,
        days: Iterable[int],
        minute: float,
        entity_id: str,
        *,
        lasting: float = 30.0,
        cause: Cause = Cause.PHYSICAL,
    ) -> None:
        """Let somebody switch something on at a minute, and off again some minutes later."""
        for day in days:
            self.note(day, minute, entity_id, "on", cause)
            self.note(day, minute + lasting, entity_id, "off", cause)

    def blind(self, day: int, start: float, end: float) -> None:
        """Let nothing be seen between two minutes."""
        self.gaps.append((self.ms(day, start), self.ms(day, end)))

    def read(self, entity_id: str, value: Callable[[int], float]) -> None:
        """Let a sensor read the same all day, another value each day."""
        at = [self.ms(day, 5 * step) for day in range(self.days) for step in range(288)]
        mean = [value(day) for day in range(self.days) for _ in range(288)]
        self.steps[entity_id] = Steps(np.array(at, dtype=np.int64), np.array(mean))

    def closed(self) -> list[Day]:
        """The days as the learning core closes them."""
        return [self._day(number) for number in range(self.days)]

    def past(self) -> Past:
        """The past as automations are tried on it."""
        return Past.of(self.closed(), self.steps, self.home)

    def _day(self, number: int) -> Day:
        start_ms, end_ms = self.ms(number, 0), self.ms(number + 1, 0)
        events = sorted(event for event in self.events if start_ms <= event[0] < end_ms)
        types = sorted({event[1] for event in events})
        walls = [datetime.fromtimestamp(event[0] / 1000, self.home.zone) for event in events]
        return Day(
            date=self.first + timedelta(days=number),
            start_ms=start_ms,
            end_ms=end_ms,
            types=tuple(types),
            at_ms=np.array([event[0] for event in events], dtype=np.int64),
            minutes=np.array([60 * wall.hour + wall.minute + wall.second / 60 for wall in walls]),
            type_ids=np.array([types.index(event[1]) for event in events], dtype=np.int32),
            causes=np.array([event[2] for event in events], dtype=np.uint8),
            derived=np.array([event[3] for event in events], dtype=np.bool_),
            sunrise=SUNRISE,
            sunset=SUNSET,
            gaps_ms=tuple(
                sorted(
                    (max(a, start_ms), min(b, end_ms)) for a, b in self.gaps if a < end_ms and b > start_ms
                )
            ),
        )


@dataclass
class Habits:
    """Patterns as the detectors say them."""

    first: date = MONDAY

    def clock(
        self,
        entity_id: str,
        minute: float,
        *,
        state: str = "on",
        spread: float = 4.0,
        days: tuple[int, ...] = EVERY_DAY,
        anchor: Any = "clock",
        offset: float | None = None,
        automated: bool = False,
        change: Change | None = None,
    ) -> Pattern:
        """A habit of the clock or of the sun."""
        detail = TimeOfDayDetail(
            entity_id=entity_id,
            state=state,
            minute=minute,
            spread_minutes=spread,
            days=days,
            anchor=anchor,
            offset_minutes=offset,
            automated=automated,
        )
        return self._pattern(detail, change)

    def pair(
        self,
        trigger: tuple[str, str],
        action: tuple[str, str],
        *,
        lag: tuple[float, float, float] = (10.0, 20.0, 40.0),
        conditions: tuple[Any, ...] = (),
    ) -> Pattern:
        """One thing after another."""
        detail = CoOccurrenceDetail(
            trigger=Target(entity_id=trigger[0], state=trigger[1]),
            action=Target(entity_id=action[0], state=action[1]),
            lag_seconds=Quantiles(p10=lag[0], p50=lag[1], p90=lag[2]),
            probability=0.9,
            conditions=conditions,
        )
        return self._pattern(detail)

    def chain(self, *steps: tuple[str, str], lag_s: float = 20.0) -> Pattern:
        """Several things one after the other, each about `lag_s` after the one before."""
        lag = Quantiles(p10=lag_s / 2, p50=lag_s, p90=2 * lag_s)
        said = [
            Step(entity_id=entity_id, state=state, lag_seconds=lag if number else None)
            for number, (entity_id, state) in enumerate(steps)
        ]
        return self._pattern(SequenceDetail(steps=tuple(said), support=20, within_seconds=3 * lag_s))

    def stay(
        self, entity_id: str, *, state: str = "on", minutes: tuple[float, float, float] = (18.0, 20.0, 22.0)
    ) -> Pattern:
        """How long something stays in a state."""
        p10, p50, p90 = (60 * each for each in minutes)
        seconds = Quantiles(p10=p10, p50=p50, p90=p90)
        return self._pattern(
            DurationDetail(entity_id=entity_id, state=state, seconds=seconds, typical_hours=(7,))
        )

    def _pattern(self, detail: Detail, change: Change | None = None) -> Pattern:
        seen = datetime.combine(self.first, time(12), UTC)
        evidence = Evidence(
            opportunities=20,
            hits=18,
            misses=2,
            base_rate=0.1,
            lift=9.0,
            interval=(0.8, 0.95),
            e_value=1e6,
        )
        return Pattern.of(
            detail,
            home="home",
            confidence=0.9,
            occurrences=18,
            first_seen=seen,
            last_seen=seen,
            evidence=evidence,
            change=change,
        )


@pytest.fixture
def diary() -> Diary:
    """Ten days, in which nothing happened yet."""
    return Diary()


@pytest.fixture
def habits() -> Habits:
    """Patterns to be said."""
    return Habits()
