"""The simplest contender, apart from those that import River."""

from math import sqrt


class EwmaZScore:
    """Distance from an exponentially weighted mean in exponentially weighted standard deviations."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.mean: float | None = None
        self.variance = 0.0

    def __call__(self, value: float, at_ms: int) -> float:
        """Score, then learn."""
        del at_ms
        if self.mean is None:
            self.mean = value
            return 0.0
        apart = value - self.mean
        score = abs(apart) / sqrt(self.variance) if self.variance > 0 else 0.0
        self.mean += self.rate * apart
        self.variance = (1 - self.rate) * (self.variance + self.rate * apart * apart)
        return score
