"""Learning a log on the stream's own clock: the core without broker and store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from detectors.contract import Detector
from pipeline.learning.core import LearningCore
from pipeline.learning.ledger import PatternChange
from schemas.events import ServiceCall, StateChange
from schemas.home import Home


@dataclass(slots=True)
class Counts:
    """What became of the entries of a log."""

    learned: int = 0
    duplicates: int = 0
    too_late: int = 0
    days: set[date] = field(default_factory=set)


class LogLearner:
    """Feeds a core entry by entry, each once, and judges when a day ends.

    An entry for a day that is sealed, 48 hours after its end by the stream's clock, comes too late: it is
    counted and left out. Memory grows with the entries of the days that are not sealed.
    """

    def __init__(self, home: Home, detectors: Sequence[Detector]) -> None:
        self.core = LearningCore(home, detectors)
        self.counts = Counts()
        self._seen: dict[date, set[bytes]] = {}
        self._day_end_ms = 0

    def take(self, entry: StateChange | ServiceCall) -> Iterator[PatternChange]:
        """Learn an entry; if it ends a day, close and judge, and yield what that changes."""
        if isinstance(entry, ServiceCall):
            if not self.core.late_days([entry]):
                self.core.see_call(entry)
            return
        if not self._is_new(entry):
            return
        self.core.learn_one(entry)
        self.counts.learned += 1
        if self.core.watermark_ms >= self._day_end_ms:
            first = self._day_end_ms == 0
            self._day_end_ms = self.core.days.at(self.core.watermark_ms).end_ms
            if not first:
                yield from self.judge()

    def judge(self) -> Iterator[PatternChange]:
        """Close what is due and judge; yield what that changes."""
        closed = self.core.close_due()
        self.counts.days.update(done.day.date for done in closed)
        at_hand = self.core.open_days()
        self._seen = {day: keys for day, keys in self._seen.items() if day in at_hand}
        if closed:
            for changes in self.core.judge():
                yield from changes

    def finish(self) -> Iterator[PatternChange]:
        """End the log: its last day counts as ended."""
        if self._day_end_ms:
            self.core.watermark_ms = max(self.core.watermark_ms, self._day_end_ms)
            yield from self.judge()

    def _is_new(self, change: StateChange) -> bool:
        if self.core.late_days([change]):
            self.counts.too_late += 1
            return False
        seen = self._seen.setdefault(self.core.days.at(change.at_us // 1000).date, set())
        key = change.key
        if key in seen:
            self.counts.duplicates += 1
            return False
        seen.add(key)
        return True
