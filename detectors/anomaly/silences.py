"""Sensors that fall silent: discrete ones by the home's active minutes, measuring ones by the clock."""

from math import log10

STEP_MS = 300_000
STEPS_A_DAY = 288
LONGER = 3.0
# Of discrete sensors: how often one must have spoken, and silences that are never too long.
FEWEST_SIGNS = 200
FEWEST_DAYS = 10
SHORTEST_ACTIVE_MIN = 400
# Of measuring ones.
FEWEST_STEPS = 150
SHORTEST_STEPS = 12
# What is silent for longer now and then is no periodic sensor.
LONGEST_STEPS = 288
USUAL = 3


class Silence:
    """Longest silence of one sensor, in whatever unit; a silence is too long at three times that."""

    __slots__ = (
        "_longest_today",
        "_said",
        "days",
        "last",
        "limit",
        "longest",
        "queued",
        "signs",
        "since",
        "told",
    )

    def __init__(self, last: int) -> None:
        self.last = last
        self.since = last
        self.longest = 0
        self.limit = 0
        self.signs = 0
        self.days = 0
        self.queued = False
        self.told = False
        self._longest_today = 0
        self._said = 0

    def see(self, now: int) -> None:
        """See a sign of life."""
        silent = now - self.last
        self.last = self.since = now
        self.told = False
        self.signs += 1
        if self.limit and silent >= self.limit:
            self._said += 1
            if self._said < USUAL:
                return
        self._longest_today = max(self._longest_today, silent)

    def go_on(self, last: int, signs: int, longest: int) -> None:
        """See further signs up to the last one, none of them later than another by more than the longest."""
        self.last = self.since = last
        self.signs += signs
        self._longest_today = max(self._longest_today, longest)

    def skip(self, now: int) -> None:
        """Count from here on: the time before could not be seen."""
        self.since = max(self.since, now)

    @property
    def due(self) -> int:
        """When the silence will be too long."""
        return self.since + self.limit

    def close_day(self, fewest_signs: int, shortest: int, longest: int | None = None) -> None:
        """Learn the day's silences."""
        self.days += 1
        self.longest = max(self.longest, self._longest_today)
        self._longest_today = 0
        enough = self.signs >= fewest_signs and self.days >= FEWEST_DAYS
        within = longest is None or LONGER * self.longest <= longest
        self.limit = max(round(LONGER * self.longest), shortest) if enough and within else 0

    @property
    def score(self) -> float:
        """Minus the logarithm of the probability that such a silence is normal, as far as can be told."""
        return log10(self.signs + 1) + log10(max(1.0, self.limit / max(1, self.longest)))
