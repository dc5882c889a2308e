"""Patterns of the habits that were found."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from math import exp

import numpy as np

from detectors.evidence import LOG_CAP, beta_interval, forecast
from detectors.time_of_day.course import best_rate
from detectors.time_of_day.habit import Habit
from detectors.time_of_day.season import CLASSES
from detectors.time_of_day.uses import DAY_MIN, DAY_S, DAY_START_MIN, Ints, Span, Uses
from schemas.circular_day import wrapped
from schemas.home import Home
from schemas.patterns import Change, Evidence, Pattern, TimeOfDayDetail

RECENT = 10
# How often habits show on the days after they were found, and how many opportunities that is worth.
USUAL_RATE = 0.52
USUAL_OPPORTUNITIES = 6.0
# A return to rest within this time may be no more than the end of a use.
LONGEST_USE_S = 4 * 3600
FOLLOWED_SHARE = 0.7
# A return to rest has a time of its own only where that is much narrower than the time of the use.
NARROWER = 1.6
NARROWER_BY_S = 300
SECONDS_PER_SPREAD = 1.4826
# A habit that began when another of the same type ended, at most so far from it, is that one moved.
LONGEST_MOVE_MIN = 180.0
MOVE_DAYS = 4
FEWEST_BESIDE_MOVE = 4
RARER = 0.6
MOVE_PROOF = 1.5
SAME_MIN = 30.0


def report(
    habits: Sequence[Habit], span: Span, uses: Uses, home: Home, half_life_days: float
) -> Iterator[Pattern | None]:
    """Say the habits that people have now; those of one event type are numbered by the clock.

    Habits that ended keep their numbers as long as the look-back shows them, but are not said.
    """
    ordered = sorted(habits, key=lambda habit: (habit.row, habit.start, habit.minute))
    for row, group in groupby(ordered, key=lambda habit: habit.row):
        distinct = _moved(_distinct(list(group)))
        for slot, habit in enumerate(sorted(distinct, key=lambda each: each.minute)):
            if not habit.over and not follows(habit, uses):
                yield _pattern(habit, slot, span, uses, home, half_life_days)
        if row % 16 == 0:
            yield None


def _distinct(habits: list[Habit]) -> list[Habit]:
    """Drop what is but the rim of a clearer habit."""
    kept: list[Habit] = []
    for habit in sorted(habits, key=lambda each: (-each.log_e, each.minute)):
        near = [
            other
            for other in kept
            if abs(_difference(habit.minute, other.minute)) <= max(SAME_MIN, habit.half, other.half)
            and bool((habit.chances & other.chances).any())
        ]
        if not near:
            kept.append(habit)
    return sorted(kept, key=lambda each: (each.start, each.minute))


def _moved(habits: list[Habit]) -> list[Habit]:
    """Join a habit that ended and one that began then at another time."""
    joined: list[Habit] = []
    for habit in habits:
        last = [int(np.nonzero(other.hits)[0][-1]) for other in joined]
        before = [
            other
            for other, day in zip(joined, last, strict=True)
            if habit.start > 0
            and ((other.over and abs(day - habit.start) <= MOVE_DAYS) or _gave_way(other, habit.start))
            and abs(_difference(habit.minute, other.minute)) <= LONGEST_MOVE_MIN
        ]
        if before and habit.moved is None:
            joined.remove(before[-1])
            joined.append(replace(habit, moved=(habit.start, before[-1].minute)))
        else:
            joined.append(habit)
    return joined


def _gave_way(habit: Habit, day: int) -> bool:
    """Tell whether a habit shows less since another began: less proof will do than where none began."""
    early = np.arange(len(habit.hits)) < day
    n, n_after = (int(np.count_nonzero(habit.chances & part)) for part in (early, ~early))
    k, k_after = (int(np.count_nonzero(habit.hits & part)) for part in (early, ~early))
    if min(n, n_after) < FEWEST_BESIDE_MOVE or k_after * n >= RARER * k * n_after:
        return False
    hits, days = np.array([k, k_after, k + k_after]), np.array([n, n_after, n + n_after])
    early_fit, late_fit, one_fit = best_rate(hits.astype(np.float64), days.astype(np.float64))
    return bool(early_fit + late_fit - one_fit > MOVE_PROOF)


def _difference(one: float, other: float) -> float:
    return wrapped(one - other)


def follows(habit: Habit, uses: Uses) -> bool:
    """Tell whether a habit is only the end of uses: a return to rest that keeps no time of its own."""
    entity_id = uses.types[habit.row].entity_id
    low = high = habit.row
    while low > 0 and uses.types[low - 1].entity_id == entity_id:
        low -= 1
    while high + 1 < len(uses.types) and uses.types[high + 1].entity_id == entity_id:
        high += 1
    own_state = uses.types[habit.row].state
    others = [_absolute(uses, row) for row in range(low, high + 1) if uses.types[row].state != own_state]
    other = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *others]))
    if not len(other):
        return False
    days = np.nonzero(habit.hits)[0]
    own = np.rint((days * DAY_MIN + habit.centre[days] + habit.offsets[days]) * 60).astype(np.int64)
    at = np.searchsorted(other, own)
    padded = np.concatenate(([-(10**9)], other, [10**9]))
    since, until = own - padded[at], padded[at + 1] - own
    if _middle(since) > _middle(until):
        return False
    ends = since <= LONGEST_USE_S
    if np.count_nonzero(ends) < FOLLOWED_SHARE * len(ends):
        return False
    return _spread(padded[at][ends]) <= NARROWER * _spread(own[ends]) + NARROWER_BY_S


def _absolute(uses: Uses, row: int) -> Ints:
    part = uses.of_row(row)
    return uses.day[part] * DAY_S + uses.second[part]


def _spread(seconds: Ints) -> float:
    """Spread of the time of day, in seconds."""
    time_of_day = seconds % DAY_S
    distance = np.abs((time_of_day - _middle(time_of_day) + DAY_S // 2) % DAY_S - DAY_S // 2)
    return SECONDS_PER_SPREAD * _middle(distance)


def _middle(values: Ints) -> int:
    """Return the median, the lower one of two."""
    return int(np.sort(values)[(len(values) - 1) // 2])


def _pattern(habit: Habit, slot: int, span: Span, uses: Uses, home: Home, half_life_days: float) -> Pattern:
    event_type = uses.types[habit.row]
    hit_days = np.nonzero(habit.hits)[0]
    minute = round((habit.minute + DAY_START_MIN) % DAY_MIN, 2) % DAY_MIN
    later = minute < DAY_START_MIN
    detail = TimeOfDayDetail(
        entity_id=event_type.entity_id,
        state=event_type.state,
        minute=minute,
        spread_minutes=round(habit.spread, 2),
        days=tuple(sorted((day + later) % 7 for day in CLASSES[habit.kind][0])),
        anchor=habit.anchor.name,
        offset_minutes=None if habit.anchor.offset is None else round(habit.anchor.offset, 2),
        automated=bool(uses.automated[habit.row]) or habit.machine,
    )
    seen = [_instant(habit, day, span, home) for day in (int(hit_days[0]), int(hit_days[-1]))]
    return Pattern.of(
        detail,
        home=home.id,
        slot=slot,
        change=_change(habit, span, minute),
        confidence=round(_forecast(habit, half_life_days), 6),
        occurrences=len(hit_days),
        first_seen=seen[0],
        last_seen=seen[1],
        evidence=_evidence(habit, span),
    )


def _forecast(habit: Habit, half_life_days: float) -> float:
    """Expect of the next opportunity what habits usually hold, as far as its own past does not tell."""
    hits = habit.hits[np.nonzero(habit.chances)[0]]
    return forecast(hits, USUAL_RATE, half_life_days, prior_opportunities=USUAL_OPPORTUNITIES)


def _evidence(habit: Habit, span: Span) -> Evidence:
    chances = np.nonzero(habit.chances)[0]
    hits = habit.hits[chances]
    n, k = len(chances), int(hits.sum())
    low, high = beta_interval(k, n)
    base_rate = max(habit.chance, 1e-6)
    return Evidence(
        opportunities=n,
        hits=k,
        misses=n - k,
        recent_hits=_dates(habit, chances[hits], span),
        recent_misses=_dates(habit, chances[~hits], span),
        base_rate=round(base_rate, 6),
        lift=round(k / n / base_rate, 3),
        interval=(round(low, 6), round(high, 6)),
        e_value=float(f"{exp(min(habit.log_e, LOG_CAP)):.6g}"),
    )


def _dates(habit: Habit, days: Ints, span: Span) -> tuple[date, ...]:
    """Calendar dates, oldest first, on which the habit was due on the last of these days."""
    return tuple(
        span.date(int(day) + int(habit.centre[day] + DAY_START_MIN >= DAY_MIN)) for day in days[-RECENT:]
    )


def _instant(habit: Habit, day: int, span: Span, home: Home) -> datetime:
    """Return the time of the hit of a day."""
    seconds = round((float(habit.centre[day] + habit.offsets[day]) + DAY_START_MIN) * 60)
    wall = datetime.combine(span.date(day), time()) + timedelta(seconds=seconds)
    return wall.replace(tzinfo=home.zone).astimezone(UTC)


def _change(habit: Habit, span: Span, minute: float) -> Change | None:
    if habit.moved is None:
        return None
    day, before = habit.moved
    return Change(
        since=span.date(day), minute_before=round((before + DAY_START_MIN) % DAY_MIN, 2), minute_after=minute
    )
