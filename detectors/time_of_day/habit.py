"""Habits in batches: from convincing windows to times, anchors, days, courses and causes."""

from dataclasses import dataclass, fields

import numpy as np

from detectors.evidence import log_e_values
from detectors.time_of_day.anchor import Anchor, Anchored, keep_to
from detectors.time_of_day.course import (
    CLASS_DAYS,
    HALF_IN_SPREADS,
    NARROWEST_MIN,
    WIDEST_MIN,
    Hump,
    Near,
    began,
    classify,
    ended,
    fit,
    moves,
    opportunities,
)
from detectors.time_of_day.scan import LEAST_SHARE, RATES
from detectors.time_of_day.uses import Bools, Floats, Ints, Span
from schemas.circular_day import wrapped

MACHINE_S = 4.0
MACHINE_SHARE = 0.75
FEWEST_HITS = 3
FEWEST_WEEKLY_HITS = 4
# What happens anyway and is hardly more frequent is no habit.
LEAST_LIFT = 2.0
# What senses people sees them all day: of it a habit must stand out more.
LEAST_LIFT_SENSED = 2.3
# Of what is sensed, or is one weekday's of seven, more is tried: a habit must show on plainly most days.
PLAIN_SHARE = 0.65
HIGHEST_CHANCE = 0.6


@dataclass(frozen=True, slots=True)
class Candidates:
    """Convincing windows: minutes from 04:00, minutes, days sought, class, expected chance uses, evidence.

    `sensed` marks those of what senses people.
    """

    row: Ints
    centre: Floats
    width: Floats
    recent: Bools
    kind: Ints
    expected: Floats
    log_e: Floats
    sensed: Bools

    def part(self, some: slice) -> "Candidates":
        """Return some of them."""
        return Candidates(*(getattr(self, field.name)[some] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Habit:
    """A habit as found; minutes count from 04:00, arrays have one element a day.

    `centre` is where it was expected each day, `offsets` how far from it the nearest use was, `chances` the
    days that count, `hits` those of them that it showed on. `moved` holds the day since which, and the
    minute before.
    """

    row: int
    anchor: Anchor
    spread: float
    half: float
    kind: int
    centre: Floats
    offsets: Floats
    chances: Bools
    hits: Bools
    start: int
    over: bool
    machine: bool
    chance: float
    log_e: float
    moved: tuple[int, float] | None

    @property
    def minute(self) -> float:
        """Minute that is valid on the last day."""
        return self.anchor.minute

    @property
    def reach(self) -> float:
        """Minutes around the centre that the habit explains."""
        return max(self.half, 3 * self.spread) + 10


@dataclass(frozen=True, slots=True)
class Course:
    """Expected minutes by day, how far the nearest uses were, which days count, which of them were hits."""

    centre: Floats
    half: Floats
    offsets: Floats
    seen: Bools
    hits: Bools

    @classmethod
    def of(cls, near: Near, span: Span, centre: Floats, spread: Floats, days: Bools) -> "Course":
        """Follow the uses near `centre` on those of `days` that could be seen."""
        half = np.clip(HALF_IN_SPREADS * spread, NARROWEST_MIN, WIDEST_MIN)
        offsets = near.offsets(centre)
        seen = opportunities(centre, half, span.shown, days)
        return cls(centre, half, offsets, seen, seen & (np.abs(offsets) <= half[:, None]))

    def within(self, days: Bools) -> "Course":
        """Count only these days."""
        return Course(self.centre, self.half, self.offsets, self.seen & days, self.hits & days)

    def chance(self, candidates: Candidates) -> Floats:
        """Probability of a hit if there were no habit."""
        wider = np.maximum(1.0, 2 * self.half / candidates.width)
        return np.minimum(-np.expm1(-candidates.expected * wider), HIGHEST_CHANCE)

    def log_e(self, chance: Floats) -> Floats:
        """Evidence of the whole course, as logarithms."""
        return log_e_values(self.hits.sum(axis=1), self.seen.sum(axis=1), chance, RATES)


def trace(candidates: Candidates, near: Near, span: Span, least: float) -> list[Habit | None]:
    """Follow each candidate through the days; None where the whole course bears out less than `least`."""
    live = np.broadcast_to(span.live, (len(candidates.row), span.days))
    in_class = live & CLASS_DAYS[candidates.kind][:, span.weekdays]
    anchored, start = _anchored(_clock(candidates, near, span), near, span, in_class)
    course = Course.of(near, span, anchored.centre, anchored.spread, in_class & _since(start, span.days))
    move = moves(course.offsets, course.hits, anchored.spread)
    moved = move.day > 0
    centre = np.where(moved[:, None], anchored.centre + move.after[:, None], anchored.centre)
    spread = np.where(moved, move.spread, anchored.spread)
    start = np.where(moved, move.day, start)
    course = Course.of(near, span, centre, spread, live & _since(start, span.days))
    chance = course.chance(candidates)
    kind = classify(course.hits, course.seen, chance, span.weekdays)
    course = course.within(CLASS_DAYS[kind][:, span.weekdays])
    start = np.maximum(start, began(course.hits, course.seen))
    course = course.within(_since(start, span.days))
    over = ended(course.hits, course.seen)
    machine = machines(near, centre, course.half, course.hits.sum(axis=1))
    borne_out = _borne_out(course, chance, kind, candidates.sensed) & (course.log_e(chance) >= least)
    earlier = anchored.centre + move.before[:, None]
    centre = np.where(_since(move.day, span.days), centre, earlier)
    said = [
        anchor.moved(float(move.after[i]), float(centre[i, -1])) if moved[i] else anchor
        for i, anchor in enumerate(anchored.said)
    ]
    return [
        Habit(
            row=int(candidates.row[i]),
            anchor=said[i],
            spread=float(spread[i]),
            half=float(course.half[i]),
            kind=int(kind[i]),
            centre=centre[i],
            offsets=course.offsets[i],
            chances=course.seen[i],
            hits=course.hits[i],
            start=int(start[i]),
            over=bool(over[i]),
            machine=bool(machine[i]),
            chance=float(chance[i]),
            log_e=float(candidates.log_e[i]),
            moved=(int(move.day[i]), float(earlier[i, -1])) if moved[i] else None,
        )
        if borne_out[i]
        else None
        for i in range(len(candidates.row))
    ]


def _since(start: Ints, days: int) -> Bools:
    return np.asarray(np.arange(days)[None, :] >= start[:, None])


def _borne_out(course: Course, chance: Floats, kind: Ints, sensed: Bools) -> Bools:
    """Tell which habits show often enough: in all, on the days that count, and against chance."""
    k, n = course.hits.sum(axis=1), course.seen.sum(axis=1)
    weekly = CLASS_DAYS[kind].sum(axis=1) == 1
    fewest = np.where(weekly, FEWEST_WEEKLY_HITS, FEWEST_HITS)
    share = np.where(weekly | sensed, PLAIN_SHARE, LEAST_SHARE)
    lift = np.where(sensed, LEAST_LIFT_SENSED, LEAST_LIFT)
    return np.asarray((k >= fewest) & (k >= share * n) & (k >= lift * chance * n))


def _anchored(clock: Hump, near: Near, span: Span, days: Bools) -> tuple[Anchored, Ints]:
    """Find what each habit keeps to, and the day on which it began."""
    centre = np.broadcast_to(clock.centre[:, None], days.shape)
    course = Course.of(near, span, centre, clock.spread, days)
    start = began(course.hits, course.seen)
    anchored = keep_to(clock, near, span, days & _since(start, span.days))
    if not start.any():
        return anchored, start
    # What seems to begin on the clock may have drifted with the sun all along.
    lasting = keep_to(clock, near, span, days)
    course = Course.of(near, span, lasting.centre, lasting.spread, days)
    steady = began(course.hits, course.seen) == 0
    solar = (start > 0) & steady & np.array([anchor.name in span.sun for anchor in lasting.said])
    return anchored.where_not(solar, lasting), np.where(solar, 0, start)


def _clock(candidates: Candidates, near: Near, span: Span) -> Hump:
    """Centre and spread on the clock: on the days of the class, or on all days where they fit as well."""
    width = candidates.width
    sought = candidates.recent & CLASS_DAYS[candidates.kind][:, span.weekdays]
    start = Hump(candidates.centre, np.maximum(width / 4, 2), candidates.log_e)
    narrow = _fit_again(start, near, sought, np.clip(width / 2, 5, 60), np.maximum(30, 1.25 * width))
    broad = np.maximum(60, width)
    start = Hump(narrow.centre, broad / 4, narrow.likelihood)
    wide = _fit_again(start, near, candidates.recent, broad / 2, 1.25 * broad)
    centre = np.broadcast_to(wide.centre[:, None], sought.shape)
    course = Course.of(near, span, centre, wide.spread, candidates.recent)
    every = classify(course.hits, course.seen, course.chance(candidates), span.weekdays) == 0
    use = every & (candidates.kind > 0)
    return Hump(*(np.where(use, getattr(wide, f.name), getattr(narrow, f.name)) for f in fields(Hump)))


def _fit_again(start: Hump, near: Near, days: Bools, widest: Floats, reach: Floats) -> Hump:
    offsets = near.offsets(np.broadcast_to(start.centre[:, None], days.shape))
    hump = fit(offsets, days, start.spread, widest, reach)
    return Hump(start.centre + hump.centre, hump.spread, hump.likelihood)


def machines(near: Near, centre: Floats, half: Floats, hits: Ints) -> Bools:
    """Tell which habits keep to the second as only a machine does."""
    distance = near.minute - centre[near.item, near.day]
    inside = np.abs(wrapped(distance)) <= half[near.item]
    item, second = near.item[inside], np.rint(near.minute[inside] * 60)
    order = np.lexsort((second, item))
    item, second = item[order], second[order]
    # Items are spread so far apart that one sorted array serves all of them.
    key = item * 1e6 + second
    count = np.searchsorted(key, key + MACHINE_S, side="right") - np.arange(len(key))
    most = np.zeros(len(hits), dtype=np.int64)
    np.maximum.at(most, item, count)
    return np.asarray((most >= FEWEST_HITS + 1) & (most >= MACHINE_SHARE * hits))
