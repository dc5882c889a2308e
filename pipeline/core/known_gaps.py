"""The gaps that are known, and which of them changed what days have not seen."""

from collections.abc import Iterable

from pipeline.core.closing import within
from pipeline.core.local_days import LocalDay
from schemas.events import Gap

# Only the last gap of a reason is prolonged, and there are few reasons.
LAST_GAPS = 8


class KnownGaps:
    """Intervals that could not be seen, in the order in which they became known.

    Examples
    --------
    >>> from datetime import date
    >>> known, day = KnownGaps(), LocalDay(date(2026, 11, 1), 1_000, 9_000)
    >>> known.note(Gap(2_000_000, 3_000_000, "broker"))
    Gap(from_us=2000000, to_us=3000000, reason='broker')
    >>> known.changed([day]), known.changed([day])
    ([LocalDay(date=datetime.date(2026, 11, 1), start_ms=1000, end_ms=9000)], [])
    """

    def __init__(self) -> None:
        self.all: list[Gap] = []
        self._told: list[Gap] = []
        self._before: tuple[Gap, ...] = ()

    def note(self, gap: Gap) -> Gap:
        """Add a gap, or prolong the one with its beginning and reason; return it as it is known now."""
        self._tell(gap)
        for place in range(len(self.all) - 1, max(-1, len(self.all) - 1 - LAST_GAPS), -1):
            if (self.all[place].from_us, self.all[place].reason) == (gap.from_us, gap.reason):
                gap = gap._replace(to_us=max(gap.to_us, self.all[place].to_us))
                del self.all[place]
                break
        self.all.append(gap)
        return gap

    def forget(self, gap: Gap) -> None:
        """Take back a gap that was none."""
        self._tell(gap)
        self.all = [each for each in self.all if each != gap]

    def forget_before(self, at_us: int) -> None:
        """Forget gaps that ended before; this changes no day that is judged."""
        self.all = [gap for gap in self.all if gap.to_us > at_us]

    def changed(self, days: Iterable[LocalDay]) -> list[LocalDay]:
        """Those of some days for which something else is unseen than when this was asked last."""
        before, told = self._before, self._told
        self._before, self._told = (), []
        touched = (day for day in days if within(day, told))
        return sorted(day for day in touched if within(day, before) != within(day, self.all))

    def _tell(self, gap: Gap) -> None:
        if not self._told:
            self._before = tuple(self.all)
        self._told.append(gap)
