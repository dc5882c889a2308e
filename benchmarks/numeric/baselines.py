"""Baselines: River's statistics against plain Python and numpy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite, nan
from typing import Any

import numpy as np
from river import stats

from benchmarks.numeric.artificial import undisturbed_series
from benchmarks.numeric.cost import cpu_us, feed, import_mb, model_bytes

READINGS = 200_000
FADING = 0.05


class Welford:
    """Mean and variance in plain Python."""

    def __init__(self) -> None:
        self.n, self.mean, self.squares = 0, 0.0, 0.0

    def update(self, value: float) -> None:
        """Take a reading."""
        self.n += 1
        apart = value - self.mean
        self.mean += apart / self.n
        self.squares += apart * (value - self.mean)

    def get(self) -> float:
        """Variance."""
        return self.squares / (self.n - 1)


class Fading:
    """Exponentially weighted mean in plain Python."""

    def __init__(self) -> None:
        self.mean: float | None = None

    def update(self, value: float) -> None:
        """Take a reading."""
        self.mean = value if self.mean is None else self.mean + FADING * (value - self.mean)

    def get(self) -> float:
        """Mean."""
        return self.mean or 0.0


class Stepping:
    """Running quantile in plain Python: a step up or down, in proportion to what readings change by."""

    def __init__(self, q: float) -> None:
        self.q = q
        self.at: float | None = None
        self.size = 0.0

    def update(self, value: float) -> None:
        """Take a reading."""
        if self.at is None:
            self.at = value
            return
        self.size += 0.01 * (abs(value - self.at) - self.size)
        step = 0.05 * self.size
        self.at += step * self.q if value > self.at else step * (self.q - 1)

    def get(self) -> float:
        """Quantile."""
        return self.at or 0.0


class Window:
    """Mean of the last readings, recomputed by numpy."""

    def __init__(self, size: int) -> None:
        self.ring, self.n = np.zeros(size), 0

    def update(self, value: float) -> None:
        """Take a reading."""
        self.ring[self.n % len(self.ring)] = value
        self.n += 1

    def get(self) -> float:
        """Mean."""
        return float(self.ring[: self.n].mean())


class Guarded:
    """River's variance behind a finite check: one NaN would spoil it for ever."""

    def __init__(self) -> None:
        self.variance = stats.Var()

    def update(self, value: float) -> None:
        """Take a reading, if it is one."""
        if isfinite(value):
            self.variance.update(value)

    def get(self) -> float:
        """Variance."""
        return float(self.variance.get())


@dataclass(frozen=True)
class Statistic:
    """One way to compute a figure, and the figure that it should be."""

    name: str
    make: Callable[[], Any]
    exact: Callable[[np.ndarray], float]


def _faded(values: np.ndarray) -> float:
    mean = float(values[0])
    for value in values[1:]:
        mean += FADING * (float(value) - mean)
    return mean


def _variance(values: np.ndarray) -> float:
    return float(values.var(ddof=1))


def _high(values: np.ndarray) -> float:
    return float(np.quantile(values, 0.95))


STATISTICS = (
    Statistic("mean: River `Mean`", stats.Mean, np.mean),
    Statistic(
        "mean of the last 500: numpy, looked at never",
        lambda: Window(500),
        lambda values: values[-500:].mean(),
    ),
    Statistic("variance: River `Var`", stats.Var, _variance),
    Statistic("variance: River `Var` behind a finite check", Guarded, _variance),
    Statistic("variance: plain Python", Welford, _variance),
    Statistic("fading mean: River `EWMean`", lambda: stats.EWMean(FADING), _faded),
    Statistic("fading mean: plain Python", Fading, _faded),
    Statistic("0.95 quantile: River `Quantile`", lambda: stats.Quantile(0.95), _high),
    Statistic("0.95 quantile: plain Python", lambda: Stepping(0.95), _high),
)


def report() -> str:
    """The table."""
    series = next(each for each in undisturbed_series(90, 5, seed=5) if each.name == "daily")
    values = np.resize(np.asarray(series.values), READINGS)
    rows = [_row(statistic, values) for statistic in STATISTICS]
    return "\n".join(
        [
            f"`from river import stats` adds {import_mb('from river import stats'):.0f} MB to a process.",
            "",
            "| | us a reading | bytes | relative error | after one NaN |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )


def _row(statistic: Statistic, values: np.ndarray) -> str:
    model, plain = statistic.make(), values.tolist()
    spent = cpu_us(feed(model.update, plain), len(plain))
    exact = statistic.exact(values)
    error = abs(model.get() - exact) / abs(exact)
    model.update(nan)
    model.update(20.0)
    spoiled = "lasts" if isfinite(model.get()) else "lost for ever"
    size = model_bytes(partial(_trained, statistic.make, plain[:1000]))
    return f"| {statistic.name} | {spent:.2f} | {size} | {error:.1e} | {spoiled} |"


def _trained(make: Callable[[], Any], values: Sequence[float]) -> Any:
    model = make()
    for value in values:
        model.update(value)
    return model
