"""What habits keep to: the clock, sunrise or sunset."""

from dataclasses import dataclass
from math import log

import numpy as np

from detectors.time_of_day.course import Hump, Near, fit, median
from detectors.time_of_day.uses import Bools, Floats, Span

ANCHORS = ("clock", "sunrise", "sunset")
ANCHOR_PRIOR = (0.6, 0.2, 0.2)
# Anchors are told apart by uses this near, in minutes; a habit further from the sun is none of the sun's.
NEAR_MIN = 150.0
# Odds of less than e^2 between anchors decide nothing.
DECISIVE = 2.0


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a habit keeps to, how far from the sun, and the minute valid on the last day."""

    name: str
    offset: float | None
    minute: float

    def offset_of(self, shift: float) -> float | None:
        """Offset from the sun after a move by `shift`."""
        return None if self.offset is None else self.offset + shift


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


def keep_to(clock: Hump, near: Near, span: Span, days: Bools) -> Anchored:
    """Weigh the anchors: expected minute by day and spread under the likeliest, and what may be said."""
    shape = days.shape
    first = near.offsets(np.broadcast_to(clock.centre[:, None], shape))
    days = days & (np.abs(first) <= NEAR_MIN)
    hump = days & (np.abs(first) <= np.maximum(2.5 * clock.spread, 15)[:, None])
    reach, widest = np.full(len(days), NEAR_MIN), np.full(len(days), 60.0)
    centres, offsets, spreads, scores = [], [], [], []
    for index, name in enumerate(ANCHORS):
        base = np.zeros(span.days) if name == "clock" else span.sun[name]
        from_base = clock.centre[:, None] + np.where(hump, first, 0.0) - base
        middle = clock.centre if name == "clock" else median((from_base + 720) % 1440 - 720, hump)
        found = fit(near.offsets(base + middle[:, None]), days, np.maximum(clock.spread, 2), widest, reach)
        far = np.abs(middle) > NEAR_MIN if name != "clock" else np.zeros(len(days), dtype=np.bool_)
        centres.append(base + (middle + found.centre)[:, None])
        offsets.append(middle + found.centre)
        spreads.append(found.spread)
        scores.append(np.where(far, -np.inf, found.likelihood + log(ANCHOR_PRIOR[index])))
    score, spread_of = np.array(scores), np.array(spreads)
    top = np.argmax(score, axis=0)
    rows = np.arange(len(days))
    centre, spread = np.array(centres)[top, rows], spread_of[top, rows]
    # A fit to all the days that lost the recent window does not speak of this habit.
    lost = (spread > 2 * clock.spread + 5) | ((np.abs(centre[:, -1] - clock.centre) > 45) & (top == 0))
    centre = np.where(lost[:, None], clock.centre[:, None], centre)
    spread = np.where(lost, clock.spread, spread)
    weight = np.exp(score - score.max(axis=0))
    weight /= weight.sum(axis=0)
    today = np.array([each[:, -1] for each in centres])
    difference = (today - today[top, rows] + 720) % 1440 - 720
    blended = today[top, rows] + np.where(weight > 0, weight * difference, 0.0).sum(axis=0)
    runner_up = np.sort(score, axis=0)[-2]
    decided = score[top, rows] - runner_up >= DECISIVE
    return Anchored(
        centre,
        spread,
        [
            Anchor("clock", None, float(clock.centre[i]))
            if lost[i]
            else Anchor("undetermined", None, float(blended[i]))
            if not decided[i]
            else Anchor(ANCHORS[top[i]], float(offsets[top[i]][i]) if top[i] else None, float(centre[i, -1]))
            for i in rows
        ],
    )
