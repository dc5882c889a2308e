"""Ledger of patterns: as last judged, and what changed about them."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from schemas.circular_day import apart
from schemas.patterns import CoOccurrenceDetail, DurationDetail, Pattern, TimeOfDayDetail

MINUTES_THAT_MATTER = 5.0
CONFIDENCE_THAT_MATTERS = 0.05
SHARE_THAT_MATTERS = 0.2


class What(StrEnum):
    """Kinds of change of a pattern."""

    DETECTED = "detected"
    UPDATED = "updated"
    RETIRED = "retired"
    REFRESHED = "refreshed"


class PatternChange(NamedTuple):
    """A pattern and how it changed; one that was merely refreshed is kept, but not worth saying."""

    what: What
    pattern: Pattern


class Ledger:
    """The active patterns of a home by id."""

    def __init__(self, active: Iterable[Pattern] = ()) -> None:
        self.active: dict[str, Pattern] = {pattern.id: pattern for pattern in active}

    def update(self, found: Iterable[Pattern]) -> list[PatternChange]:
        """Take up a judgement; say what it changes, sorted by pattern id."""
        now = {pattern.id: pattern for pattern in found}
        changes = [
            PatternChange(_what(self.active.get(key), pattern), pattern) for key, pattern in now.items()
        ]
        changes += [
            PatternChange(What.RETIRED, pattern.model_copy(update={"status": "retired"}))
            for key, pattern in self.active.items()
            if key not in now
        ]
        changes = [change for change in changes if self.active.get(change.pattern.id) != change.pattern]
        self.active = dict(sorted(now.items()))
        return sorted(changes, key=lambda change: change.pattern.id)


def _what(before: Pattern | None, now: Pattern) -> What:
    if before is None:
        return What.DETECTED
    return What.UPDATED if _differs(before, now) else What.REFRESHED


def _differs(before: Pattern, now: Pattern) -> bool:
    if abs(before.confidence - now.confidence) >= CONFIDENCE_THAT_MATTERS or before.change != now.change:
        return True
    one, other = before.detail, now.detail
    if isinstance(one, TimeOfDayDetail) and isinstance(other, TimeOfDayDetail):
        distance = apart(one.minute, other.minute)
        settled = (one.days, one.anchor) == (other.days, other.anchor)
        moved = distance >= MINUTES_THAT_MATTER or not settled
    elif isinstance(one, DurationDetail) and isinstance(other, DurationDetail):
        moved = abs(one.seconds.p50 - other.seconds.p50) > SHARE_THAT_MATTERS * one.seconds.p50
        moved = moved or one.conditions != other.conditions
    elif isinstance(one, CoOccurrenceDetail) and isinstance(other, CoOccurrenceDetail):
        moved = one.conditions != other.conditions
    else:
        moved = False
    return moved or one.automated != other.automated
