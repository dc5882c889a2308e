"""Token bucket: how much may be done at once, and how much in the long run."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class TokenBucket:
    """Holds up to `most` tokens, and gains `amount` of them in each `every`.

    Times are of whatever unit `every` has, and come in. A clock that goes back adds nothing. Constant memory.

    Parameters
    ----------
    most
        Tokens at most, and at the beginning.
    amount, every
        Gain, and in which time.

    Examples
    --------
    >>> bucket = TokenBucket(2, amount=1, every=60.0)
    >>> [bucket.take(now) for now in (0.0, 0.0, 0.0, 59.0, 60.0)]
    [True, True, False, False, True]
    """

    most: float
    amount: float
    every: float
    left: float = field(default=-1.0, kw_only=True)
    at: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.left < 0:
            self.left = self.most

    def fill(self, now: float) -> float:
        """Let time pass; return what is left."""
        passed = 0.0 if self.at is None else max(0.0, now - self.at)
        self.at = now
        self.left = min(self.most, self.left + passed / self.every * self.amount)
        return self.left

    def take(self, now: float) -> bool:
        """Let time pass and take a token; False where none is left."""
        if self.fill(now) < 1:
            return False
        self.left -= 1
        return True

    def spend(self, tokens: float) -> None:
        """Take tokens that were used already; they may be more than are left."""
        self.left -= tokens
