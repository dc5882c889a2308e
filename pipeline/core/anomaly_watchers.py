"""Anomalies as they happen: the detectors' watches, made anew after every judgement."""

from collections.abc import Iterable, Iterator, Sequence

from detectors.contract import Watch
from pipeline.core.day_set import DaySet
from schemas.anomalies import Anomaly
from schemas.events import EventType, Gap

ENTRIES_A_SLICE = 2_000
# When, of which entity, its state, or None and what it reads.
Entry = tuple[int, str, str | None, float]


class AnomalyWatchers:
    """Lets every watch see what comes, and keeps what they say until it is taken, each alarm once."""

    def __init__(self) -> None:
        self.said: set[str] = set()
        self.alarms: list[Anomaly] = []
        self._watches: tuple[Watch, ...] = ()

    def see(self, event_type: EventType, at_ms: int) -> None:
        """Let them see one event that counts."""
        for watch in self._watches:
            self.alarms += watch.see(event_type, at_ms)

    def measure(self, entity_id: str, value: float, at_ms: int) -> None:
        """Let them see one finite sample, or the mean of some."""
        for watch in self._watches:
            self.alarms += watch.measure(entity_id, value, at_ms)

    def note_gap(self, gap: Gap) -> None:
        """Let them know of an interval that could not be seen."""
        for watch in self._watches:
            watch.note_gap(gap.from_us // 1000, gap.to_us // 1000)

    def take(self) -> list[Anomaly]:
        """Return what was said since the last call; what was said before is not said again."""
        new = {alarm.id: alarm for alarm in self.alarms if alarm.id not in self.said}
        alarms = sorted(new.values(), key=lambda alarm: (alarm.detail.at, alarm.id))
        self.said.update(alarm.id for alarm in alarms)
        self.alarms = []
        return alarms

    def renew(self, watches: Sequence[Watch], gaps: Iterable[Gap], days: Iterable[DaySet]) -> Iterator[None]:
        """Put others in place, which know the gaps and have seen the days; pauses now and then.

        What comes in a pause waits until then. If it never comes to that, nothing is lost: those that are
        made next find it in the days.
        """
        waiting = _Waiting()
        self._watches = (waiting,) if watches else ()
        if not watches:
            return
        fresh = AnomalyWatchers()
        fresh._watches = tuple(watches)
        for gap in gaps:
            fresh.note_gap(gap)
        entries = sorted((entry for day in days for entry in _entries(day)), key=_place)
        for place in range(0, len(entries), ENTRIES_A_SLICE):
            fresh._show(entries[place : place + ENTRIES_A_SLICE])
            yield None
        for gap in waiting.gaps:
            fresh.note_gap(gap)
        fresh._show(waiting.entries)
        self._watches = fresh._watches
        self.alarms += fresh.alarms

    def _show(self, entries: Iterable[Entry]) -> None:
        for at_ms, entity_id, state, value in entries:
            if state is None:
                self.measure(entity_id, value, at_ms)
            else:
                self.see(EventType(entity_id, state), at_ms)


class _Waiting:
    """Keeps what comes for watches that are not ready yet."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.gaps: list[Gap] = []

    def see(self, event_type: EventType, at_ms: int) -> list[Anomaly]:
        self.entries.append((at_ms, *event_type, 0.0))
        return []

    def measure(self, entity_id: str, value: float, at_ms: int) -> list[Anomaly]:
        self.entries.append((at_ms, entity_id, None, value))
        return []

    def note_gap(self, from_ms: int, to_ms: int) -> None:
        self.gaps.append(Gap(from_ms * 1000, to_ms * 1000, ""))


def _entries(events: DaySet) -> Iterator[Entry]:
    """The changes of a day, and the means of numbers in their place."""
    for entity_id, changes in events.changes.items():
        for at_ms, state in changes:
            yield at_ms, entity_id, state, 0.0
    for entity_id in events.numbers:
        for start_ms, mean in events.means(entity_id):
            yield start_ms, entity_id, None, mean


def _place(entry: Entry) -> tuple[int, str, str]:
    at_ms, entity_id, state, _ = entry
    return at_ms, entity_id, state or ""
