"""Forecast rates of an automation for the days to come, and its regret."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.patterns import Detail, DurationDetail, TimeOfDayDetail

UNWANTED_COST = 3.0
"""How many saved actions a run that nobody wanted costs: it must be undone, and it annoys."""

HALF_LIFE_DAYS = 30.0


class Usual(NamedTuple):
    """Prior for the rates of automations that do well on the past: shares of the opportunities, 0 to 1.

    They count as much as `opportunities` that were seen.
    """

    opportunities: float
    wanted: float
    unwanted: float
    missed: float


@singledispatch
def usual(detail: Detail) -> Usual:
    """Return what to expect of automations of a pattern before anything of it was seen."""
    del detail
    return Usual(3.0, 0.6, 0.25, 0.15)


@usual.register
def _of_time(detail: TimeOfDayDetail) -> Usual:
    del detail
    return Usual(10.0, 0.66, 0.21, 0.13)


@usual.register
def _of_duration(detail: DurationDetail) -> Usual:
    del detail
    return Usual(6.0, 0.6, 0.25, 0.15)


@dataclass(frozen=True, slots=True)
class Rates:
    """Forecast numbers of wanted, unwanted and missed runs a day."""

    wanted: float
    unwanted: float
    missed: float

    @property
    def precision(self) -> float:
        """Forecast precision: the share of runs that are wanted, 0 to 1."""
        return self.wanted / max(self.wanted + self.unwanted, 1e-12)

    def regret(self, saved: int) -> float:
        """Return the expected cost of a day, in saved actions, of which each wanted run saves `saved`."""
        return UNWANTED_COST * self.unwanted - saved * self.wanted


def expect(
    ages: NDArray[np.int64],
    wanted: Sequence[int],
    unwanted: Sequence[int],
    missed: Sequence[int],
    prior: Usual,
) -> Rates:
    """Forecast the rates of a day from those of the past ones: recent days count more.

    The number of opportunities a day is the decayed mean, ``sum w n / sum w`` with
    ``w = 2^(-age / half-life)``; what becomes of them is shrunk towards the `prior`.

    Parameters
    ----------
    ages
        How many days ago each eligible day was.
    wanted, unwanted, missed
        How many opportunities of each kind there were on it.
    prior
        What to expect before anything was seen.

    Examples
    --------
    >>> rates = expect(np.arange(30), [1] * 30, [0] * 30, [0] * 30, Usual(3, 0.6, 0.25, 0.15))
    >>> round(rates.wanted, 2), round(rates.unwanted, 2), round(rates.precision, 2)
    (0.95, 0.03, 0.97)
    """
    weights = 0.5 ** (ages / HALF_LIFE_DAYS)
    sums = [float(weights @ np.asarray(each, dtype=np.float64)) for each in (wanted, unwanted, missed)]
    opportunities, days = sum(sums), float(weights.sum())
    if not opportunities or not days:
        return Rates(0.0, 0.0, 0.0)
    shares = (
        (each + prior.opportunities * share) / (opportunities + prior.opportunities)
        for each, share in zip(sums, prior[1:], strict=True)
    )
    return Rates(*(opportunities / days * share for share in shares))
