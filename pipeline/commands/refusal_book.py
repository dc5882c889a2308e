"""The refusals of one consumer in the audit log, of messages that anybody may have sent."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, Self

from pydantic import Field

from pipeline.timing.token_bucket import TokenBucket
from schemas.audit import NewAuditEntry
from schemas.instants import from_us
from schemas.payload import Schema

UNKNOWN = "unknown"
# An entry takes some 400 bytes: a flood that never ends fills 35 MB a day.
ENTRIES_AT_ONCE = 12_000
ENTRIES_A_MINUTE = 60
ANSWERS_AT_ONCE = 200
ANSWERS_A_MINUTE = 60
MINUTE_US = 60_000_000
SUMMED_UP_AFTER_US = MINUTE_US


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
        entries = TokenBucket(ENTRIES_AT_ONCE, ENTRIES_A_MINUTE, MINUTE_US, left=self.entries, at=self.at_us)
        answers = TokenBucket(ANSWERS_AT_ONCE, ANSWERS_A_MINUTE, MINUTE_US, left=self.answers, at=self.at_us)
        update = {"entries": entries.fill(now_us), "answers": answers.fill(now_us), "at_us": now_us}
        return self.model_copy(update=update)


class Controls(Protocol):
    """Reader of what is kept under names."""

    def control(self, name: str) -> Any:
        """Return what was set, None if nothing was."""


class AuditLog(Controls, Protocol):
    """The audit log within a transaction, and what is kept under names."""

    def set_control(self, name: str, value: object) -> None:
        """Keep something."""

    def audit_all(self, said: Sequence[NewAuditEntry]) -> None:
        """Append several entries, in their order."""


class RefusalBook:
    """Enters refusals one by one, and in a flood by count; within the transaction of each.

    Parameters
    ----------
    control
        Under which name the store keeps how many may still be entered.
    one, many
        What the audit log calls a refusal, and a count of them.
    """

    def __init__(self, control: str, *, one: str, many: str) -> None:
        self._control = control
        self._one = one
        self._many = many

    @contextmanager
    def opened(self, writes: AuditLog) -> "Iterator[OpenBook]":
        """Open the book for any number of refusals; what is entered is written when it is closed."""
        book = OpenBook(self._read(writes), self._one, self._many)
        yield book
        writes.audit_all(book.entries)
        self._write(writes, book.refused)

    def is_due(self, reads: Controls, now_us: int) -> bool:
        """Return whether what was counted is to be summed up."""
        return self._read(reads).is_due(now_us)

    def sum_up(self, writes: AuditLog, now_us: int) -> None:
        """Enter how many were counted, if that is due."""
        with self.opened(writes) as book:
            book.sum_up(now_us)

    def _read(self, store: Controls) -> AuditThrottle:
        return AuditThrottle.model_validate(store.control(self._control) or {})

    def _write(self, writes: AuditLog, book: AuditThrottle) -> None:
        writes.set_control(self._control, book.model_dump(mode="json"))


class OpenBook:
    """The book within one transaction, and what is to be entered into the audit log."""

    def __init__(self, refused: AuditThrottle, one: str, many: str) -> None:
        self.refused = refused
        self.entries: list[NewAuditEntry] = []
        self._one = one
        self._many = many

    def enter(self, code: str, detail: str, *, subject: str, now_us: int) -> None:
        """Enter a refusal with its reason, or count it."""
        self.sum_up(now_us)
        self.refused, is_entered = self.refused.enter(code, now_us)
        if is_entered:
            self.entries.append(NewAuditEntry(now_us, UNKNOWN, self._one, subject, detail))

    def may_answer(self, now_us: int) -> bool:
        """Return whether one more refusal of somebody whom we do not know is answered."""
        self.refused, is_answered = self.refused.answer(now_us)
        return is_answered

    def sum_up(self, now_us: int) -> None:
        """Enter how many were counted, if that is due."""
        self.refused, summary = self.refused.sum_up(now_us)
        if summary:
            self.entries.append(NewAuditEntry(now_us, UNKNOWN, self._many, "", summary))
