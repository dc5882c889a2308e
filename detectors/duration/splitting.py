"""Split of stays where their length depends on when they begin, or changes from some day on."""

from dataclasses import dataclass

import numpy as np

from detectors.duration.lengths import Ints, breadth
from detectors.duration.stays import Stays
from detectors.duration.window import TENFOLD, Flags, Floats
from schemas.patterns import Condition, Hours, Weekday

WORKDAYS, WEEKEND = (0, 1, 2, 3, 4), (5, 6)
SPANS = tuple((start, (start + hours) % 24) for hours in (4, 6, 8, 12) for start in range(24))
"""From which hour to which, half a day at most: the rest of the day is the other case.

Of spans that split the same, the first is said: the shortest.
"""

IN_SPAN = np.array([[(hour - a) % 24 < (b - a) % 24 for hour in range(24)] for a, b in SPANS])
CONTEXTS = len(SPANS) + 1
LEAST_GAIN = 6.0
LEAST_PART = 8
LEAST_PART_DAYS = 4
LEAST_BREADTH = breadth(1.4)
FAR = 4.0
LEAST_SPREAD = breadth(1.02)


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the stays, what they have in common, and from how many ways to take some they were chosen."""

    stays: Stays
    condition: Condition | None = None
    ways: int = 1


def parts(stays: Stays) -> list[Part]:
    """Split stays by the context that matters most, if one does; of each part keep what is so now.

    The larger part comes first.
    """
    whole = _latest(Part(stays))
    split = _by_context(whole)
    if split is None:
        return [whole]
    return sorted(map(_latest, split), key=lambda part: -len(part.stays))


def _latest(part: Part) -> Part:
    """Return the part after the last change, or the whole where there was none."""
    stays = part.stays
    days = np.unique(stays.days)
    cuts = days[LEAST_PART_DAYS : 1 - LEAST_PART_DAYS]
    if not len(cuts):
        return part
    after = stays.days >= cuts[:, None]
    best = _best(stays, after, np.full(len(cuts), np.log(len(cuts))))
    if best is None:
        return part
    return _latest(Part(stays.take(after[best]), part.condition, part.ways * len(cuts)))


def _by_context(part: Part) -> tuple[Part, Part] | None:
    stays = part.stays
    within = np.concatenate([IN_SPAN[:, stays.hours], (stays.weekdays < len(WORKDAYS))[None, :]])
    best = _best(stays, within, np.log([len(SPANS)] * len(SPANS) + [1]))
    if best is None:
        return None
    ways = part.ways * CONTEXTS
    inside, outside = stays.take(within[best]), stays.take(~within[best])
    first, second = _conditions(best)
    return Part(inside, first, ways), Part(outside, second, ways)


def _conditions(best: int) -> tuple[Condition, Condition]:
    """The condition of this number and its contrary."""
    if best < len(SPANS):
        after, before = SPANS[best]
        return Hours(after=after, before=before), Hours(after=before, before=after)
    return Weekday(days=WORKDAYS), Weekday(days=WEEKEND)


def _best(stays: Stays, within: Flags, penalties: Floats) -> int | None:
    """The split into two log-normal lengths that says most, if it says enough and the two differ enough.

    Enough: the log-likelihood exceeds that of one by more than two further parameters, the choice among the
    alternatives and `LEAST_GAIN` cost. Stays far off count as less far, so that single ones decide nothing.
    """
    lengths = _tamed(stays.lengths)
    inside = within.astype(np.float64)
    n_in = inside.sum(axis=1)
    n, n_out = len(lengths), len(lengths) - n_in
    possible = (n_in >= LEAST_PART) & (n_out >= LEAST_PART)
    if not possible.any():
        return None
    n_in, n_out = np.where(possible, n_in, 1), np.where(possible, n_out, 1)
    sum_in, squares_in = inside @ lengths, inside @ lengths**2
    mean_in, mean_out = sum_in / n_in, (lengths.sum() - sum_in) / n_out
    var_in = squares_in / n_in - mean_in**2
    var_out = ((lengths**2).sum() - squares_in) / n_out - mean_out**2
    gain = (n * _log_spread(lengths.var()) - n_in * _log_spread(var_in) - n_out * _log_spread(var_out)) / 2
    surplus = np.where(possible, gain - penalties - np.log(n) - LEAST_GAIN, -1.0)
    best = int(np.argmax(surplus))
    return best if surplus[best] > 0 and _differ(stays, within[best]) else None


def _differ(stays: Stays, inside: Flags) -> bool:
    """Return whether both sides are seen on days enough, and the medians of their uses are apart."""
    sides = inside, ~inside
    medians = [_median_use(stays.lengths[side]) for side in sides]
    seen = all(len(np.unique(stays.days[side])) >= LEAST_PART_DAYS for side in sides)
    return seen and abs(medians[0] - medians[1]) >= LEAST_BREADTH


def _median_use(lengths: Ints) -> float:
    return float(np.median(lengths[np.abs(lengths - np.median(lengths)) < TENFOLD]))


def _tamed(lengths: Ints) -> Floats:
    """Lengths relative to the median, those far from it moved nearer."""
    off = lengths - np.median(lengths)
    reach = FAR * max(float(np.median(np.abs(off))), LEAST_SPREAD)
    return np.clip(off, -reach, reach)


def _log_spread(variance: Floats | float) -> Floats:
    return np.asarray(np.log(np.maximum(variance, LEAST_SPREAD**2)))
