"""Difficulty of a household: how hard it is to learn."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["easy", "normal", "hard"]


@dataclass(frozen=True, slots=True)
class Difficulty:
    """Factors on what blurs a habit.

    Parameters
    ----------
    noise
        On how often devices are used for no reason.
    spread
        On the spread of times.
    skipping
        On the probability of not doing what one usually does.
    """

    noise: float
    spread: float
    skipping: float

    def probability(self, usual: float) -> float:
        """Return the probability with which something is done that is usually done with another."""
        return round(max(0.0, 1 - self.skipping * (1 - usual)), 3)


DIFFICULTIES: dict[Level, Difficulty] = {
    "easy": Difficulty(noise=0.3, spread=0.6, skipping=0.4),
    "normal": Difficulty(noise=1.0, spread=1.0, skipping=1.0),
    "hard": Difficulty(noise=2.5, spread=1.4, skipping=2.0),
}
