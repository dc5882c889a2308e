"""Lags: their quantiles, whether there is a typical one, and whether only a machine keeps them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.history import Millis
from schemas.patterns import Quantiles

MACHINE_MS = 1_000
MACHINE_SHARE = 0.8
MACHINE_SPREAD_MS = 500
NARROWEST_SPREAD = 0.1
IQR_OF_NORMAL = 1.349
STRAY_SHARE = 0.15


def are_automated(lags_ms: Millis) -> bool:
    """Tell whether lags are such as only machines keep: within a second, or the same to half a second."""
    low, high = quantiles(lags_ms, (0.1, 0.9))
    return bool(np.mean(lags_ms < MACHINE_MS) >= MACHINE_SHARE or high - low < MACHINE_SPREAD_MS)


def focus(lags_ms: Millis, window_ms: int) -> float:
    """Log-likelihood that a lag gains if lags lie around a typical one, over anywhere in the window.

    Reactions have a typical lag; what merely goes on while somebody is in the room has none (about 0). The
    alternative is a log-normal lag about the median, with one in seven anywhere.
    """
    lags = np.log(np.maximum(lags_ms, 1) / window_ms)
    low, mid, high = quantiles(lags, (0.25, 0.5, 0.75))
    spread = max(NARROWEST_SPREAD, (high - low) / IQR_OF_NORMAL)
    density = np.exp(-0.5 * ((lags - mid) / spread) ** 2 - lags) / (spread * np.sqrt(2 * np.pi))
    return float(np.log((1 - STRAY_SHARE) * density + STRAY_SHARE).mean())


def in_seconds(lags_ms: Millis) -> Quantiles:
    """Return the quantiles of lags in seconds, as a pattern says it."""
    low, mid, high = (round(lag / 1000, 3) for lag in quantiles(lags_ms, (0.1, 0.5, 0.9)))
    return Quantiles(p10=low, p50=mid, p90=high)


def quantiles(values: NDArray[Any], shares: Sequence[float]) -> list[float]:
    """Quantiles by linear interpolation, as numpy's, whose own take a tenth of a millisecond."""
    ordered = np.sort(values)
    places = np.asarray(shares) * (len(ordered) - 1)
    return [float(x) for x in np.interp(places, np.arange(len(ordered)), ordered)]
