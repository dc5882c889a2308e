"""Forecasting each day's stays from those before it: how many are right, and what that proves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detectors.duration.lengths import Ints
from detectors.duration.stays import Stays
from detectors.duration.window import Flags, Floats, Window
from detectors.evidence import LOG_CAP

RATES = np.array([0.6, 0.7, 0.8, 0.9])
TRUST = 40.0
PROMISED = (32, 40, 42)
FIRST_STAYS = 5
MORE = 1.2


class Tally(NamedTuple):
    """Of so many stays so many were uses, and so many lay within their window."""

    hits: int
    uses: int
    stays: int

    @classmethod
    def of(cls, trials: Sequence["Trial"]) -> "Tally":
        """Count those of all trials, and some that went as the quantiles promise."""
        hits = np.concatenate([trial.hits for trial in trials])
        slips = np.concatenate([trial.slips for trial in trials])
        uses = int(np.count_nonzero(~slips))
        return cls(int(hits.sum()) + PROMISED[0], uses + PROMISED[1], len(hits) + PROMISED[2])


@dataclass(frozen=True, slots=True)
class Trial:
    """Result of stays against windows that were fitted to the stays before them.

    Attributes
    ----------
    days, hits, slips
        Of all stays but the first ones: ordinal of the day, whether it lay within, whether it was no use.
    chance
        The share that memoryless uses could have within, on average.
    log_e
        Logarithm of the e-value against stays without memory.
    """

    days: Ints
    hits: Flags
    slips: Flags
    chance: float
    log_e: float

    @classmethod
    def of(cls, stays: Stays, half_life_days: float) -> "Trial":
        """Forecast stays, day by day.

        The evidence is the mean of two: bets on hit rates of .6 to .9 against the chance of each window, and
        the likelihood of each length as forecast against that of a memoryless one. Slips are misses, but no
        evidence: the null, told that a stay is neither brief nor forgotten, is memoryless still.
        """
        lengths, days = stays.lengths, stays.days
        at = first = _next_day(days, FIRST_STAYS)
        hits, slips = np.zeros((2, len(lengths)), dtype=np.bool_)
        bets, surprise, chances = np.zeros(len(RATES)), 0.0, 0.0
        while at < len(lengths):
            until = _next_day(days, max(at + 1, int(MORE * at)))
            window = fit(lengths[:at], days[:at], half_life_days)
            told = lengths[at:until]
            hits[at:until], slips[at:until] = window.holds(told), window.slips(told)
            uses = told[~slips[at:until]]
            chances += window.chance * len(told)
            bets += _gain(int(hits[at:until].sum()), len(uses), window.chance)
            surprise += window.log_surprise(uses)
            at = until
        log_e = np.logaddexp(np.logaddexp.reduce(bets) - np.log(len(RATES)), surprise) - np.log(2)
        return cls(
            days[first:],
            hits[first:],
            slips[first:],
            chances / max(1, len(lengths) - first),
            min(float(log_e), LOG_CAP),
        )

    def forecast(self, half_life_days: float, usual: Tally) -> float:
        """Probability that the next stay lies within: decayed, shrunk towards what is usual in the home.

        The windows of one home differ less than their few stays let them seem: how many of the uses they
        hold, and how often hands slip.
        """
        weights = 0.5 ** ((self.days[-1] - self.days) / half_life_days)
        uses, stays = float(weights @ ~self.slips), float(weights.sum())
        within = (float(weights @ self.hits) + TRUST * usual.hits / usual.uses) / (uses + TRUST)
        return within * (uses + TRUST * usual.uses / usual.stays) / (stays + TRUST)


def fit(lengths: Ints, days: Ints, half_life_days: float) -> Window:
    """The window of stays in the order of days, older ones weighing less."""
    return Window.fit(lengths, 0.5 ** ((days[-1] - days) / half_life_days))


def _next_day(days: Ints, place: int) -> int:
    """The first place from `place` on at which another day begins."""
    return int(np.searchsorted(days, days[place - 1], side="right")) if place < len(days) else len(days)


def _gain(hits: int, uses: int, chance: float) -> Floats:
    """Return the gain of the bets on each rate; none where chance alone could have that rate."""
    if chance >= RATES[-1]:
        return np.zeros(len(RATES))
    win = hits * np.log(RATES / chance) + (uses - hits) * np.log((1 - RATES) / (1 - chance))
    return np.where(chance < RATES, win, 0.0)
