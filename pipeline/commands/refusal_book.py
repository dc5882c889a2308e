"""The refusals of one consumer in the audit log, of messages that anybody may have sent."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from pipeline.commands.audit_throttle import AuditThrottle
from schemas.audit import NewAuditEntry

UNKNOWN = "unknown"


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
