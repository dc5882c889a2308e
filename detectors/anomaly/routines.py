"""Habits of the clock and the sun that did not show, on a day on which they should have."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from math import ceil, floor, log10
from zoneinfo import ZoneInfo

from detectors.anomaly.alarms import HOUR_MS, Alarm, clock, deed
from detectors.evidence import forecast
from schemas.anomalies import AnomalyKind
from schemas.patterns import Pattern, TimeOfDayDetail

# Occasions begin and end on the half-hour, so that what a night learns anew seldom moves one, and its id.
GRID_MIN = 30
WIDTHS = 2.5
# A habit that may come still earlier or later is not missed by the clock.
WIDEST_MIN = 25.0
FEWEST = 10
RECENT = 28
# How likely it is before anything was seen; the same for all, so that what was told stays told.
PRIOR = 0.1
# How likely it must be on the next occasion: where the clock is kept, less will do.
REGULAR, REGULAR_WIDE = 0.80, 0.83
# On a day on which others were kept less often than this share of what they promised, little is as usual: it
# counts from as many occasions, of routines that are about as likely.
ORDINARY, OTHERS, PROMISING = 0.7, 3, 0.6
DAY_SO_FAR_MS = 18 * HOUR_MS
# What was done so long before the time was done early, not missed.
EARLY_MS = 3 * HOUR_MS
# They tell where people are, which is seldom a routine worth missing.
SENSES = ("binary_sensor", "person", "device_tracker")


@dataclass(frozen=True, slots=True)
class Expected:
    """One occasion: the routine shows between two instants, or is missed; `window` says the same in words."""

    routine: "Routine"
    from_ms: int
    until_ms: int
    window: str


@dataclass(slots=True)
class Routine:
    """A habit, what came of its occasions so far, and when it was last done."""

    detail: TimeOfDayDetail
    outcomes: list[bool] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)
    done_ms: list[int] = field(default_factory=list)

    @property
    def width_min(self) -> float:
        """Minutes that it may come earlier or later."""
        return WIDTHS * self.detail.spread_minutes

    def expect(self, day: date, zone: ZoneInfo, sun: tuple[float, float]) -> Expected | None:
        """The occasion of a day; None if there is none."""
        if day.weekday() not in self.detail.days:
            return None
        middle = self.detail.minute
        if self.detail.anchor in ("sunrise", "sunset") and self.detail.offset_minutes is not None:
            # It stays with the day of its sun, also beyond midnight: else two days may have one occasion.
            middle = sun[self.detail.anchor == "sunset"] + self.detail.offset_minutes
        start = floor((middle - self.width_min) / GRID_MIN) * GRID_MIN
        end = ceil((middle + self.width_min) / GRID_MIN) * GRID_MIN
        window = f"between {clock(start)} and {clock(end)}"
        return Expected(self, _instant_ms(day, start, zone), _instant_ms(day, end, zone), window)

    def see(self, at_ms: int) -> None:
        """See it done."""
        self.done_ms = [done for done in self.done_ms if done > at_ms - 8 * HOUR_MS]
        self.done_ms.append(at_ms)

    def done(self, expected: Expected) -> bool:
        """Return whether the routine was done on the occasion."""
        return any(expected.from_ms <= done <= expected.until_ms for done in self.done_ms)

    def done_early(self, expected: Expected) -> bool:
        """Return whether the routine was done before its time."""
        return any(expected.from_ms - EARLY_MS <= done < expected.from_ms for done in self.done_ms)

    @property
    def likely(self) -> float:
        """Probability that it shows on the next occasion; 0 while that cannot be told."""
        recent = self.outcomes[-RECENT:]
        return forecast(recent, PRIOR) if len(recent) >= FEWEST else 0.0

    def settle(self, expected: Expected, *, busy: int, possible: bool) -> Alarm | None:
        """Say what came of an occasion; learn it.

        `busy` counts the home's active minutes about that time, `possible` says whether it could have shown.
        """
        done = self.done(expected)
        usually = sorted(self.busy[-RECENT:])
        lively = not usually or busy >= 0.5 * usually[len(usually) // 2]
        alarm = None
        if not done:
            if not possible or not lively or self.done_early(expected):
                return None
            alarm = self._alarm(expected)
        self.outcomes.append(done)
        self.busy.append(busy)
        return alarm

    def _alarm(self, expected: Expected) -> Alarm | None:
        recent = self.outcomes[-RECENT:]
        likely = self.likely
        wide = self.width_min / WIDEST_MIN
        if likely < REGULAR + wide * (REGULAR_WIDE - REGULAR):
            return None
        done = deed(self.detail.state)
        return Alarm(
            entity_id=self.detail.entity_id,
            kind=AnomalyKind.MISSED_ROUTINE,
            at_ms=expected.until_ms,
            began_ms=expected.from_ms,
            score=-log10(1 - likely),
            expected=(
                f"is usually {done} around {clock(self.detail.minute)}: "
                f"on {sum(recent)} of the last {len(recent)} such days"
            ),
            observed=f"was not {done} {expected.window}",
            occasions=len(recent),
            usual=sum(recent),
        )


class DaySoFar:
    """Record of how the routines of the last hours were kept, which tells an ordinary day from any other."""

    def __init__(self) -> None:
        self._kept: deque[tuple[int, str, bool, float]] = deque()

    def note(self, expected: Expected, likely: float) -> None:
        """Note what came of an occasion that was this likely to be kept."""
        routine, until_ms = expected.routine, expected.until_ms
        while self._kept and self._kept[0][0] < until_ms - DAY_SO_FAR_MS:
            self._kept.popleft()
        if likely >= PROMISING:
            self._kept.append((until_ms, routine.detail.entity_id, routine.done(expected), likely))

    def is_ordinary(self, entity_id: str) -> bool:
        """Return whether other entities' routines were kept about as often as they promised."""
        others = [(done, likely) for _, other, done, likely in self._kept if other != entity_id]
        kept, promised = sum(done for done, _ in others), sum(likely for _, likely in others)
        return len(others) < OTHERS or kept >= ORDINARY * promised


def _instant_ms(day: date, minute: int, zone: ZoneInfo) -> int:
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    return round(wall.replace(tzinfo=zone).timestamp() * 1000)


def routines(found: Iterable[Pattern]) -> Iterator[Routine]:
    """The habits of using things that people have of themselves, and that keep their time."""
    for pattern in found:
        detail = pattern.detail
        senses = detail.principal.partition(".")[0] in SENSES
        if isinstance(detail, TimeOfDayDetail) and not detail.automated and not senses:
            routine = Routine(detail)
            if routine.width_min <= WIDEST_MIN:
                yield routine
