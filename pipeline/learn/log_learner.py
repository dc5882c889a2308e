"""Learning a log on the stream's own clock: the core without broker and store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from detectors.contract import Detector
from pipeline.core.core import LearningCore
from pipeline.core.ledger import PatternChange
from pipeline.core.local_days import LATENESS_HOURS, Watermark
from schemas.anomalies import Anomaly
from schemas.events import ServiceCall, StateChange
from schemas.home import Home


@dataclass(slots=True)
class Counts:
    """Counts of a log's entries, by what became of them."""

    learned: int = 0
    duplicates: int = 0
    too_late: int = 0
    days: set[date] = field(default_factory=set)


class LogLearner:
    """Feeds a core entry by entry, each once, and closes a day when it ends.

    An entry for a day that is sealed, 48 hours after its end by the stream's clock, comes too late: it is
    counted and left out. Of one change that is told twice, with different contexts, the first telling stays.
    Memory grows with the entries of the days that are not sealed.

    Parameters
    ----------
    home
        Place and rooms.
    detectors
        The registry's detectors.
    nightly
        Whether to judge whenever a day ends, as a live home does, or once at the end of the log: what is
        found at the end is the same, for it follows from the closed days.
    """

    def __init__(self, home: Home, detectors: Sequence[Detector], *, nightly: bool = True) -> None:
        self.core = LearningCore(home, detectors, lateness_hours=LATENESS_HOURS)
        self.counts = Counts()
        self._nightly = nightly
        self._seen: dict[date, set[bytes]] = {}
        self._watermark = Watermark(self.core.days)

    def take(self, entry: StateChange | ServiceCall) -> Iterator[PatternChange]:
        """Learn an entry; if it ends a day, close and judge, and yield what that changes."""
        at_ms = entry.at_us // 1000
        if isinstance(entry, ServiceCall):
            if not self._watermark.is_sealed(at_ms):
                self.core.see_call(entry)
        elif self._watermark.is_sealed(at_ms):
            self.counts.too_late += 1
        elif self._is_new(entry, at_ms):
            self.core.learn_one(entry)
            self.counts.learned += 1
            if self._watermark.advance(at_ms) and self._close() and self._nightly:
                yield from self._judge()

    def finish(self) -> Iterator[PatternChange]:
        """End the log: its last day counts as ended."""
        if self._watermark.end():
            self.core.watermark_ms = self._watermark.watermark_ms
            self._close()
            yield from self._judge()

    def take_alarms(self) -> list[Anomaly]:
        """Return the anomalies that the entries since the last call made known, each thing once."""
        return self.core.watching.take()

    def _close(self) -> bool:
        """Close what is due; whether anything was."""
        closed = self.core.close_due()
        self.counts.days.update(done.day.date for done in closed)
        at_hand = self.core.open_days()
        self._seen = {day: keys for day, keys in self._seen.items() if day in at_hand}
        return bool(closed)

    def _judge(self) -> Iterator[PatternChange]:
        for changes in self.core.judge():
            yield from changes

    def _is_new(self, change: StateChange, at_ms: int) -> bool:
        seen = self._seen.setdefault(self.core.days.at(at_ms).date, set())
        key = change.key
        if key in seen:
            self.counts.duplicates += 1
            return False
        seen.add(key)
        return True
