"""The refusals of one consumer in the audit log, of messages that anybody may have sent."""

from pipeline.reviewing.refused import Refused
from sinks.store.suggestions import SuggestionReads, SuggestionWrites

UNKNOWN = "unknown"


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

    def enter(self, writes: SuggestionWrites, code: str, detail: str, *, subject: str, now_us: int) -> None:
        """Enter a refusal with its reason, or count it."""
        self.sum_up(writes, now_us)
        book, is_entered = self._read(writes).enter(code, now_us)
        if is_entered:
            writes.audit(at_us=now_us, actor=UNKNOWN, what=self._one, subject=subject, detail=detail)
        self._write(writes, book)

    def may_answer(self, writes: SuggestionWrites, now_us: int) -> bool:
        """Whether one more refusal of somebody whom we do not know is answered."""
        book, is_answered = self._read(writes).answer(now_us)
        self._write(writes, book)
        return is_answered

    def is_due(self, reads: SuggestionReads, now_us: int) -> bool:
        """Whether what was counted is to be summed up."""
        return self._read(reads).is_due(now_us)

    def sum_up(self, writes: SuggestionWrites, now_us: int) -> None:
        """Enter how many were counted, if that is due."""
        book, summary = self._read(writes).sum_up(now_us)
        if summary:
            writes.audit(at_us=now_us, actor=UNKNOWN, what=self._many, subject="", detail=summary)
            self._write(writes, book)

    def _read(self, store: SuggestionReads | SuggestionWrites) -> Refused:
        return Refused.model_validate(store.control(self._control) or {})

    def _write(self, writes: SuggestionWrites, book: Refused) -> None:
        writes.set_control(self._control, book.model_dump(mode="json"))
