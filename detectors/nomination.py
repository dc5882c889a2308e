"""Cheap online nomination: on which days each event type was seen."""

from collections.abc import Iterable

from detectors.contract import Snapshot
from schemas.events import EventType


class Nominations:
    """A day bitmap for each event type.

    A set of days under union: duplicates and order are harmless, and two may be joined. About 0.2
    microseconds an event; some hundred bytes an event type.

    Examples
    --------
    >>> nominations = Nominations()
    >>> for day in (10, 11, 11, 14):
    ...     nominations.see(EventType("light.hall", "on"), day)
    >>> sorted(nominations.seen_on(3))
    [EventType(entity_id='light.hall', state='on')]
    >>> nominations.forget_before(12)
    >>> sorted(nominations.seen_on(2))
    []
    """

    def __init__(self) -> None:
        self._floor = 0
        self._base = 0  # the first day that was seen: bitmaps count from it, so they stay short
        self._days: dict[EventType, int] = {}

    def see(self, event_type: EventType, day: int) -> None:
        """Note that the type occurred on local day `day`."""
        if day < self._base:
            if day < self._floor:
                return
            self._days = {key: bits << (self._base - day) for key, bits in self._days.items()}
            self._base = day
        elif not self._days:
            self._base = day
        self._days[event_type] = self._days.get(event_type, 0) | 1 << (day - self._base)

    def seen_on(self, days: int) -> Iterable[EventType]:
        """Event types that were seen on at least so many days."""
        return (event_type for event_type, bits in self._days.items() if bits.bit_count() >= days)

    def forget_before(self, day: int) -> None:
        """Drop the days before `day`."""
        self._floor = max(self._floor, day)
        shift = day - self._base
        if shift <= 0:
            return
        self._days = {key: bits >> shift for key, bits in self._days.items() if bits >> shift}
        self._base = day

    def snapshot(self) -> dict[str, object]:
        """Plain values, the same for the same days."""
        unused = min(((bits & -bits).bit_length() - 1 for bits in self._days.values()), default=0)
        return {
            "floor": self._floor,
            "base": self._base + unused if self._days else 0,
            "days": [[*key, hex(bits >> unused)] for key, bits in sorted(self._days.items())],
        }

    def restore(self, snapshot: dict[str, object]) -> None:
        """Take up what `snapshot` returned."""
        floor, base, days = snapshot["floor"], snapshot["base"], snapshot["days"]
        if not isinstance(floor, int) or not isinstance(base, int) or not isinstance(days, list):
            raise TypeError(f"expected floor and base (int) and days (list), got {snapshot!r:.200}")
        self._floor, self._base = floor, base
        self._days = {EventType(entity_id, state): int(bits, 16) for entity_id, state, bits in days}


class Nominating:
    """Base of detectors that nominate by days: that memory, its snapshot and its end."""

    def __init__(self) -> None:
        self._nominations = Nominations()

    def learn_one(self, event_type: EventType, day: int) -> None:
        """Note that the type occurred on that day."""
        self._nominations.see(event_type, day)

    def forget_before(self, day: int) -> None:
        """Drop what was seen before `day`."""
        self._nominations.forget_before(day)

    def snapshot(self) -> Snapshot:
        """Return what was seen, in plain values."""
        return self._nominations.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Take up what `snapshot` returned."""
        self._nominations.restore(snapshot)
