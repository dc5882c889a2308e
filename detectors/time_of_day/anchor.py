"""Anchors of habits: the clock, sunrise or sunset."""

from dataclasses import dataclass
from math import log

import numpy as np

from detectors.time_of_day.course import Hump, Near, fit, median
from detectors.time_of_day.uses import Bools, Floats, Ints, Span
from schemas.circular_day import wrapped

UNDETERMINED = "undetermined"
# With how likely a habit keeps to each.
ANCHORS = {"clock": 0.6, "sunrise": 0.2, "sunset": 0.2}
# Anchors are told apart by uses this near, in minutes; a habit further from the sun is none of the sun's.
NEAR_MIN = 150.0
# Odds of less than e^2 between anchors decide nothing.
DECISIVE = 2.0
FARTHEST_MIN = 45.0
WIDEST_SPREAD_MIN = 60.0


@dataclass(frozen=True, slots=True)
class Anchor:
    """Anchor of a habit, how far it is from the sun, and the minute valid on the last day."""

    name: str
    offset: float | None
    minute: float

    def moved(self, shift: float, minute: float) -> "Anchor":
        """Return the anchor after a move; what was undetermined is left to the clock."""
        name = "clock" if self.name == UNDETERMINED else self.name
        return Anchor(name, None if self.offset is None else self.offset + shift, minute)


@dataclass(frozen=True, slots=True)
class Anchored:
    """Expected minute by day and spread of each habit under its likeliest anchor, and what may be said."""

    centre: Floats
    spread: Floats
    said: list[Anchor]

    def where_not(self, chosen: Bools, other: "Anchored") -> "Anchored":
        """Take the `chosen` ones from `other`."""
        return Anchored(
            np.where(chosen[:, None], other.centre, self.centre),
            np.where(chosen, other.spread, self.spread),
            [other.said[i] if chosen[i] else said for i, said in enumerate(self.said)],
        )


@dataclass(frozen=True, slots=True)
class _Weighed:
    """By anchor and habit: expected minute by day, offset, spread, and log-likelihood with prior."""

    centre: Floats
    offset: Floats
    spread: Floats
    score: Floats


def keep_to(clock: Hump, near: Near, span: Span, days: Bools) -> Anchored:
    """Find what each habit keeps to, judged by the uses on `days` around its time on the clock."""
    weighed = _weigh(clock, near, span, days)
    top, rows = np.argmax(weighed.score, axis=0), np.arange(len(days))
    centre, spread = weighed.centre[top, rows], weighed.spread[top, rows]
    # A fit to all the days that lost the recent window does not speak of this habit.
    strayed = (np.abs(centre[:, -1] - clock.centre) > FARTHEST_MIN) & (top == 0)
    lost = (spread > 2 * clock.spread + 5) | strayed
    said = _say(weighed, top)
    return Anchored(
        np.where(lost[:, None], clock.centre[:, None], centre),
        np.where(lost, clock.spread, spread),
        [Anchor("clock", None, float(clock.centre[i])) if lost[i] else said[i] for i in rows],
    )


def _weigh(clock: Hump, near: Near, span: Span, days: Bools) -> _Weighed:
    first = near.offsets(np.broadcast_to(clock.centre[:, None], days.shape))
    days = days & (np.abs(first) <= NEAR_MIN)
    hump = days & (np.abs(first) <= np.maximum(2.5 * clock.spread, 15)[:, None])
    reach, widest = np.full(len(days), NEAR_MIN), np.full(len(days), WIDEST_SPREAD_MIN)
    found = []
    for name, prior in ANCHORS.items():
        base, middle = np.zeros(span.days), clock.centre
        if name != "clock":
            base = span.sun[name]
            distance = clock.centre[:, None] + np.where(hump, first, 0.0) - base
            middle = median(wrapped(distance), hump)
        fitted = fit(near.offsets(base + middle[:, None]), days, np.maximum(clock.spread, 2), widest, reach)
        near_enough = (np.abs(middle) <= NEAR_MIN) | (name == "clock")
        score = np.where(near_enough, fitted.likelihood + log(prior), -np.inf)
        offset = middle + fitted.centre
        found.append((base + offset[:, None], offset, fitted.spread, score))
    centres, offsets, spreads, scores = zip(*found, strict=True)
    return _Weighed(np.array(centres), np.array(offsets), np.array(spreads), np.array(scores))


def _say(weighed: _Weighed, top: Ints) -> list[Anchor]:
    """Name the anchor where it is decided, else take the likely mean of what all expect of the last day."""
    rows = np.arange(len(top))
    score = weighed.score - weighed.score[top, rows]
    weight = np.exp(score) / np.exp(score).sum(axis=0)
    today = weighed.centre[:, :, -1]
    likeliest = today[top, rows]
    difference = wrapped(today - likeliest)
    blended = likeliest + (weight * difference).sum(axis=0)
    decided = np.sort(score, axis=0)[-2] <= -DECISIVE
    names = list(ANCHORS)
    return [
        Anchor(names[top[i]], float(weighed.offset[top[i], i]) if top[i] else None, float(likeliest[i]))
        if decided[i]
        else Anchor(UNDETERMINED, None, float(blended[i]))
        for i in rows
    ]
