"""Usual window of a length: it holds eight of ten stays, and tells where the next one is expected."""

from dataclasses import dataclass
from math import inf, lgamma, log, pi

import numpy as np
from numpy.typing import NDArray

from detectors.duration.lengths import GROWTH, Ints, breadth, high_s, low_s, middle_s

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

QUANTILES = (0.1, 0.5, 0.9)
TENFOLD = round(breadth(10))
LOG_GROWTH = log(GROWTH)
LEAST_SPREAD = 0.01
FAR = 4.0
ANYWHERE = 0.1
LOG_RANGE = log(100)
TIMER_SHARE = 0.6
TIMER_S = 1.0


@dataclass(frozen=True, slots=True)
class Window:
    """From one bucket to another, both within, and the middle one.

    Attributes
    ----------
    shortest, longest
        A use lasts longer than a tenth of the median and shorter than ten times it. What is briefer is a slip
        of the hand, put right at once; what is longer was forgotten: the window is not stretched to hold it.
    centre, spread, count
        Mean and standard deviation of the logarithms of how many uses, those far off taken as less far.
    """

    low: int
    middle: int
    high: int
    shortest: int
    longest: int
    centre: float
    spread: float
    count: float

    @classmethod
    def fit(cls, lengths: Ints, weights: Floats) -> "Window":
        """The window from the tenth to nine tenths of the uses among weighted stays.

        A quantile stands where so many of the *next* uses are expected below it: of n uses, the k-th at
        ``k / (n + 1)``.
        """
        order = np.argsort(lengths, kind="stable")
        ordered, weights = lengths[order], weights[order]
        median = int(ordered[np.searchsorted(np.cumsum(weights), weights.sum() / 2)])
        shortest, longest = max(-1, median - TENFOLD), median + TENFOLD
        uses = slice(np.searchsorted(ordered, shortest, "right"), np.searchsorted(ordered, longest, "left"))
        ordered, weights = ordered[uses], weights[uses]
        total = float(weights.sum())
        count = total * total / float(weights @ weights)
        places = np.cumsum(weights) / (total * (1 + 1 / count))
        low, middle, high = np.interp(QUANTILES, places, ordered).tolist()
        off = (ordered - middle) * LOG_GROWTH
        reach = FAR * max(float(np.median(np.abs(off))), LEAST_SPREAD)
        off = np.clip(off, -reach, reach)
        mean = float(weights @ off) / total
        variance = float(weights @ (off - mean) ** 2) / total * count / max(count - 1, 1)
        return cls(
            low=int(low),
            middle=round(middle),
            high=-int(-high // 1),
            shortest=shortest,
            longest=longest,
            centre=middle * LOG_GROWTH + mean,
            spread=max(variance**0.5, LEAST_SPREAD),
            count=count,
        )

    def holds(self, lengths: Ints) -> Flags:
        """Return which lengths lie within."""
        return np.asarray((lengths >= self.low) & (lengths <= self.high), dtype=np.bool_)

    def slips(self, lengths: Ints) -> Flags:
        """Return which lengths are no use."""
        return np.asarray((lengths <= self.shortest) | (lengths >= self.longest), dtype=np.bool_)

    @property
    def chance(self) -> float:
        """The largest share of memoryless uses that can lie within, whatever their rates are.

        Of stays that outlast the brief ones and then end at rate 1/s, ``exp(-a/s) - exp(-b/s)`` go on for a
        to b: at most ``r^(-1/(r-1)) - r^(-r/(r-1))`` with r = b/a. A mixture of rates cannot have more than
        the best one.
        """
        passed = high_s(self.shortest)
        low, high = low_s(self.low) - passed, high_s(self.high) - passed
        if low <= 0:
            return 1.0
        ratio = high / low
        return float(ratio ** (-1 / (ratio - 1)) - ratio ** (-ratio / (ratio - 1)))

    def log_surprise(self, lengths: Ints) -> float:
        """Logarithm of how much likelier these uses are as forecast than as memoryless ones.

        The forecast is Student's t for the next logarithm, or with probability `ANYWHERE` any length. A
        memoryless use that goes on for z has at most the density ``1 / (e z)``, whatever its rate is.
        """
        freedom, scale = max(self.count - 1, 1.0), self.spread * (1 + 1 / self.count) ** 0.5
        off = (lengths * LOG_GROWTH - self.centre) / scale
        peak = lgamma((freedom + 1) / 2) - lgamma(freedom / 2) - log(freedom * pi) / 2 - log(scale)
        density = np.exp(peak - (freedom + 1) / 2 * np.log1p(off * off / freedom))
        forecast = np.log((1 - ANYWHERE) * density + ANYWHERE / LOG_RANGE)
        gone_on = -np.expm1((self.shortest - lengths) * LOG_GROWTH)
        return float(np.sum(forecast + 1 + np.log(gone_on)))

    @property
    def ratio(self) -> float:
        """Ratio of the longest stay within to the shortest."""
        return high_s(self.high) / low_s(self.low) if self.low > 0 else inf

    @property
    def seconds(self) -> tuple[float, float, float]:
        """Low end, middle and high end."""
        return low_s(self.low), middle_s(self.middle), high_s(self.high)


def is_timer(lengths: Ints) -> bool:
    """Return whether most stays are equally long, within one percent or a second: a machine ends them.

    Examples
    --------
    >>> is_timer(np.array([500, 500, 501, 500, 700])), is_timer(np.array([500, 510, 520, 530, 540]))
    (True, False)
    """
    lengths = np.sort(lengths)
    second = np.ceil(np.log1p(TIMER_S / GROWTH ** lengths.astype(np.float64)) / LOG_GROWTH)
    most = np.searchsorted(lengths, lengths + np.maximum(1, second), side="right") - np.arange(len(lengths))
    return bool(most.max() >= TIMER_SHARE * len(lengths))
