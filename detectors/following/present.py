"""Since when a habit has been what it is: the last clear change of how often it hits."""

import numpy as np
from numpy.typing import NDArray

from detectors.evidence import Floats
from detectors.following.log import Flags

LEAST_GAIN = 5.0
Counts = NDArray[np.int64]


def present(hits: Flags) -> tuple[int, float]:
    """Find the first trial, oldest first, of those that belong to how things are now.

    Of all places where the series may be split, the log-likelihood of two hit rates, before and after, over
    that of one rate is taken, and the mean of these likelihoods. A change is clear if its logarithm exceeds
    `LEAST_GAIN`; it is then at the best place, and what comes after is searched again.

    Returns
    -------
    The place of that trial, 0 if nothing changed, and what the first change that was found gained.

    Examples
    --------
    >>> present(np.repeat([True, False], [40, 12]))[0]
    40
    >>> present(np.tile([True, True, True, False], 10))
    (0, 0.0)
    """
    start, first_gain = 0, 0.0
    while len(hits) - start > 1:
        gains = _gains(hits[start:])
        top = float(gains.max())
        gain = top + float(np.log(np.exp(gains - top).mean()))
        if gain <= LEAST_GAIN:
            break
        first_gain = first_gain or gain
        start += int(np.argmax(gains)) + 1
    return start, first_gain


def _gains(hits: Flags) -> Floats:
    """Return the gain of each split of the series, the first one after its first element."""
    before, hit = np.arange(1, len(hits)), int(np.count_nonzero(hits))
    hit_before = np.cumsum(hits, dtype=np.int64)[:-1]
    whole = np.array([hit]), np.array([len(hits)])
    return _fit(hit_before, before) + _fit(hit - hit_before, len(hits) - before) - _fit(*whole)


def _fit(hits: Counts, trials: Counts) -> Floats:
    """Log-likelihood of the rate that fits best."""
    misses = trials - hits
    return np.asarray(
        hits * np.log(np.maximum(hits, 1) / trials) + misses * np.log(np.maximum(misses, 1) / trials)
    )
