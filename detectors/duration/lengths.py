"""Lengths in logarithmic buckets: counts of them add, so that partials merge exactly."""

from math import ceil, log, sqrt

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

GROWTH = 1.005
BUCKETS = 3_100

EDGES_MS = np.array([ceil(1000 * GROWTH**number) for number in range(BUCKETS)], dtype=np.int64)
"""Bucket 0 ends at a second, each further one half a percent later; the last begins after 59 days.

Whole milliseconds in a table, so that no rounding of logarithms can put equal lengths into two buckets.
"""


def buckets(lengths_ms: Ints) -> Ints:
    """The bucket of each length.

    Examples
    --------
    >>> buckets(np.array([10, 1_000, 1_005, 60_000])).tolist()
    [0, 1, 2, 821]
    >>> [round(second, 2) for second in (low_s(821), middle_s(821), high_s(821))]
    [59.73, 59.88, 60.03]
    """
    return np.searchsorted(EDGES_MS, lengths_ms, side="right")


def low_s(bucket: int) -> float:
    """Return the lower edge of a bucket, in seconds."""
    return float(EDGES_MS[bucket - 1]) / 1000 if bucket > 0 else 0.0


def high_s(bucket: int) -> float:
    """Return the upper edge of a bucket, in seconds."""
    return float(EDGES_MS[min(bucket, BUCKETS - 1)]) / 1000 if bucket >= 0 else 0.0


def middle_s(bucket: int) -> float:
    """A bucket's middle on the logarithmic scale, in seconds."""
    return sqrt(low_s(bucket) * high_s(bucket)) if bucket > 0 else high_s(0) / 2


def breadth(ratio: float) -> float:
    """Return how many buckets it is from a length to `ratio` times as much."""
    return log(ratio) / log(GROWTH)
