"""The learning core: (state, change) in, closed days and pattern changes out."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain

import numpy as np

from detectors.contract import DayLearner, Detector, Watchful
from detectors.history import Aggregate, Day, History, Steps
from detectors.rollups import Rollups
from pipeline.core.anomaly_watchers import AnomalyWatchers
from pipeline.core.closing import Packed, close, within
from pipeline.core.day_learning import DayLearning
from pipeline.core.day_set import STEP_MS, DaySet
from pipeline.core.entities import Entities, measured, reading
from pipeline.core.initial_states import with_initial_states
from pipeline.core.known_gaps import KnownGaps
from pipeline.core.ledger import Ledger, PatternChange
from pipeline.core.local_days import LocalDay, LocalDays
from schemas.anomalies import Anomaly
from schemas.events import EventType, Gap, ServiceCall, StateChange
from schemas.home import Home
from schemas.patterns import Pattern

HOUR_MS = 3_600_000
# A mark shortly before midnight explains effects shortly after it.
MARK_CARRY_MS = 600_000
# How long after it left the judgement a day is known to be sealed: longer than any event is late.
KEPT_DAYS = 60


@dataclass(slots=True)
class _Open:
    """A day that still takes events; `dirty` since its last close."""

    day: LocalDay
    events: DaySet
    dirty: bool = True


_NOWHERE = _Open(LocalDay(date.min, 0, 0), DaySet(), dirty=False)


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """A day that was closed, perhaps again: its exact set, its compact form, each detector's aggregates."""

    events: DaySet
    day: Day
    aggregates: Mapping[str, Mapping[str, Aggregate]]


@dataclass(frozen=True, slots=True)
class _Retained:
    """Part of a closed day that is kept for judging."""

    day: Day
    aggregates: Mapping[str, Packed]
    steps: Mapping[str, Steps]
    heard: Mapping[str, bytes]


class LearningCore:
    """Learns one home. Live, catch-up, replay and benchmark run this same class.

    Equal sets of changes, marks, calls and gaps give equal closed days, aggregates and active patterns,
    whatever their order within the lateness bound. Numeric samples must come once each.

    Parameters
    ----------
    home
        Place and rooms.
    detectors
        The registry's detectors, with distinct kinds.
    entity_cap
        Entities known at most; the least recently seen leave.
    retain_days
        Closed days that detectors judge.
    lateness_hours
        How long after its end a day keeps its exact set at hand. Before a later event may be learned, the
        day's set must be restored: `late_days` says which.
    """

    def __init__(
        self,
        home: Home,
        detectors: Sequence[Detector],
        *,
        entity_cap: int = 5_000,
        retain_days: int = 90,
        lateness_hours: int = 48,
    ) -> None:
        self.home = home
        self.days = LocalDays(home.zone)
        self.entities = Entities(entity_cap)
        self.ledger = Ledger()
        self.watermark_ms = 0
        self._gaps = KnownGaps()
        self.detectors = tuple(detectors)
        self._retain_days = retain_days
        self._lateness_ms = lateness_hours * HOUR_MS
        self._open: dict[date, _Open] = {}
        self._closed: dict[date, _Retained] = {}
        self._sealed: set[date] = set()
        self._current = _NOWHERE
        self.anomalies: tuple[Anomaly, ...] = ()
        self.watching = AnomalyWatchers()
        self.models = DayLearning()

    @property
    def gaps(self) -> list[Gap]:
        """Return the gaps that touch days that are judged."""
        return self._gaps.all

    def learn_one(self, change: StateChange) -> None:
        """Learn one state change that counts. Some microseconds."""
        at_ms = change.at_us // 1000
        current = self._current
        if not current.day.start_ms <= at_ms < current.day.end_ms:
            current = self._current = self._opened(self.days.at(at_ms))
        current.dirty = True
        self.watermark_ms = max(self.watermark_ms, at_ms)
        if change.mark:
            self._mark(current, at_ms, change.context_id or "")
            return
        entity = self.entities.get(change.entity_id)
        if entity is None:
            entity, left = self.entities.admit(change, at_ms)
            self._drop(left)
        entity.last_ms = max(entity.last_ms, at_ms)
        said = reading(entity.kind, change.new)
        if isinstance(said, float):
            entity.measured = True
            current.events.add_number(at_ms, change.entity_id, said)
            if change.attributes:
                current.events.describe(change.entity_id, change.attributes)
            self.watching.measure(change.entity_id, said, at_ms)
            return
        if said is None:
            return
        context = (change.context_id or "", change.parent_id or "", change.user_id or "")
        current.events.add(at_ms, change.entity_id, said, context)
        if change.attributes:
            current.events.add_settings(at_ms, change.entity_id, change.attributes)
        self.watching.see(EventType(change.entity_id, said), at_ms)

    def see_call(self, call: ServiceCall) -> None:
        """Note a commanded change: evidence for causes."""
        at_ms = call.at_us // 1000
        opened = self._opened(self.days.at(at_ms))
        opened.events.calls.update((at_ms, entity_id) for entity_id in call.entity_ids)
        opened.dirty = True

    def note_gap(self, gap: Gap) -> None:
        """Note an interval that could not be seen: no opportunity, on any day that it touches.

        One that was prolonged takes its own place; of two with one beginning the later end counts. Closed
        days that it changes are `outdated`.
        """
        self.watching.note_gap(self._gaps.note(gap))
        self._touch(gap)

    def forget_gap(self, gap: Gap) -> None:
        """Take back a gap that was none; closed days that had it are `outdated`."""
        self._gaps.forget(gap)
        self._touch(gap)

    def outdated(self) -> list[LocalDay]:
        """Closed days that gaps changed since this was asked last, whether their sets are at hand or not.

        They have to be closed again: those whose sets are not at hand once they are restored.
        """
        return self._gaps.changed(self.days.on(day) for day in self._closed.keys() | self._sealed)

    def forget(self, entity_ids: Collection[str]) -> None:
        """Forget entities, and what the open days hold of them."""
        self.entities.forget(entity_ids)
        self._drop(entity_ids)

    def know_sealed(self, day: date) -> None:
        """Tell of a closed day that is in the store, and not read yet."""
        self._sealed.add(day)

    def is_closed(self, day: date) -> bool:
        """Return whether a day was closed, be it open again for late events."""
        return day in self._closed or day in self._sealed

    def last_closed(self) -> date:
        """The latest day that was closed; `datetime.date.min` before any was."""
        return max(self._closed, default=date.min)

    def newest_day(self) -> Day | None:
        """Return the latest day that was closed and is retained, None before any was."""
        return self._closed[self.last_closed()].day if self._closed else None

    def at_hand(self, day: date) -> bool:
        """Return whether a day's exact set, or its closed form, is in memory."""
        return day in self._open or day in self._closed

    def sealed_before_ms(self) -> int:
        """Days that ended at this instant or earlier need not keep their exact set at hand."""
        return self.watermark_ms - self._lateness_ms

    def first_retained_day(self) -> int:
        """Ordinal of the first day that is still judged."""
        return self.days.at(self.watermark_ms).ordinal - self._retain_days

    def restore_day(self, day: LocalDay, events: DaySet, *, closed: bool) -> ClosedDay | None:
        """Take up a day from the store; `closed` ones are closed at once, to be judged.

        Return the closed form where late events may still change it.
        """
        opened = self._open[day.date] = _Open(day, events)
        self._current = _NOWHERE
        if not closed:
            return None
        again = self._close(opened)
        if day.end_ms > self.sealed_before_ms():
            return again
        del self._open[day.date]
        return None

    def turn_back(self, now_ms: int) -> Mapping[date, DaySet]:
        """Go on from now, although later events were learned: a clock was ahead then.

        Return the exact sets at hand of the days after today; they are judged no more.
        """
        self.watermark_ms = now_ms
        today = self.days.at(now_ms).date
        ahead = {day: opened.events for day, opened in self._open.items() if day > today}
        self._open = {day: opened for day, opened in self._open.items() if day <= today}
        self._closed = {day: kept for day, kept in self._closed.items() if day <= today}
        self._sealed = {day for day in self._sealed if day <= today}
        self._current = _NOWHERE
        return ahead

    def late_days(self, entries: Iterable[StateChange | ServiceCall]) -> list[LocalDay]:
        """Days that these entries touch and whose exact set is not at hand any more."""
        touched = {entry.at_us // 1000 for entry in entries}
        wanted = {self.days.at(at_ms + carry) for at_ms in touched for carry in (0, MARK_CARRY_MS)}
        return sorted(day for day in wanted if self.is_closed(day.date) and day.date not in self._open)

    def due(self) -> list[LocalDay]:
        """Days that ended by event time and are not closed, or changed since."""
        return sorted(
            opened.day
            for opened in self._open.values()
            if opened.dirty and opened.day.end_ms <= self.watermark_ms
        )

    def close_due(self) -> list[ClosedDay]:
        """Close the days that are due; drop the exact sets that no late event may reach any more."""
        closed = [self._close(self._open[day.date]) for day in self.due()]
        for day, opened in list(self._open.items()):
            if not opened.dirty and opened.day.end_ms <= self.sealed_before_ms():
                del self._open[day]
        if self._current.day.date not in self._open:
            self._current = _NOWHERE
        self._retire()
        return closed

    def judge(self) -> Iterator[list[PatternChange]]:
        """Let every detector judge the closed days; empty lists between slices, the changes at the end."""
        history = self.history()
        anomalies: list[Anomaly] = []
        for place, detector in enumerate(self.detectors):
            if isinstance(detector, DayLearner):
                for _ in self.models.learn(detector, history, self.detectors[:place]):
                    yield []
                history = replace(history, labels=self.models.labels())
            found: list[Pattern] = []
            for finding in detector.detect(history):
                if isinstance(finding, Pattern):
                    found.append(finding)
                elif finding is not None:
                    anomalies.append(finding)
                yield []
            history = replace(history, found={**history.found, detector.kind: tuple(found)})
        self.anomalies = tuple(sorted(anomalies, key=lambda anomaly: (anomaly.detail.at, anomaly.id)))
        for _ in self._watch(history):
            yield []
        yield self.ledger.update(chain.from_iterable(history.found.values()))

    def history(self) -> History:
        """The closed days, in order."""
        retained = [kept for _, kept in sorted(self._closed.items())]
        names = sorted({name for kept in retained for name in kept.steps})
        aggregates = {
            detector.kind: tuple(kept.aggregates[detector.kind] for kept in retained)
            for detector in self.detectors
        }
        return History(
            home=self.home,
            days=with_initial_states([kept.day for kept in retained]),
            aggregates=aggregates,
            steps={
                name: _join([kept.steps[name] for kept in retained if name in kept.steps]) for name in names
            },
            heard=tuple(kept.heard for kept in retained),
            labels=self.models.labels(),
            rollups=Rollups([kept.day.date for kept in retained], aggregates),
        )

    def open_days(self) -> Mapping[date, DaySet]:
        """The exact sets at hand."""
        return {day: opened.events for day, opened in sorted(self._open.items())}

    def _touch(self, gap: Gap) -> None:
        for opened in self._open.values():
            opened.dirty = opened.dirty or bool(within(opened.day, [gap]))

    def _opened(self, day: LocalDay) -> _Open:
        opened = self._open.get(day.date)
        if opened is None:
            if self.is_closed(day.date):
                raise ValueError(f"expected {day.date} to be restored before a late change, it is sealed")
            opened = self._open[day.date] = _Open(day, DaySet())
        return opened

    def _mark(self, current: _Open, at_ms: int, context_id: str) -> None:
        current.events.marks.add((at_ms, context_id))
        if current.day.end_ms - at_ms <= MARK_CARRY_MS:
            following = self._opened(self.days.at(current.day.end_ms))
            following.events.marks.add((at_ms, context_id))
            following.dirty = True

    def _drop(self, entity_ids: Iterable[str]) -> None:
        for entity_id in entity_ids:
            for opened in self._open.values():
                opened.dirty = opened.events.drop(entity_id) or opened.dirty

    def _watch(self, history: History) -> Iterator[None]:
        """Make the watches anew; they see what the days that are not judged have seen."""
        watches = [each.watch(history) for each in self.detectors if isinstance(each, Watchful)]
        since_ms = history.days[-1].end_ms if history.days else 0
        unjudged = [each.events for each in self._open.values() if each.day.start_ms >= since_ms]
        return self.watching.renew(watches, self.gaps, unjudged)

    def _close(self, opened: _Open) -> ClosedDay:
        gaps = [gap for gap in self.gaps if within(opened.day, [gap])]
        day = close(opened.day, opened.events, self.days, self.home, gaps)
        aggregates = {detector.kind: detector.close_day(day) for detector in self.detectors}
        self._closed[day.date] = _Retained(
            day,
            {kind: Packed(each) for kind, each in aggregates.items()},
            _context_steps(opened.events, self.home),
            _heard(opened.day, opened.events),
        )
        opened.dirty = False
        return ClosedDay(opened.events, day, aggregates)

    def _learn_before(self, first: date) -> None:
        """Let no day leave the judgement that a model has not learned."""
        for place, detector in enumerate(self.detectors):
            if isinstance(detector, DayLearner):
                self.models.learn_before(first, detector, self.history(), self.detectors[:place])

    def _retire(self) -> None:
        if not self._closed:
            return
        first = max(self._closed).toordinal() - self._retain_days + 1
        if min(self._closed).toordinal() < first:
            self._learn_before(date.fromordinal(first))
        for day in [day for day in self._closed if day.toordinal() < first]:
            del self._closed[day]
            # Not judged any more, but a late event may still have to be added to what the store keeps of it.
            self._sealed.add(day)
        oldest = first - KEPT_DAYS
        self._sealed = {day for day in self._sealed if day.toordinal() >= oldest and day not in self._closed}
        self._gaps.forget_before(self.days.on(date.fromordinal(first)).start_ms * 1000)


def _context_steps(events: DaySet, home: Home) -> dict[str, Steps]:
    steps = {}
    for entity_id in sorted(events.numbers):
        kind = measured(entity_id, home, events.described.get(entity_id, ()))
        if kind:
            starts, means = zip(*events.means(entity_id), strict=True)
            at = np.array(starts, dtype=np.int64)
            steps[entity_id] = Steps(at, np.array(means, dtype=np.float64), kind)
    return steps


def _heard(day: LocalDay, events: DaySet) -> dict[str, bytes]:
    """Return of each numeric entity in which five minutes of the day it spoke."""
    heard = {}
    for entity_id, steps in sorted(events.numbers.items()):
        spoke = np.zeros((day.end_ms - day.start_ms) // STEP_MS, dtype=np.bool_)
        spoke[[max(0, index - day.start_ms // STEP_MS) for index in steps]] = True
        heard[entity_id] = np.packbits(spoke).tobytes()
    return heard


def _join(parts: Sequence[Steps]) -> Steps:
    start_ms = np.concatenate([part.start_ms for part in parts])
    return Steps(start_ms, np.concatenate([part.mean for part in parts]), parts[-1].measures)
