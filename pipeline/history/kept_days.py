"""Days that are kept in the store, read one by one, or as the history that detectors judge."""

from collections.abc import Sequence
from datetime import date, timedelta

from detectors.history import History
from pipeline.core.core import LearningCore
from pipeline.core.day_set import DaySet
from schemas.home import Home
from sinks.store import SqlStore, day_sets
from sinks.store.day_sets import KeptDay

__all__ = ["KeptDay", "KeptDays"]

# A day that is read back is sealed: no event is late any more.
SETTLED_MS = 72 * 3_600_000


class KeptDays:
    """Reads a home's days from its store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def all(self) -> Sequence[KeptDay]:
        """Return the days of which a set is kept, in order."""
        return day_sets.days(self._store)

    def read(self, day: date) -> DaySet | None:
        """Return the exact set of a day; None where none is kept.

        Raises
        ------
        StoreDamagedError
            It is not as it was written; the next start mends it.
        """
        stored = day_sets.day_set(self._store, day)
        return None if stored is None else DaySet.unpack(stored.packed)

    def history(self, home: Home, *, retain_days: int) -> History:
        """Return the days that were closed, as the learning core makes them, the last `retain_days`."""
        core = LearningCore(home, (), retain_days=retain_days)
        for gap in self._store.gaps():
            core.note_gap(gap)
        sealed = [kept.day for kept in self.all() if kept.sealed]
        if not sealed:
            return core.history()
        first, last = sealed[-1] - timedelta(days=retain_days - 1), sealed[-1]
        core.watermark_ms = core.days.on(last).end_ms + SETTLED_MS
        for day in sealed:
            events = self.read(day) if day >= first else None
            if events is not None:
                core.restore_day(core.days.on(day), events, closed=True)
        return core.history()
