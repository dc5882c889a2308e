"""Tail of deviations: how surprising one is, learned from how far earlier ones reached."""

from math import exp, log, log10
from typing import Any

DECADES = log10(exp(1))
# Robustness over speed: nothing moves slower than this a deviation.
SLOWEST_LIMIT, SLOWEST_DECAY = 0.02, 0.01
FIRST_DECAY, FIRST_WEIGHT = 0.25, 6.0
SMALLEST_DECAY, LARGEST_LOG = 0.1, 3.0
# From here on a deviation is extreme: one an incident is learned, and what came twice surprises less.
EXTREME, REPEATED = 2.5, 3.0
INCIDENT = 0.7
RECORD_MEMORY = 50.0


class Tail:
    """Surprise of a deviation as decades of improbability, from a Pareto tail above a running quantile.

    ``score = log10(1 / p) + log10(u / t) / xi`` for a deviation u above the limit t that a share p exceeds,
    else 0: 3 is what comes once in a thousand times, if the tail goes on as it did. xi is Hill's estimate,
    the mean of ``ln(u / t)`` over exceedances, so heavy tails raise the bar by themselves. What is no larger
    than the second largest of late scores little above 3. About 0.3 microseconds; not mergeable.

    Parameters
    ----------
    share
        Deviations p that count as the tail.
    limit
        The first t; never below 1, so deviations come in units of what is usual.

    Examples
    --------
    >>> tail = Tail(0.02)
    >>> for _ in range(200):
    ...     for deviation in (0.5, 1.0, 1.5, 2.0):
    ...         score = tail.score_and_learn(deviation)
    >>> tail.score_and_learn(1.5), tail.score_and_learn(40.0) > 5
    (0.0, True)

    References
    ----------
    B. M. Hill (1975). A simple general approach to inference about the tail of a distribution. Annals of
    Statistics 3(5), 1163-1174. doi:10.1214/aos/1176343247
    A. Siffer, P.-A. Fouque, A. Termier, C. Largouet (2017). Anomaly detection in streams with extreme value
    theory. KDD, 1067-1075. doi:10.1145/3097983.3098144
    """

    __slots__ = ("_count", "_decay", "_exceeded_at", "_extreme_at", "_largest", "_limit", "_second", "_share")

    def __init__(self, share: float, limit: float = 3.0) -> None:
        self._share, self._limit, self._decay = share, limit, FIRST_DECAY
        self._count, self._exceeded_at, self._extreme_at = 0, 0, -1
        self._largest = self._second = 0.0

    @property
    def limit(self) -> float:
        """Deviation that the share p exceeds."""
        return self._limit

    def score_and_learn(self, deviation: float) -> float:
        """Score a deviation, then learn it."""
        self._count += 1
        seen = self._count * self._share
        rate = max(SLOWEST_LIMIT, 1 / (seen + 5))
        limit = self._limit
        if deviation <= limit:
            self._limit = max(1.0, limit * (1 - rate * self._share))
            return 0.0
        excess = log(deviation / limit)
        score = DECADES * excess / self._decay - log10(self._share)
        if deviation <= self._second and score > REPEATED:
            score = REPEATED + (score - REPEATED) / 4
        if score > EXTREME:
            if self._extreme_at >= 0 and (self._count - self._extreme_at) * self._share < INCIDENT:
                return score
            self._extreme_at = self._count
        self._learn(deviation, excess, seen)
        self._limit = limit * (1 + rate * (1 - self._share))
        return score

    def _learn(self, deviation: float, excess: float, seen: float) -> None:
        faded = exp((self._exceeded_at - self._count) * self._share / RECORD_MEMORY)
        self._exceeded_at = self._count
        records = (deviation, self._largest * faded, self._second * faded)
        self._largest, self._second, _ = sorted(records, reverse=True)
        rate = max(SLOWEST_DECAY, 1 / (seen + FIRST_WEIGHT))
        self._decay = max(SMALLEST_DECAY, self._decay + rate * (min(excess, LARGEST_LOG) - self._decay))

    def snapshot(self) -> list[float]:
        """Plain values."""
        return [
            self._limit,
            self._decay,
            self._largest,
            self._second,
            self._count,
            self._exceeded_at,
            self._extreme_at,
        ]

    def restore(self, snapshot: list[Any]) -> None:
        """Take up what `snapshot` returned."""
        self._limit, self._decay, self._largest, self._second = (float(value) for value in snapshot[:4])
        self._count, self._exceeded_at, self._extreme_at = (int(value) for value in snapshot[4:])
