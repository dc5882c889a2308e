"""Moving a log by whole local days, so that its last day becomes another."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.ingest.logs import LogEntry
from pipeline.ingest.messages import Message, PoisonError
from schemas.events import StateChange
from schemas.instants import from_us, to_us

_STAMP = re.compile(rb'("last_(?:changed|reported|updated)"\s*:\s*")([0-9T:.+-]{19,35}Z?)"')
_UPDATED = re.compile(rb'"last_updated"\s*:\s*"([0-9T:.+-]{19,35}Z?)"')


class DayShift:
    """Moves event times by whole local days: wall-clock times stay, through changes of the clock too.

    A time that the new day does not have moves past the gap in its clock. Contexts stay untouched.

    Parameters
    ----------
    zone
        Zone whose days are meant.
    days
        How far; negative is back.

    Examples
    --------
    >>> shift = DayShift(ZoneInfo("Europe/Berlin"), 30)
    >>> at_us = to_us(datetime(2026, 10, 1, 5, 30, tzinfo=UTC))
    >>> from_us(shift.time(at_us)).isoformat()
    '2026-10-31T06:30:00+00:00'
    """

    def __init__(self, zone: ZoneInfo, days: int) -> None:
        self._zone = zone
        self._by = timedelta(days=days)

    @classmethod
    def between(cls, zone: ZoneInfo, last_us: int, today: date) -> "DayShift":
        """Return the shift that moves the local day of an instant to `today`."""
        return cls(zone, (today - from_us(last_us).astimezone(zone).date()).days)

    def time(self, at_us: int) -> int:
        """Return an instant, moved."""
        return to_us(self._moved(from_us(at_us)))

    def entry(self, entry: LogEntry) -> LogEntry:
        """Return a log's line with all its times moved."""
        content = entry.content
        moved: StateChange | bytes | Message | PoisonError = content
        if isinstance(content, StateChange):
            moved = content._replace(at_us=self.time(content.at_us))
        elif isinstance(content, Message):
            received_us = self.time(content.received_us)
            moved = content._replace(payload=self._payload(content), received_us=received_us)
        elif isinstance(content, bytes):
            moved = _STAMP.sub(self._stamp, content)
        arrival_us = self.time(entry.arrival_us) if entry.arrival_us else 0
        return entry._replace(arrival_us=arrival_us, content=moved)

    def _payload(self, message: Message) -> bytes:
        if message.topic.endswith(("/last_updated", "/last_changed")):
            return self._text(message.payload)
        return _STAMP.sub(self._stamp, message.payload)

    def _stamp(self, match: re.Match[bytes]) -> bytes:
        return match[1] + self._text(match[2]) + b'"'

    def _text(self, stamp: bytes) -> bytes:
        """Return an ISO time, moved; what is none stays, for the decoder to judge."""
        try:
            moment = datetime.fromisoformat(stamp.decode())
            return self._moved(moment).isoformat().encode() if moment.tzinfo else stamp
        except (ValueError, OverflowError):
            return stamp

    def _moved(self, moment: datetime) -> datetime:
        return (moment.astimezone(self._zone) + self._by).astimezone(UTC)


def event_time(entry: LogEntry) -> int:
    """When the change of a log's line was, UTC microseconds; 0 where it tells none.

    Examples
    --------
    >>> event_time(LogEntry(1, 0, b'{"new_state": {"last_updated": "1970-01-01T00:00:01+00:00"}}'))
    1000000
    """
    content = entry.content
    if isinstance(content, StateChange):
        return content.at_us
    payload = content.payload if isinstance(content, Message) else content
    if isinstance(payload, PoisonError):
        return 0
    try:
        return max(
            (to_us(datetime.fromisoformat(text.decode())) for text in _UPDATED.findall(payload)), default=0
        )
    except (ValueError, TypeError):
        return 0
