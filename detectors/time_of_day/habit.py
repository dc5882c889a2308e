"""Habits in batches: from convincing windows to times, anchors, days, courses and causes."""

from dataclasses import dataclass, fields

import numpy as np

from detectors.evidence import log_e_values
from detectors.time_of_day.anchor import keep_to
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
from detectors.time_of_day.scan import RATES
from detectors.time_of_day.uses import Bools, Floats, Ints, Span

MACHINE_S = 4.0
MACHINE_SHARE = 0.75
FEWEST_HITS = 3
# What happens anyway and is hardly more frequent is no habit.
LEAST_LIFT = 2.0


@dataclass(frozen=True, slots=True)
class Candidates:
    """Convincing windows: minutes from 04:00, minutes, days sought, class, expected chance uses, evidence."""

    row: Ints
    centre: Floats
    width: Floats
    recent: Bools
    kind: Ints
    expected: Floats
    log_e: Floats

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
    anchor: str
    anchor_offset: float | None
    minute: float
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
    def reach(self) -> float:
        """Minutes around the centre that the habit explains."""
        return max(self.half, 3 * self.spread) + 10


def trace(candidates: Candidates, near: Near, span: Span, least: float) -> list[Habit | None]:
    """Follow each candidate through the days; None where the whole course bears out less than `least`."""
    live = np.broadcast_to(span.live, (len(candidates.row), span.days))
    clock = _clock(candidates, near, span)
    in_class = live & CLASS_DAYS[candidates.kind][:, span.weekdays]
    centre = np.broadcast_to(clock.centre[:, None], live.shape)
    half = halves(clock.spread)
    offsets = near.offsets(centre)
    seen = opportunities(centre, half, span.shown, in_class)
    start = began(np.abs(offsets) <= half[:, None], seen)
    anchored = keep_to(clock, near, span, in_class & _since(start, span.days))
    if start.any():
        # What seems to begin on the clock may have drifted with the sun all along.
        lasting = keep_to(clock, near, span, in_class)
        half = halves(lasting.spread)
        seen = opportunities(lasting.centre, half, span.shown, in_class)
        steady = began(np.abs(near.offsets(lasting.centre)) <= half[:, None], seen) == 0
        solar = np.array([anchor.name in span.sun for anchor in lasting.said])
        anchored = anchored.where_not((start > 0) & solar & steady, lasting)
        start = np.where((start > 0) & solar & steady, 0, start)
    centre, spread, anchors = anchored.centre, anchored.spread, anchored.said
    offsets = near.offsets(centre)
    half = halves(spread)
    hits = (np.abs(offsets) <= half[:, None]) & in_class & _since(start, span.days)
    move = moves(offsets, hits, spread)
    moved = move.day > 0
    earlier = centre + move.before[:, None]
    centre = np.where(moved[:, None], centre + move.after[:, None], centre)
    spread = np.where(moved, move.spread, spread)
    start = np.where(moved, move.day, start)
    half = halves(spread)
    offsets = near.offsets(centre)
    hits = np.abs(offsets) <= half[:, None]
    seen = opportunities(centre, half, span.shown, live) & _since(start, span.days)
    widened = np.maximum(1.0, 2 * half / candidates.width)
    chance = np.minimum(-np.expm1(-candidates.expected * widened), 0.6)
    kind = classify(hits, seen, chance, span.weekdays)
    seen &= CLASS_DAYS[kind][:, span.weekdays]
    start = np.maximum(start, began(hits, seen))
    seen &= _since(start, span.days)
    hits &= seen
    over = ended(hits, seen)
    k, n = hits.sum(axis=1), seen.sum(axis=1)
    borne_out = (
        (k >= FEWEST_HITS) & (k >= LEAST_LIFT * chance * n) & (log_e_values(k, n, chance, RATES) >= least)
    )
    machine = machines(near, centre, half, k)
    before = np.where(_since(move.day, span.days) | ~moved[:, None], centre, earlier)
    return [
        Habit(
            row=int(candidates.row[i]),
            anchor="clock" if moved[i] and anchors[i].name == "undetermined" else anchors[i].name,
            anchor_offset=anchors[i].offset_of(float(move.after[i]) if moved[i] else 0.0),
            minute=float(centre[i, -1]) if moved[i] else anchors[i].minute,
            spread=float(spread[i]),
            half=float(half[i]),
            kind=int(kind[i]),
            centre=before[i],
            offsets=offsets[i],
            chances=seen[i],
            hits=hits[i],
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


def halves(spread: Floats) -> Floats:
    """Half-width of the window in which a use is the habit's."""
    return np.clip(HALF_IN_SPREADS * spread, NARROWEST_MIN, WIDEST_MIN)


def _since(start: Ints, days: int) -> Bools:
    return np.asarray(np.arange(days)[None, :] >= start[:, None])


def _clock(candidates: Candidates, near: Near, span: Span) -> Hump:
    """Centre and spread on the clock: on the days of the class, or on all days where they fit as well."""
    shape = (len(candidates.row), span.days)
    sought = candidates.recent & CLASS_DAYS[candidates.kind][:, span.weekdays]
    offsets = near.offsets(np.broadcast_to(candidates.centre[:, None], shape))
    width = candidates.width
    hump = fit(
        offsets, sought, np.maximum(width / 4, 2), np.clip(width / 2, 5, 60), np.maximum(30, 1.25 * width)
    )
    narrow = Hump(candidates.centre + hump.centre, hump.spread, hump.likelihood)
    centre = np.broadcast_to(narrow.centre[:, None], shape)
    offsets = near.offsets(centre)
    broad = np.maximum(60, width)
    hump = fit(offsets, candidates.recent, broad / 4, broad / 2, 1.25 * broad)
    wide = Hump(narrow.centre + hump.centre, hump.spread, hump.likelihood)
    half = halves(wide.spread)
    offsets = near.offsets(np.broadcast_to(wide.centre[:, None], shape))
    seen = opportunities(np.broadcast_to(wide.centre[:, None], shape), half, span.shown, candidates.recent)
    chance = np.minimum(-np.expm1(-candidates.expected * np.maximum(1.0, 2 * half / width)), 0.6)
    every = classify(np.abs(offsets) <= half[:, None], seen, chance, span.weekdays) == 0
    use = every & (candidates.kind > 0)
    return Hump(
        np.where(use, wide.centre, narrow.centre), np.where(use, wide.spread, narrow.spread), hump.likelihood
    )


def machines(near: Near, centre: Floats, half: Floats, hits: Ints) -> Bools:
    """Tell which habits keep to the second as only a machine does."""
    distance = near.minute - centre[near.item, near.day]
    inside = np.abs((distance + 720) % 1440 - 720) <= half[near.item]
    item, second = near.item[inside], np.rint(near.minute[inside] * 60)
    order = np.lexsort((second, item))
    item, second = item[order], second[order]
    # Items are spread so far apart that one sorted array serves all of them.
    key = item * 1e6 + second
    count = np.searchsorted(key, key + MACHINE_S, side="right") - np.arange(len(key))
    most = np.zeros(len(hits), dtype=np.int64)
    np.maximum.at(most, item, count)
    return np.asarray((most >= FEWEST_HITS + 1) & (most >= MACHINE_SHARE * hits))
