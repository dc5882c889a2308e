"""Time that devices stay switched on, and from when on that is too long."""

import re
from bisect import insort
from collections.abc import Mapping
from math import erfc, exp, log, log10, sqrt

from detectors.anomaly.alarms import HOUR_MS, MINUTE_MS

ON = frozenset({"on"})
# What people switch on or open, and forget.
ACTIVE: Mapping[str, frozenset[str]] = {
    "light": ON,
    "switch": ON,
    "fan": ON,
    "input_boolean": ON,
    "humidifier": ON,
    "siren": ON,
    "media_player": frozenset({"on", "playing"}),
    "cover": frozenset({"open"}),
    "valve": frozenset({"open"}),
    "lock": frozenset({"unlocked"}),
}
# What senses people, and may hang.
SENSING = re.compile(r"motion|movement|occupancy|pir(_|$)|bewegung|mouvement|movimiento|beweging")
# Nobody wants to hear sooner.
SHORTEST_MS = HOUR_MS
SHORTEST_OPEN_MS = 20 * MINUTE_MS
# A stay that would be normal after this many days is no mishap.
LONGEST_MS = 72 * HOUR_MS
FEWEST = 6
WIDTHS = 4.0
LONGER = 1.8
USUAL = 3
# Where stays are few, how much wider the spread and longer the longest may be: tenfold at none.
FEW = 10
FEW_LONGER = 4.0
OFTEN = 1.5
# And so many stays in order must there be for each that was too long: else that is how it is used.
FEWEST_EACH = 25
SPREAD_FLOOR = 0.3
PRIOR_SPREAD = 0.5
PRIOR_STAYS = 8
NORMAL_P70, NORMAL_P90 = 0.5244, 1.2816


class Stays:
    """The stays of one entity in one state on earlier days, as logarithms of milliseconds, sorted.

    A stay is too long when it lies `WIDTHS` spreads above the middle, and is well longer than the longest.
    Both are those of a normal distribution with the upper part of the stays: what was switched off again at
    once says nothing of that. Where stays are few, the spread of the class of device stands in.
    """

    __slots__ = ("_shortest_ms", "logs")

    def __init__(self, shortest_ms: int) -> None:
        self.logs: list[float] = []
        self._shortest_ms = shortest_ms

    def learn(self, stay_ms: int) -> None:
        """Add a stay."""
        insort(self.logs, log(max(stay_ms, 1_000)))

    @property
    def spread(self) -> float:
        """Standard deviation of the upper part, were it normal."""
        return (self.quantile(0.9) - self.quantile(0.7)) / (NORMAL_P90 - NORMAL_P70)

    def quantile(self, share: float) -> float:
        """The logarithm below which this share of the stays lies."""
        return self.logs[min(len(self.logs) - 1, int(share * len(self.logs)))]

    def limit(self, class_spread: float, overlong: int) -> tuple[int, float] | None:
        """From how many milliseconds on a stay is too long, and its score; None while that cannot be told.

        `overlong` counts the stays that were too long before: who forgets it often is told less soon.
        """
        n = len(self.logs)
        if n < max(FEWEST, FEWEST_EACH * overlong):
            return None
        mixed = (n * self.spread + PRIOR_STAYS * class_spread) / (n + PRIOR_STAYS)
        width = max(mixed, SPREAD_FLOOR) * sqrt(1 + FEW / n)
        middle = self.quantile(0.7) - NORMAL_P70 * width
        longest = self.logs[-1] + log(LONGER) + FEW_LONGER / n
        limit_ms = max(exp(max(middle + WIDTHS * width, longest)), self._shortest_ms) * OFTEN**overlong
        if limit_ms > LONGEST_MS:
            return None
        z = (log(limit_ms) - middle) / width
        score = -log10(max(0.5 * erfc(z / sqrt(2)), 1e-12))
        # What was seen n times vouches for no more than this.
        return round(limit_ms / MINUTE_MS) * MINUTE_MS, min(score, log10(n + 1) + 3)
