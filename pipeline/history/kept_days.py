"""Days that are kept in the store, read one by one, or as the history that detectors judge."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from detectors.history import History
from pipeline.core.core import MARK_CARRY_MS, LearningCore
from pipeline.core.day_set import DaySet
from schemas.events import ServiceCall, StateChange
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


Entry = StateChange | ServiceCall


class Known(NamedTuple):
    """Knowledge of a lost day: a set, and the place in the journal up to which it holds what happened."""

    events: DaySet
    applied_seq: int


def learn_again(
    journal: Iterable[tuple[int, Entry]], home: Home, lost: Mapping[date, Known]
) -> dict[date, DaySet]:
    """Return the sets of lost days, with all that the journal tells of them.

    Parameters
    ----------
    journal
        Place and content, from its beginning and in its order.
    lost
        The days, with what another source knows of them.
    """
    core = LearningCore(home, ())
    for day, known in lost.items():
        core.restore_day(core.days.on(day), known.events, closed=False)
    for seq, entry in journal:
        at_ms = entry.at_us // 1000
        day = core.days.at(at_ms).date
        # A mark before midnight explains what is after it, and so belongs to both days.
        touched = {day, core.days.at(at_ms + MARK_CARRY_MS).date} & lost.keys()
        if any(seq > lost[each].applied_seq for each in touched):
            _learn(core, entry)
    return {day: events for day, events in core.open_days().items() if day in lost}


def _learn(core: LearningCore, entry: Entry) -> None:
    if isinstance(entry, ServiceCall):
        core.see_call(entry)
    else:
        core.learn_one(entry)
