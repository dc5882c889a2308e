"""From the lines of a log to what counts, as ingest sees it live."""

from pipeline.ingest.bounds import StreamClock
from pipeline.ingest.eventstream import EventstreamDecoder
from pipeline.ingest.gate import Gate
from pipeline.ingest.logs import LogEntry
from pipeline.ingest.messages import Decoded, Message, PoisonError, Signal
from schemas.events import ServiceCall, StateChange


class LogReader:
    """Decodes a log on its own clock; `poison` counts the lines that could not be taken."""

    def __init__(self) -> None:
        self.poison = 0
        self._decoder = EventstreamDecoder()
        self._gate = Gate(StreamClock())

    def read(self, entry: LogEntry) -> StateChange | ServiceCall | None:
        """The entry as learning takes it, or None."""
        try:
            item = self._decode(entry)
        except PoisonError:
            self.poison += 1
            return None
        return self.admit(item, entry.arrival_us)

    def admit(self, item: Decoded | None, arrival_us: int) -> StateChange | ServiceCall | None:
        """Return what was decoded of an entry as learning takes it, or None; in the order of the log."""
        try:
            admitted = self._gate.admit(item, arrival_us)
        except PoisonError:
            self.poison += 1
            return None
        return None if isinstance(admitted, Signal) else admitted

    def _decode(self, entry: LogEntry) -> Decoded | None:
        content = entry.content
        if isinstance(content, PoisonError):
            raise content
        if isinstance(content, StateChange):
            return content
        return self._decoder.decode(content.payload if isinstance(content, Message) else content)
