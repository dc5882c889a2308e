"""Inbox of the deployer's commands: each is accepted once or refused, and enters the audit log."""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.commands.admission import objection, ordered
from pipeline.commands.refusal_book import UNKNOWN, RefusalBook
from pipeline.suggestions.messages import MessageFactory
from schemas.commands import SignedCommand
from schemas.instants import from_us
from sinks.store import SqlStore, StoreUnavailableError

REPLAYED = "it was ordered by this very command before"
CONTROL = "refused_orders"
REFUSED = "order refused"


class RefusedOrder(NamedTuple):
    """Refused command: code, text, the command that it claims to be if it can be read, and the time."""

    code: str
    text: str
    claimed: SignedCommand | None
    now_us: int


class CommandInbox:
    """Accepts and refuses commands in one transaction each; called on the store's thread.

    Parameters
    ----------
    store
        Where what is to stand is kept.
    messages
        What is said of it.
    """

    def __init__(self, store: SqlStore, messages: MessageFactory) -> None:
        self._store = store
        self._messages = messages
        self._refused = RefusalBook(CONTROL, one=REFUSED, many="orders refused")

    def take(self, command: SignedCommand, now_us: int) -> str:
        """Begin the deployment that a verified command orders; return why it is refused, empty if it is not.

        The same command again is refused: whatever it ordered is under way, and is resumed from the store.
        """
        with self._store.begin() as transaction:
            writes = transaction.suggestions
            writes.take_turn("order")
            if not writes.use_nonce(f"deploy:{command.nonce}", now_us):
                with self._refused.opened(writes) as book:
                    words = f"replayed: {_claimed(REPLAYED, command)}"
                    book.enter("replayed", words, subject=command.suggestion_id, now_us=now_us)
                return REPLAYED
            kept = writes.get(command.suggestion_id)
            suggestion = kept.suggestion if kept else None
            row = writes.deployment(command.suggestion_id)
            against = objection(command, suggestion, row, writes.versions(command.suggestion_id))
            if against:
                # Who signed it is known, and it comes once: no flood of others' makes this a mere count.
                writes.audit(
                    at_us=now_us,
                    actor=command.approver,
                    what=REFUSED,
                    subject=command.suggestion_id,
                    detail=f"objection: {against}",
                )
                failed = self._messages.failed(
                    command.suggestion_id, "order", against, is_retried=False, at=from_us(now_us)
                )
                transaction.enqueue([failed], now_us)
                return against
            begun = ordered(command, suggestion, row, now_us) if suggestion else None
            if begun is not None and not writes.deploy(begun, instead_of=row):
                raise StoreUnavailableError("expected the deployment as it was read, got another one")
            writes.audit(
                at_us=now_us,
                actor=command.approver,
                what=f"{command.verb.value} ordered",
                subject=command.suggestion_id,
                detail=f"content={command.content_hash} nonce={command.nonce} version={command.version}",
            )
            return ""

    def refuse(self, refused: Sequence[RefusedOrder]) -> list[None]:
        """Enter refused commands in the audit log; the names in them are what their senders claim."""
        with self._store.begin() as transaction:
            transaction.suggestions.take_turn("order")
            with self._refused.opened(transaction.suggestions) as book:
                for code, text, claimed, now_us in refused:
                    words, subject = text, UNKNOWN
                    if claimed is not None:
                        words, subject = _claimed(text, claimed), claimed.suggestion_id
                    book.enter(code, f"{code}: {words}", subject=subject, now_us=now_us)
        return [None for _ in refused]

    def sum_up(self, now_us: int) -> None:
        """Enter the number of commands refused without an entry of their own, if that is due."""
        if not self._refused.is_due(self._store.suggestions, now_us):
            return
        with self._store.begin() as transaction:
            transaction.suggestions.take_turn("order")
            self._refused.sum_up(transaction.suggestions, now_us)


def _claimed(text: str, command: SignedCommand) -> str:
    return f"{text}; it says that it comes from {command.approver}"
