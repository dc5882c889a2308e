"""Gaps that lie close together are one: what anybody can cause at will must leave few of them."""

from collections import deque
from collections.abc import Callable

from pipeline.ingest.learning_switch import CLOSE_US
from schemas.events import BROKER, NOT_RUNNING, Gap

DAY_US = 86_400_000_000
# More than a person switches, or Home Assistant restarts, on a day of tinkering.
GAPS_A_DAY = 50
# What nobody outside causes at will: each gap is as short as it was, unless a line is down more than up.
OWN = (BROKER, NOT_RUNNING)
OWN_GAPS_A_DAY = 1_000


def clip(gap: Gap, at_us: int) -> Gap | None:
    """Return what of a gap was before an instant; None if nothing was.

    Examples
    --------
    >>> clip(Gap(1, 9, "broker"), 5), clip(Gap(6, 9, "broker"), 5)
    (Gap(from_us=1, to_us=5, reason='broker'), None)
    """
    return gap._replace(to_us=min(gap.to_us, at_us)) if gap.from_us < at_us else None


class JoinedGaps:
    """Joins a gap to the one before it where both have the same reason and lie within a second.

    Those of a broker that was away, or of our own absence, are joined where they overlap. Of one reason at
    most `GAPS_A_DAY`, or `OWN_GAPS_A_DAY`, begin within any 24 hours: one more prolongs the last of them.
    What happened in between then lies in a gap, which is no opportunity: no habit is missed in it.

    Examples
    --------
    >>> joined = JoinedGaps()
    >>> joined.note(Gap(1_000_000, 2_000_000, "paused"))
    Gap(from_us=1000000, to_us=2000000, reason='paused')
    >>> joined.note(Gap(2_500_000, 3_000_000, "paused"))
    Gap(from_us=1000000, to_us=3000000, reason='paused')
    >>> joined.note(Gap(3_100_000, 4_000_000, "broker"))
    Gap(from_us=3100000, to_us=4000000, reason='broker')
    """

    def __init__(self) -> None:
        self._recent: dict[str, deque[Gap]] = {}

    def note(self, gap: Gap) -> Gap:
        """Return the gap as it is to be kept: in place of the last, where both begin at the same time."""
        recent = self._recent.setdefault(gap.reason, deque(maxlen=_most(gap.reason)))
        last = recent[-1] if recent else None
        # What comes from before the last one is no flood: gaps come in their order.
        if last is not None and last.from_us <= gap.from_us and self._is_joined(recent, gap):
            recent[-1] = gap = Gap(last.from_us, max(last.to_us, gap.to_us), gap.reason)
        else:
            recent.append(gap)
        return gap

    def recall(self, gap: Gap) -> None:
        """Take up a gap as it was kept: joined to none, or days that were closed would differ from it."""
        self._recent.setdefault(gap.reason, deque(maxlen=_most(gap.reason))).append(gap)

    def mend(self, mended: Callable[[Gap], Gap | None]) -> None:
        """Take each gap as it really was, None for none: a clock was ahead."""
        for reason, recent in self._recent.items():
            clipped = (mended(gap) for gap in recent)
            kept = (gap for gap in clipped if gap is not None)
            self._recent[reason] = deque(kept, maxlen=_most(reason))

    def is_flooded(self, reason: str, now_us: int) -> bool:
        """Return whether so many gaps of a reason began in 24 hours that one more prolongs the last."""
        recent = self._recent.get(reason, deque())
        return len(recent) == _most(reason) and recent[0].from_us > now_us - DAY_US

    def _is_joined(self, recent: deque[Gap], gap: Gap) -> bool:
        close_us = 0 if gap.reason in OWN else CLOSE_US
        return gap.from_us - recent[-1].to_us <= close_us or self.is_flooded(gap.reason, gap.from_us)


def _most(reason: str) -> int:
    return OWN_GAPS_A_DAY if reason in OWN else GAPS_A_DAY
