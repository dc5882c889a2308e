"""Deadlines in event time."""

from heapq import heapify, heappop, heappush

NEVER = 1 << 62
# What may be due; of one instant, in this order.
UNSEEN, STAY, ROUTINE, METER = range(4)
KEPT_GAPS = 20
CROWDED = 2_048


class Deadlines:
    """A heap of instants, and the intervals that could not be seen.

    `next_ms` is the earliest, so that most events cost one comparison. What is due is a kind, a key, and the
    instant from which it was awaited.
    """

    def __init__(self) -> None:
        self.next_ms = NEVER
        self._due: list[tuple[int, int, str, int]] = []
        self._unseen: list[tuple[int, int]] = []
        self._stays: dict[str, int] = {}
        self._crowded = CROWDED

    def add(self, due_ms: int, kind: int, key: str, from_ms: int) -> None:
        """Await an instant; of an entity's stays only the latest may become due."""
        if kind == STAY:
            self._stays[key] = from_ms
            if len(self._due) >= self._crowded:
                self._forget_stays()
        heappush(self._due, (due_ms, kind, key, from_ms))
        self.next_ms = self._due[0][0]

    def pop(self) -> tuple[int, int, str, int]:
        """Take what is due next."""
        due = heappop(self._due)
        self.next_ms = self._due[0][0] if self._due else NEVER
        return due

    def _forget_stays(self) -> None:
        """Drop the stays that have ended: what changes all the time would fill the memory with them."""
        self._due = [each for each in self._due if each[1] != STAY or self._stays[each[2]] == each[3]]
        heapify(self._due)
        self._crowded = max(CROWDED, 2 * len(self._due))

    def hide(self, from_ms: int, to_ms: int) -> None:
        """Take an interval for unseen; it is due when it ends."""
        self._unseen = [*self._unseen[-KEPT_GAPS:], (from_ms, to_ms)]
        self.add(to_ms, UNSEEN, "", from_ms)

    def saw(self, from_ms: int, to_ms: int) -> bool:
        """Return whether all of an interval was seen."""
        return not any(start <= to_ms and from_ms <= end for start, end in self._unseen)
