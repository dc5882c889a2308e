"""What became of patterns on the days after: how often each could have shown, and how often it did.

Of a pattern only that is read which it says to everybody. So this is counted anew, and not as the detectors
count their own evidence.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, singledispatchmethod
from itertools import pairwise
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.history import Day, History, Millis
from schemas.events import Cause, EventType
from schemas.patterns import (
    AtHome,
    Condition,
    CoOccurrenceDetail,
    Dark,
    Detail,
    DurationDetail,
    Hours,
    Pattern,
    Quantiles,
    SequenceDetail,
    Temperature,
    TimeOfDayDetail,
    Weekday,
)

MINUTE_MS = 60_000
# A habit of the clock shows within so many spreads, but not less or more than so many minutes.
SPREADS, NEAREST_MIN, FARTHEST_MIN = 2.5, 10.0, 90.0
LONGEST_LAG_S = 300.0
STALE_MS = 7_200_000
# With less than this share of the usual events nobody was at home, or the home was not seen.
IDLE_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether an occasion was a hit, and when the pattern showed: UTC milliseconds, None for a miss."""

    at_ms: int
    done_ms: int | None

    @property
    def hit(self) -> bool:
        """Whether it showed."""
        return self.done_ms is not None


class Stay(NamedTuple):
    """When an entity took up a state; `foreign` if by an automation, or only with another entity."""

    at_ms: int
    state: str
    foreign: bool


class Aftermath:
    """The days of a home from the `first` on, as far as patterns speak of them.

    Parameters
    ----------
    history
        All days: those before the first tell which states entities were in.
    first, end
        Places of the days in the history that count, `end` excluded.
    """

    def __init__(self, history: History, first: int, end: int) -> None:
        self._home = history.home
        self._days = history.days[:end]
        self._steps = history.steps
        self._first_ms = history.days[first].start_ms
        self._end_ms = self._days[-1].end_ms
        usual = float(np.median([len(day.at_ms) for day in self._days]))
        self._counting = [day for day in self._days[first:] if len(day.at_ms) >= IDLE_SHARE * usual]
        self._gaps = _blind(self._days)
        self._times: dict[EventType, Millis] = {}

    def outcomes(self, pattern: Pattern) -> list[Outcome]:
        """Every occasion on which the pattern could have shown, in order."""
        return list(self._outcomes(pattern.detail))

    @singledispatchmethod
    def _outcomes(self, detail: Detail) -> Iterable[Outcome]:
        """Occasions of a kind of pattern; none of one that this yardstick does not know."""
        del detail
        return ()

    @_outcomes.register
    def _time_of_day(self, detail: TimeOfDayDetail) -> Iterator[Outcome]:
        uses = self._uses(EventType(detail.entity_id, detail.state))
        reach = reach_minutes(detail)
        for day in self._counting:
            if day.weekday not in detail.days:
                continue
            due_ms = self._wall_ms(day, _due(detail, day))
            start_ms, end_ms = (due_ms + round(side * reach * MINUTE_MS) for side in (-1, 1))
            if self._is_seen(start_ms, end_ms):
                near = _between(uses, start_ms, end_ms)
                closest = near[np.argmin(np.abs(near - due_ms))] if len(near) else None
                yield Outcome(due_ms, None if closest is None else int(closest))

    @_outcomes.register
    def _co_occurrence(self, detail: CoOccurrenceDetail) -> list[Outcome]:
        trigger = EventType(detail.trigger.entity_id, detail.trigger.state)
        action = EventType(detail.action.entity_id, detail.action.state)
        lag_ms = _longest_ms(detail.lag_seconds)
        found: list[Outcome] = []
        busy_ms = -inf
        for at_ms in self._all_of(trigger).tolist():
            if at_ms <= busy_ms or not self._counts(at_ms, at_ms + lag_ms):
                continue
            if self._state_before(action.entity_id, at_ms) == action.state:
                continue
            if all(self._holds(condition, at_ms) for condition in detail.conditions):
                busy_ms = at_ms + lag_ms
                found.append(Outcome(at_ms, self._next_use(action, at_ms, lag_ms)))
        return found

    @_outcomes.register
    def _sequence(self, detail: SequenceDetail) -> list[Outcome]:
        first, *others = (EventType(step.entity_id, step.state) for step in detail.steps)
        lags_ms = [_longest_ms(step.lag_seconds) for step in detail.steps if step.lag_seconds]
        found: list[Outcome] = []
        busy_ms = -inf
        for start_ms in self._all_of(first).tolist():
            if start_ms <= busy_ms or not self._counts(start_ms, start_ms + sum(lags_ms)):
                continue
            if any(self._state_before(step.entity_id, start_ms) == step.state for step in others):
                continue
            busy_ms = start_ms + sum(lags_ms)
            found.append(Outcome(start_ms, self._last_of(others, start_ms, lags_ms)))
        return found

    def _last_of(self, steps: Sequence[EventType], start_ms: int, lags_ms: Sequence[int]) -> int | None:
        """When the last step was taken, if all were in order."""
        at_ms: int | None = start_ms
        for step, lag_ms in zip(steps, lags_ms, strict=True):
            at_ms = None if at_ms is None else self._next_use(step, at_ms, lag_ms)
        return at_ms

    @_outcomes.register
    def _duration(self, detail: DurationDetail) -> Iterator[Outcome]:
        for begin, end in pairwise(self._stays.get(detail.entity_id, ())):
            if begin.state != detail.state or begin.foreign or end.foreign:
                continue
            if not self._counts(begin.at_ms, end.at_ms):
                continue
            if all(self._holds(condition, begin.at_ms) for condition in detail.conditions):
                lasted_s = (end.at_ms - begin.at_ms) / 1000
                usual = detail.seconds.p10 <= lasted_s <= detail.seconds.p90
                yield Outcome(begin.at_ms, end.at_ms if usual else None)

    def _holds(self, condition: Condition, at_ms: int) -> bool:
        day = self._day_at(at_ms)
        wall = datetime.fromtimestamp(at_ms / 1000, self._home.zone)
        minute = wall.hour * 60 + wall.minute + wall.second / 60
        match condition:
            case Dark():
                return not day.sunrise <= minute < day.sunset
            case Hours(after=after, before=before):
                return (minute / 60 - after) % 24 < ((before - after) % 24 or 24)
            case Weekday(days=days):
                return day.weekday in days
            case Temperature():
                return self._reads(condition, at_ms)
            case AtHome(somebody=somebody):
                return self._is_anybody_home(at_ms) == somebody

    def _reads(self, condition: Temperature, at_ms: int) -> bool:
        steps = self._steps.get(condition.entity_id)
        place = -1 if steps is None else int(np.searchsorted(steps.start_ms, at_ms, side="right")) - 1
        if steps is None or place < 0 or at_ms - int(steps.start_ms[place]) > STALE_MS:
            return False
        value = float(steps.mean[place])
        return (condition.below is None or value < condition.below) and (
            condition.above is None or value >= condition.above
        )

    def _is_anybody_home(self, at_ms: int) -> bool:
        persons = [entity_id for entity_id in self._stays if entity_id.startswith("person.")]
        return any(self._state_before(entity_id, at_ms + 1) == "home" for entity_id in persons)

    def _next_use(self, event_type: EventType, at_ms: int, within_ms: int) -> int | None:
        near = _between(self._uses(event_type), at_ms + 1, at_ms + within_ms)
        return int(near[0]) if len(near) else None

    def _state_before(self, entity_id: str, at_ms: int) -> str | None:
        stays = self._stays.get(entity_id, [])
        place = bisect_left(stays, at_ms, key=lambda stay: stay.at_ms)
        return stays[place - 1].state if place else None

    def _uses(self, event_type: EventType) -> Millis:
        """When people brought it about."""
        if event_type not in self._times:
            self._times[event_type] = np.concatenate(
                [day.at_ms[_rows(day, event_type, by_people=True)] for day in self._days]
            )
        return self._times[event_type]

    def _all_of(self, event_type: EventType) -> Millis:
        return np.concatenate([day.at_ms[_rows(day, event_type, by_people=False)] for day in self._days])

    @cached_property
    def _stays(self) -> dict[str, list[Stay]]:
        """The states of each entity, in order."""
        stays: dict[str, list[Stay]] = {}
        for day in self._days:
            foreign = day.derived | (day.causes == Cause.AUTOMATION)
            columns = (column.tolist() for column in (day.at_ms, day.type_ids, foreign))
            for at_ms, type_id, is_foreign in zip(*columns, strict=True):
                entity_id, state = day.types[type_id]
                stays.setdefault(entity_id, []).append(Stay(at_ms, state, is_foreign))
        return stays

    def _counts(self, start_ms: int, end_ms: int) -> bool:
        return start_ms >= self._first_ms and self._is_seen(start_ms, end_ms)

    def _is_seen(self, start_ms: int, end_ms: int) -> bool:
        return end_ms <= self._end_ms and not any(
            gap_start < end_ms and start_ms < gap_end for gap_start, gap_end in self._gaps
        )

    def _day_at(self, at_ms: int) -> Day:
        return next(day for day in reversed(self._days) if day.start_ms <= at_ms)

    def _wall_ms(self, day: Day, minute: float) -> int:
        """UTC milliseconds of a minute of the wall clock, which may lie on a day beside."""
        wall = datetime.combine(day.date, datetime.min.time()) + timedelta(minutes=minute)
        return round(wall.replace(tzinfo=self._home.zone).timestamp() * 1000)


def reach_minutes(detail: TimeOfDayDetail) -> float:
    """How far from its minute a habit of the clock may show and be meant."""
    return min(max(SPREADS * detail.spread_minutes, NEAREST_MIN), FARTHEST_MIN)


def _due(detail: TimeOfDayDetail, day: Day) -> float:
    """Minute at which the habit is due on a day; that of a habit of the sun follows the sun."""
    sun = {"sunrise": day.sunrise, "sunset": day.sunset}.get(detail.anchor)
    if sun is None or detail.offset_minutes is None:
        return detail.minute
    return sun + detail.offset_minutes


def _longest_ms(lag: Quantiles) -> int:
    """How long after it an event may still be the answer: of log-normal lags one in 200 is longer."""
    tail_s = lag.p90 * lag.p90 / max(lag.p50, 0.001)
    return round(1000 * min(max(tail_s, lag.p90 + 1), max(LONGEST_LAG_S, lag.p90)))


def _rows(day: Day, event_type: EventType, *, by_people: bool) -> NDArray[np.bool_]:
    if event_type not in day.types:
        return np.zeros(len(day.at_ms), dtype=np.bool_)
    rows = (day.type_ids == day.types.index(event_type)) & ~day.derived
    return np.asarray(rows & (day.causes != Cause.AUTOMATION) if by_people else rows)


def _between(times: Millis, start_ms: int, end_ms: int) -> Millis:
    low, high = np.searchsorted(times, (start_ms, end_ms + 1))
    return times[low:high]


def _blind(days: Sequence[Day]) -> list[tuple[int, int]]:
    """What could not be seen: gaps, and days that are missing between others."""
    missing = [(one.end_ms, other.start_ms) for one, other in pairwise(days) if one.end_ms < other.start_ms]
    return [gap for day in days for gap in day.gaps_ms] + missing
