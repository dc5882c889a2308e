"""Confidence in what follows: the probability that the next opportunity is a hit."""

from detectors.evidence import forecast
from detectors.following.log import Flags

TYPICAL_RATE = 0.5
"""What a habit that is just clear enough to be told may come to: little evidence is shrunk towards it.

Not towards chance: what is told has passed that test, and forecasts that were shrunk so were a tenth too low.
"""


def confide(hits: Flags, days: int, half_life_days: float = 14.0) -> float:
    """Forecast from opportunities, oldest first; `days` have passed since the first of them.

    They count half after `half_life_days`, or after as many opportunities where these take longer.

    Examples
    --------
    >>> import numpy as np
    >>> round(confide(np.ones(20, dtype=bool), days=14), 2)
    0.92
    >>> round(confide(np.repeat([True, False], 30), days=60), 2)
    0.23
    """
    half_life = max(1.0, len(hits) / days) * half_life_days
    return forecast(hits, TYPICAL_RATE, half_life)
