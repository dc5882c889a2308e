"""How long after: quantiles of lags, and whether only a machine keeps them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.history import Millis

MACHINE_MS = 1_000
MACHINE_SHARE = 0.8
MACHINE_SPREAD_MS = 500


def are_automated(lags_ms: Millis) -> bool:
    """Tell whether lags are such as only machines keep: within a second, or the same to half a second."""
    low, high = quantiles(lags_ms, (0.1, 0.9))
    return bool(np.mean(lags_ms < MACHINE_MS) >= MACHINE_SHARE or high - low < MACHINE_SPREAD_MS)


def quantiles(values: NDArray[Any], shares: Sequence[float]) -> list[float]:
    """Quantiles by linear interpolation, as numpy's, whose own take a tenth of a millisecond."""
    ordered = np.sort(values)
    places = np.asarray(shares) * (len(ordered) - 1)
    return [float(x) for x in np.interp(places, np.arange(len(ordered)), ordered)]
