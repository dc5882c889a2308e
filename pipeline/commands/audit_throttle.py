"""Throttle of refusals in the audit log: entered one by one, and in a flood by count."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field

from schemas.instants import from_us
from schemas.patterns import Schema

# An entry takes some 400 bytes: a flood that never ends fills 35 MB a day.
ENTRIES_AT_ONCE = 12_000
ENTRIES_A_MINUTE = 60
ANSWERS_AT_ONCE = 200
ANSWERS_A_MINUTE = 60
SUMMED_UP_AFTER_US = 60_000_000


class AuditThrottle(Schema):
    """Allowance of what may be entered and answered one by one, and what has yet to be summed up.

    At most `ENTRIES_AT_ONCE` refusals have an entry each, and `ENTRIES_A_MINUTE` in the long run. Those above
    are counted by their reason, and a minute after the first of them one entry says how many there were. The
    state of this is kept in the store, in the transaction of each refusal, so no count is ever lost.
    Two such token buckets in constant memory; the reasons are few.

    Examples
    --------
    >>> book = AuditThrottle(entries=1.0, at_us=1)
    >>> book, is_entered = book.enter("expired", 1)
    >>> book, is_entered_too = book.enter("signature", 2)
    >>> is_entered, is_entered_too
    (True, False)
    >>> book, summary = book.sum_up(2 + SUMMED_UP_AFTER_US)
    >>> summary
    'count=1 signature=1 since=1970-01-01T00:00:00.000002+00:00'
    """

    entries: float = Field(ENTRIES_AT_ONCE, ge=0, le=ENTRIES_AT_ONCE)
    answers: float = Field(ANSWERS_AT_ONCE, ge=0, le=ANSWERS_AT_ONCE)
    at_us: int = 0
    counted: Mapping[str, int] = Field(default_factory=dict)
    since_us: int = 0

    def enter(self, code: str, now_us: int) -> tuple[Self, bool]:
        """Note a refusal; whether it has an entry of its own, else it was counted."""
        full = self._filled(now_us)
        if full.entries >= 1:
            return full.model_copy(update={"entries": full.entries - 1}), True
        counted = {**full.counted, code: full.counted.get(code, 0) + 1}
        since_us = full.since_us if full.counted else now_us
        return full.model_copy(update={"counted": counted, "since_us": since_us}), False

    def answer(self, now_us: int) -> tuple[Self, bool]:
        """Return whether one more refusal of somebody whom we do not know is answered."""
        full = self._filled(now_us)
        if full.answers < 1:
            return full, False
        return full.model_copy(update={"answers": full.answers - 1}), True

    def is_due(self, now_us: int) -> bool:
        """Return whether what was counted is to be summed up."""
        return bool(self.counted) and abs(now_us - self.since_us) >= SUMMED_UP_AFTER_US

    def sum_up(self, now_us: int) -> tuple[Self, str]:
        """Return what was counted, in words, if it is due; nothing else is counted then."""
        if not self.is_due(now_us):
            return self, ""
        reasons = " ".join(f"{code}={count}" for code, count in sorted(self.counted.items()))
        said = f"count={sum(self.counted.values())} {reasons} since={from_us(self.since_us).isoformat()}"
        return self.model_copy(update={"counted": {}, "since_us": 0}), said

    def _filled(self, now_us: int) -> Self:
        minutes = max(0, now_us - self.at_us) / 60_000_000
        update = {
            "entries": min(ENTRIES_AT_ONCE, self.entries + minutes * ENTRIES_A_MINUTE),
            "answers": min(ANSWERS_AT_ONCE, self.answers + minutes * ANSWERS_A_MINUTE),
            "at_us": now_us,
        }
        return self.model_copy(update=update)
