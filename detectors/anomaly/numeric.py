"""A numeric value out of its context: one scorer an entity, one reading at a time."""

from collections.abc import Mapping
from typing import Any

from detectors.anomaly.numeric_hours import REACH, Hours
from detectors.anomaly.numeric_surprise import NOTHING, Surprise
from detectors.anomaly.numeric_tail import Tail

# From this score on a value is worth an alarm: chosen on undisturbed artificial sensors of every kind, 40 of
# which give less than 0.1 a week together; `python -m benchmarks.numeric` counts again.
ALARM = 5.5
STEP_MS, HOUR_MS = 240_000, 3_600_000
LARGEST = 1e30  # what is beyond is no measurement, and must not overflow sums
GAP_HOURS = 2  # between hours further apart no deviation carries over


class NumericScorer:
    """Decades of improbability of what a numeric entity just did, in its own context.

    Readings that come within four minutes are averaged. Each such step is held against both the last one and
    the hour's forecast, so that neither a usual jump nor a usual value surprises; each hour is judged by
    `Hours`. The score is the largest of four `Tail` scores: 0 is nothing special, 3 comes about once in a
    thousand times, `ALARM` never in most homes. An alarm ought to be raised once an incident: the scores that
    follow it speak of the same.

    About 0.6 microseconds a reading that comes every minute, 7 one that comes every half hour; 4 kB; not
    mergeable. NaN, infinities and readings older than the last step are left out.

    Parameters
    ----------
    grace_hours
        Hours with readings before the first score other than 0: a week, since what a week holds is usual.

    Examples
    --------
    >>> scorer = NumericScorer()
    >>> for minute in range(0, 14 * 1440, 10):
    ...     value = 20 + minute // 60 % 24 / 10 + minute // 10 % 3 / 10
    ...     score = scorer.learn_one(value, at_ms=minute * 60_000)
    >>> score < 3, scorer.learn_one(35.0, at_ms=14 * 1440 * 60_000) > ALARM
    (True, True)
    >>> scorer.surprise.what, scorer.surprise.value
    ('jump', 35.0)
    """

    __slots__ = (
        "_count",
        "_due_ms",
        "_expected",
        "_grace_hours",
        "_hour",
        "_hour_count",
        "_hour_sum",
        "_hours",
        "_jump_scale",
        "_jumps",
        "_last",
        "_moved",
        "_moves",
        "_off",
        "_sum",
        "surprise",
    )

    # What a snapshot holds beside the parts; numbers or None.
    _PLAIN = (
        "_count",
        "_due_ms",
        "_expected",
        "_hour",
        "_hour_count",
        "_hour_sum",
        "_jump_scale",
        "_last",
        "_moved",
        "_moves",
        "_off",
        "_sum",
    )

    surprise: Surprise
    """What the last score above 0 was given for."""

    def __init__(self, *, grace_hours: int = 168) -> None:
        self.surprise = NOTHING
        self._grace_hours = grace_hours
        self._sum, self._count, self._due_ms = 0.0, 0, 0
        self._last: float | None = None
        self._hour: int | None = None
        self._hour_sum, self._hour_count, self._moved, self._off, self._moves = 0.0, 0, 0.0, 0.0, 0
        self._expected, self._jump_scale = 0.0, 0.0
        self._hours = Hours()
        self._jumps = Tail(0.01, 6.0)

    def learn_one(self, value: float, at_ms: int) -> float:
        """Score a reading against what came before it, then learn it.

        `at_ms` is UTC, or the home's own time, by which summer time moves nothing.
        """
        if not -LARGEST < value < LARGEST:
            return 0.0
        if at_ms < self._due_ms:
            if at_ms >= self._due_ms - STEP_MS:
                self._sum += value
                self._count += 1
            return 0.0
        best = 0.0
        if self._count:
            if at_ms < self._due_ms + STEP_MS:
                value = (self._sum + value) / (self._count + 1)
            else:
                best = self._learn_step(self._sum / self._count, self._due_ms - 1, best)
            self._sum, self._count = 0.0, 0
        self._due_ms = at_ms + STEP_MS
        return self._learn_step(value, at_ms, best)

    def _learn_step(self, value: float, at_ms: int, best: float) -> float:
        """Score and learn a step; return its score if it is above `best`, which is said already."""
        hour, hours = at_ms // HOUR_MS, self._hours
        if hour != self._hour:
            best = self._turn(hour, best)
        last, self._last = self._last, value
        self._hour_sum += value
        self._hour_count += 1
        if last is None:
            return best
        change = abs(value - last)
        if change and (change < hours.quantum or not hours.quantum):
            hours.quantum = change
        self._moved += change
        self._moves += 1
        off, scale = min(change, abs(value - self._expected)), self._jump_scale
        if not scale:
            self._off += off
            return best
        self._off += min(off, 2 * REACH * scale)
        score = self._jumps.score_and_learn(off / scale)
        if score <= best or hours.closed < self._grace_hours:
            return best
        low, high = (self._expected + side * scale * self._jumps.limit for side in (-1, 1))
        self.surprise = Surprise(score, "jump", value, low, high, hours.usual.context(hour))
        return score

    def _turn(self, hour: int, best: float) -> float:
        """Close the hour that ended, and say what to expect of the one that begins."""
        hours = self._hours
        if self._hour is not None:
            best = self._close(self._hour, best)
            if hour - self._hour > GAP_HOURS:
                hours.interrupt()
            self._expected, self._jump_scale = hours.expected(hour), hours.jump_scale(hour)
        self._hour = hour
        self._hour_sum, self._hour_count, self._moved, self._off, self._moves = 0.0, 0, 0.0, 0.0, 0
        return best

    def _close(self, hour: int, best: float) -> float:
        mean, moves = self._hour_sum / self._hour_count, self._moves
        moved, off = (self._moved / moves, self._off / moves) if moves else (None, 0.0)
        surprise = self._hours.score_and_learn(hour, mean, moved, off)
        if surprise.score <= best or self._hours.closed <= self._grace_hours:
            return best
        self.surprise = surprise
        return surprise.score

    def snapshot(self) -> dict[str, Any]:
        """Plain, finite values."""
        return {
            "plain": [getattr(self, name) for name in self._PLAIN],
            "hours": self._hours.snapshot(),
            "jumps": self._jumps.snapshot(),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take up what `snapshot` returned."""
        for name, value in zip(self._PLAIN, snapshot["plain"], strict=True):
            setattr(self, name, value)
        self._hours.restore(snapshot["hours"])
        self._jumps.restore(snapshot["jumps"])
