"""Watermark of a log in event time: which midnight it passed, and which of its days are sealed."""

from pipeline.core.local_days import LocalDays

LATENESS_HOURS = 48
HOUR_MS = 3_600_000


class Watermark:
    """Decides what comes too late, from the order of a log alone.

    A day is sealed by the first midnight that the stream passes 48 hours or more after the day's end.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> watermark = Watermark(LocalDays(ZoneInfo("UTC")))
    >>> [watermark.advance(hour * HOUR_MS) for hour in (1, 23, 25, 71, 73)]
    [False, False, True, True, True]
    >>> watermark.is_sealed(23 * HOUR_MS), watermark.is_sealed(24 * HOUR_MS)
    (True, False)
    """

    def __init__(self, days: LocalDays) -> None:
        self.watermark_ms = 0
        self.sealed_ms = 0
        self._days = days
        self._day_end_ms = 0

    def is_sealed(self, at_ms: int) -> bool:
        """Return whether the day of an instant takes no more entries."""
        return at_ms < self.sealed_ms and self._days.at(at_ms).end_ms <= self.sealed_ms

    def advance(self, at_ms: int) -> bool:
        """Move on to an instant, if it is ahead; whether that ended a day."""
        self.watermark_ms = max(self.watermark_ms, at_ms)
        if self.watermark_ms < self._day_end_ms:
            return False
        is_first = self._day_end_ms == 0
        self._day_end_ms = self._days.at(self.watermark_ms).end_ms
        if is_first:
            return False
        self.sealed_ms = self.watermark_ms - LATENESS_HOURS * HOUR_MS
        return True

    def end(self) -> bool:
        """End the log: its last day counts as ended; whether there was any."""
        self.watermark_ms = max(self.watermark_ms, self._day_end_ms)
        return self._day_end_ms > 0
