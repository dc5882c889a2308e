"""Changes in quick succession: when a device or sensor flaps."""

from math import log10

from detectors.anomaly.alarms import Alarm, span, times
from schemas.anomalies import AnomalyKind

# Changes at most so far apart belong to one burst.
PAUSE_MS = 20_000
FEWEST = 15
LONGER = 3.0
# And so much longer than what is the longest for four of five of its class.
CLASS_LONGER = 1.5
USUAL = 3
FEW = 10


class Bursts:
    """The bursts of one entity; one of three times as many changes as the longest before is too long."""

    __slots__ = ("_count", "_last_ms", "_longest_today", "_said", "_start_ms", "limit", "longest", "seen")

    def __init__(self) -> None:
        self.limit = FEWEST
        self.longest = 1
        self.seen = 0
        self._count = 0
        self._start_ms = 0
        self._last_ms = 0
        self._longest_today = 1
        self._said = 0

    def see(self, at_ms: int) -> bool:
        """See a change; tell whether it makes the burst too long."""
        if at_ms - self._last_ms > PAUSE_MS:
            self._note()
            self._count = 0
            self._start_ms = at_ms
        self._last_ms = at_ms
        self._count += 1
        return self._count == self.limit

    def alarm(self, entity_id: str, class_seen: int, class_longest: int) -> Alarm:
        """Say the burst that goes on; where there were few before, those of its class are what is usual."""
        few = self.seen < FEW
        seen, longest = (class_seen, class_longest) if few else (self.seen, self.longest)
        device = entity_id.partition(".")[0].replace("_", " ")
        what = f"No {device} of this home has" if few else "has never"
        return Alarm(
            entity_id=entity_id,
            kind=AnomalyKind.FLAPPING,
            at_ms=self._start_ms,
            began_ms=self._start_ms,
            score=log10(seen + 2) + self._count / (self.longest + 1) / 2,
            expected=(
                f"{what} changed more than {times(longest)} in quick succession before, "
                f"in {seen:,} spell{'s' * (seen != 1)} of changes"
            ),
            observed=f"changed {self._count} times within {span(self._last_ms - self._start_ms)}",
            occasions=seen,
            usual=seen,
        )

    def close_day(self) -> None:
        """Learn the day's bursts."""
        self._note()
        self._count = 0
        self.longest = max(self.longest, self._longest_today)
        self._longest_today = 1

    def set_limit(self, class_longest: float) -> None:
        """Say anew from how many changes on a burst is too long."""
        self.limit = max(FEWEST, round(LONGER * self.longest) + 3, round(CLASS_LONGER * class_longest))

    def _note(self) -> None:
        if not self._count:
            return
        self.seen += 1
        if self._count >= self.limit:
            self._said += 1
        # A mishap is not learned, else the next would seem normal; what goes on and on is none.
        if self._count < self.limit or self._said >= USUAL:
            self._longest_today = max(self._longest_today, self._count)
