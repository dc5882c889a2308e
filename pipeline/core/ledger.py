"""Ledger of patterns: as last judged, and what changed about them."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from schemas.patterns import Pattern

CONFIDENCE_THAT_MATTERS = 0.05


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
    return other.has_moved(one) or one.automated != other.automated
