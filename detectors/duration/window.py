"""The window that holds eight of ten stays, and whether that is more than chance would put into it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.duration.lengths import GROWTH, Ints, breadth, high_s, low_s, middle_s
from detectors.duration.stays import Stays
from detectors.evidence import LOG_CAP

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

RATES = np.array([0.6, 0.7, 0.8, 0.9])
QUANTILES = (0.1, 0.5, 0.9)
TENTH = round(breadth(10))
TRUST = 40.0
FIRST_STAYS = 5
MORE = 1.2
TIMER_SHARE = 0.6
TIMER_S = 1.0


@dataclass(frozen=True, slots=True)
class Window:
    """From one bucket to another, both within, and the middle one.

    What is not above `brief`, a tenth of the median, is no use but a slip of the hand, put right at once: the
    window is not stretched to hold it.
    """

    low: int
    middle: int
    high: int
    brief: int

    def holds(self, lengths: Ints) -> Flags:
        """Which lengths lie within."""
        return np.asarray((lengths >= self.low) & (lengths <= self.high), dtype=np.bool_)

    @property
    def chance(self) -> float:
        """The largest share of memoryless stays that can lie within, whatever their rates are.

        Of stays that outlast the brief ones and then end at rate 1/s, ``exp(-a/s) - exp(-b/s)`` go on for a
        to b: at most ``r^(-1/(r-1)) - r^(-r/(r-1))`` with r = b/a. A mixture of rates cannot have more than
        the best one.

        Examples
        --------
        >>> [round(Window(1000, 1000, 1000 + width, 0).chance, 2) for width in (10, 140, 300)]
        [0.02, 0.26, 0.5]
        """
        passed = high_s(self.brief)
        low, high = low_s(self.low) - passed, high_s(self.high) - passed
        if low <= 0:
            return 1.0
        ratio = high / low
        return float(ratio ** (-1 / (ratio - 1)) - ratio ** (-ratio / (ratio - 1)))

    @property
    def ratio(self) -> float:
        """How many times as long as the shortest stay within the longest is."""
        return high_s(self.high) / low_s(self.low) if self.low > 0 else inf

    @property
    def seconds(self) -> tuple[float, float, float]:
        """Low end, middle and high end."""
        return low_s(self.low), middle_s(self.middle), high_s(self.high)


class Tally(NamedTuple):
    """Of so many stays so many were uses, not brief, and so many of these lay within."""

    hits: int
    uses: int
    stays: int

    @classmethod
    def of(cls, trials: Sequence["Trial"]) -> "Tally":
        """Count those of all trials."""
        hits, slips = (
            np.concatenate(flags) for flags in zip(*((t.hits, t.slips) for t in trials), strict=True)
        )
        return cls(int(hits.sum()), int(np.count_nonzero(~slips)), len(hits))


@dataclass(frozen=True, slots=True)
class Trial:
    """How stays fared against windows that were fitted to the stays before them.

    Attributes
    ----------
    days, hits, slips
        Of the last stays, the first ones being needed to fit: ordinal of the day, whether it lay within, or
        was too brief to count as a use.
    chance
        The share that memoryless stays could have within, on average.
    log_e
        Logarithm of the e-value against stays without memory.
    """

    days: Ints
    hits: Flags
    slips: Flags
    chance: float
    log_e: float

    def forecast(self, half_life_days: float, usual: Tally) -> float:
        """Probability that the next stay lies within: decayed, shrunk towards what is usual in the home.

        The windows of one home differ less than their few stays let them seem: how many of the uses they
        hold, and how often hands slip.
        """
        weights = 0.5 ** ((self.days[-1] - self.days) / half_life_days)
        uses, stays = float(weights @ ~self.slips), float(weights.sum())
        within = (float(weights @ self.hits) + TRUST * usual.hits / usual.uses) / (uses + TRUST)
        return within * (uses + TRUST * usual.uses / usual.stays) / (stays + TRUST)


def fit(lengths: Ints, days: Ints, half_life_days: float) -> Window:
    """The window from the tenth to nine tenths of the stays, older ones weighing less.

    A quantile stands where so many of the *next* stays are expected below it: of n stays, the k-th at
    ``k / (n + 1)``.
    """
    order = np.argsort(lengths, kind="stable")
    ordered, weights = lengths[order], 0.5 ** ((days[-1] - days[order]) / half_life_days)
    brief = max(0, int(ordered[np.searchsorted(np.cumsum(weights), weights.sum() / 2)]) - TENTH)
    first = int(np.searchsorted(ordered, brief, side="right"))
    ordered, weights = ordered[first:], weights[first:]
    total = float(weights.sum())
    independent = total * total / float(weights @ weights)
    places = np.cumsum(weights) / (total * (1 + 1 / independent))
    low, middle, high = np.interp(QUANTILES, places, ordered).tolist()
    return Window(int(low), round(middle), -int(-high // 1), brief)


def attempt(stays: Stays, half_life_days: float) -> Trial:
    """Forecast stays, day by day, by what was seen before them.

    The evidence bets on hit rates of .6 to .9 against the chance of each window; brief stays are no bet, but
    misses.
    """
    lengths, days = stays.lengths, stays.days
    at = first = _next_day(days, FIRST_STAYS)
    hits, slips = np.zeros((2, len(lengths)), dtype=np.bool_)
    gains, chances = np.zeros(len(RATES)), 0.0
    while at < len(lengths):
        until = _next_day(days, max(at + 1, int(MORE * at)))
        window, told = fit(lengths[:at], days[:at], half_life_days), lengths[at:until]
        hits[at:until], slips[at:until] = within, brief = window.holds(told), told <= window.brief
        chances += window.chance * len(told)
        gains += _gain(int(within.sum()), int(np.count_nonzero(~brief)), window.chance)
        at = until
    log_e = float(np.logaddexp.reduce(gains) - np.log(len(RATES)))
    chance = chances / max(1, len(lengths) - first)
    return Trial(days[first:], hits[first:], slips[first:], chance, min(log_e, LOG_CAP))


def is_timer(lengths: Ints) -> bool:
    """Whether most stays are equally long, within one percent or a second: a machine ends them."""
    lengths = np.sort(lengths)
    second = np.ceil(np.log1p(TIMER_S / GROWTH ** lengths.astype(np.float64)) / np.log(GROWTH))
    most = np.searchsorted(lengths, lengths + np.maximum(1, second), side="right") - np.arange(len(lengths))
    return bool(most.max() >= TIMER_SHARE * len(lengths))


def _next_day(days: Ints, place: int) -> int:
    """The first place from `place` on at which another day begins."""
    return int(np.searchsorted(days, days[place - 1], side="right")) if place < len(days) else len(days)


def _gain(hits: int, stays: int, chance: float) -> Floats:
    """What the bets on each rate win; none where chance alone could have that rate."""
    if chance >= RATES[-1]:
        return np.zeros(len(RATES))
    win = hits * np.log(RATES / chance) + (stays - hits) * np.log((1 - RATES) / (1 - chance))
    return np.where(chance < RATES, win, 0.0)
