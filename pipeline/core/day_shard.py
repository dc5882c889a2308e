"""A share of a log as exact day sets: what several workers count apart, and how their parts become one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from zlib import crc32

from pipeline.core.core import MARK_CARRY_MS, LearningCore
from pipeline.core.day_set import DaySet
from pipeline.core.entities import Kind, kind_of, reading
from pipeline.core.local_days import LocalDay, LocalDays
from schemas.events import ServiceCall, StateChange

Packed = Mapping[date, bytes]


def share_of(entity_id: str, shares: int) -> int:
    """Return the shard that an entity belongs to: all that is told of it meets there, duplicates too.

    Examples
    --------
    >>> [share_of(entity_id, 4) for entity_id in ("light.hall", "light.desk", "light.hall")]
    [2, 3, 2]
    """
    return crc32(entity_id.encode()) % shares


@dataclass(slots=True)
class _Open:
    """A day that still takes entries, and the keys of those that it has."""

    day: LocalDay
    events: DaySet = field(default_factory=DaySet)
    seen: set[bytes] = field(default_factory=set)


class DayShard:
    """Counts the entries of some entities into day sets, each once, in any order.

    Changes, marks and calls are sets; samples of numbers are added, so equal ones are known by their keys,
    and must therefore all come to the same partial: see `share_of`. Memory grows with the days that are not
    sealed; of a sealed day some ten kB are kept.
    """

    def __init__(self, days: LocalDays) -> None:
        self.learned = 0
        self.duplicates = 0
        self._days = days
        self._open: dict[date, _Open] = {}
        self._packed: dict[date, bytes] = {}
        self._kinds: dict[str, Kind] = {}

    def add(self, entry: StateChange | ServiceCall) -> None:
        """Count an entry in; its day must not be sealed."""
        at_ms = entry.at_us // 1000
        opened = self._opened(self._days.at(at_ms))
        if isinstance(entry, ServiceCall):
            opened.events.calls.update((at_ms, entity_id) for entity_id in entry.entity_ids)
            return
        key = entry.key
        if key in opened.seen:
            self.duplicates += 1
            return
        opened.seen.add(key)
        self.learned += 1
        if entry.mark:
            self._mark(opened, at_ms, entry.context_id or "")
        else:
            self._put(opened.events, entry, at_ms)

    def seal(self, sealed_ms: int) -> None:
        """Pack the days that ended by then: no entry will come for them."""
        for day in [day for day, opened in self._open.items() if opened.day.end_ms <= sealed_ms]:
            self._packed[day] = self._open.pop(day).events.pack()

    def pack(self) -> Packed:
        """Every day that was touched, packed."""
        self.seal(max((opened.day.end_ms for opened in self._open.values()), default=0))
        return self._packed

    def _opened(self, day: LocalDay) -> _Open:
        opened = self._open.get(day.date)
        if opened is None:
            opened = self._open[day.date] = _Open(day)
        return opened

    def _mark(self, opened: _Open, at_ms: int, context_id: str) -> None:
        opened.events.marks.add((at_ms, context_id))
        if opened.day.end_ms - at_ms <= MARK_CARRY_MS:
            self._opened(self._days.at(opened.day.end_ms)).events.marks.add((at_ms, context_id))

    def _put(self, events: DaySet, change: StateChange, at_ms: int) -> None:
        kind = self._kinds.get(change.entity_id)
        if kind is None:
            kind = self._kinds[change.entity_id] = kind_of(change.entity_id)
        said = reading(kind, change.new)
        if isinstance(said, float):
            events.add_number(at_ms, change.entity_id, said)
            events.describe(change.entity_id, change.attributes)
        elif said is not None:
            context = (change.context_id or "", change.parent_id or "", change.user_id or "")
            events.add(at_ms, change.entity_id, said, context)
            events.add_settings(at_ms, change.entity_id, change.attributes)


def join(parts: Iterable[bytes]) -> DaySet:
    """One day's set from its packed parts, in whatever order."""
    whole = DaySet()
    for packed in parts:
        whole.join(DaySet.unpack(packed))
    return whole


def restore(core: LearningCore, shares: Sequence[Packed]) -> set[date]:
    """Give a core, whose watermark stands, the days of all shares; return those that are over, and closed."""
    closed = set()
    for day in sorted({day for share in shares for day in share}):
        local = core.days.on(day)
        if local.end_ms <= core.watermark_ms:
            closed.add(day)
        whole = join(share[day] for share in shares if day in share)
        core.restore_day(local, whole, closed=day in closed)
        core.close_due()
    return closed
