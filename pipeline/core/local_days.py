"""Local calendar days of a time zone, with their 23, 24 or 25 hours, and which of them a log has sealed."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from detectors.history import Millis, Minutes
from schemas.circular_day import MINUTES_A_DAY
from schemas.sun import local_sun_times

LATENESS_HOURS = 48
HOUR_MS = 3_600_000
MINUTE_MS = 60_000


class LocalDay(NamedTuple):
    """A local calendar day and its midnights in UTC milliseconds."""

    date: date
    start_ms: int
    end_ms: int

    @property
    def ordinal(self) -> int:
        """`datetime.date.toordinal` of the day."""
        return self.date.toordinal()


class LocalDays:
    """The local days of a zone.

    Examples
    --------
    >>> days = LocalDays(ZoneInfo("Europe/Berlin"))
    >>> [(d.end_ms - d.start_ms) // 3_600_000 for d in map(days.on, (date(2026, 3, 29), date(2026, 10, 25)))]
    [23, 25]
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._known: dict[date, LocalDay] = {}

    def on(self, day: date) -> LocalDay:
        """Return the local day of a calendar date."""
        known = self._known.get(day)
        if known is None:
            known = LocalDay(day, self._midnight_ms(day), self._midnight_ms(day + timedelta(days=1)))
            self._known[day] = known
        return known

    def at(self, at_ms: int) -> LocalDay:
        """Return the local day that holds an instant."""
        return self.on(datetime.fromtimestamp(at_ms / 1000, self._zone).date())

    def minutes(self, day: LocalDay, at_ms: Millis) -> Minutes:
        """Local wall-clock minutes (0 <= m < 1440) of instants of one day.

        Examples
        --------
        >>> days = LocalDays(ZoneInfo("Europe/Berlin"))
        >>> day = days.on(date(2026, 10, 25))
        >>> days.minutes(day, np.array([day.start_ms, day.start_ms + 5 * 3_600_000, day.end_ms - 60_000]))
        array([   0.,  240., 1439.])
        """
        first, last = self._offset_ms(day.start_ms), self._offset_ms(day.end_ms - 1)
        offset = np.full(at_ms.shape, first, dtype=np.int64)
        if first != last:
            offset[at_ms >= self._transition_ms(day, first)] = last
        return ((at_ms + offset) / MINUTE_MS) % MINUTES_A_DAY

    def sun(self, day: LocalDay, lat: float, lon: float) -> tuple[float, float]:
        """Sunrise and sunset in local wall-clock minutes."""
        midnight_ms = int(
            datetime(day.date.year, day.date.month, day.date.day, tzinfo=UTC).timestamp() * 1000
        )
        at_ms = np.array(
            [
                midnight_ms + round(minute * MINUTE_MS)
                for minute in local_sun_times(day.date, self._zone, lat, lon)
            ]
        )
        rise, fall = self.minutes(day, at_ms)
        return float(rise), float(fall)

    def _midnight_ms(self, day: date) -> int:
        return int(datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp() * 1000)

    def _offset_ms(self, at_ms: int) -> int:
        offset = datetime.fromtimestamp(at_ms / 1000, self._zone).utcoffset()
        return int((offset or timedelta()).total_seconds() * 1000)

    def _transition_ms(self, day: LocalDay, before_ms: int) -> int:
        low, high = day.start_ms, day.end_ms
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._offset_ms(middle) == before_ms else (low, middle)
        return high


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
