"""Writes of the reviewer: each decision, and each refusal, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple

from pipeline.automations.safety import refusals
from pipeline.commands.admission import loops
from pipeline.commands.decisions import (
    OPINIONS,
    Altered,
    Decision,
    ModificationRefusedError,
    Order,
    Outcome,
    carried_out,
    decide,
    readable,
)
from pipeline.commands.refusal_book import UNKNOWN, OpenBook, RefusalBook
from pipeline.commands.signing import new_command
from pipeline.runtime.nonces import new_nonce
from pipeline.settings.sections import ReviewSettings
from pipeline.suggestions.assembly import renewed
from pipeline.suggestions.deployment_steps import begun
from pipeline.suggestions.messages import MessageFactory
from schemas.catalogue import Catalogue
from schemas.commands import Verb
from schemas.instants import from_us
from schemas.outgoing import Outgoing
from schemas.suggestions import Suggestion
from sinks.store import SqlStore, StoreUnavailableError
from sinks.store.suggestions import Kept, SuggestionWrites
from sinks.store.transaction import Transaction

REVIEWING = "review"
REFUSED = "refused"
REFUSED_BY_COUNT = "refused, by count"
REMOVED = 0
REPLAYED = Decision(Outcome.REFUSED, "replayed", "this was received before, and counts once")
WRITTEN_MEANWHILE = "expected a suggestion as it was read, got one that somebody else wrote meanwhile"
DEPLOYER_VERBS = {Verb.APPROVE: Verb.DEPLOY, Verb.ROLLBACK: Verb.ROLLBACK}


@dataclass(frozen=True, slots=True)
class Preconditions:
    """Preconditions of an order, looked up before it is carried out, for a suggestion of this content."""

    for_content: str = ""
    catalogue: Catalogue | None = None
    altered: Altered | None = None
    refusal: ModificationRefusedError | None = None


class Refusal(NamedTuple):
    """A message that does not count, and why.

    `actor` and `subject` are what is known of its sender and its suggestion. `order` is what is answered if
    that suggestion is known; always if the sender is, else within bounds.
    """

    topic: str
    code: str
    text: str
    actor: str = UNKNOWN
    subject: str = ""
    order: Order | None = None


class DecisionWriter:
    """Writes what comes of orders; called on the store's thread, each call a transaction.

    Two reviewers take turns, so that each sees what the other decided. Whoever else writes a suggestion
    meanwhile makes the transaction void, and the order is looked at anew.
    """

    def __init__(self, store: SqlStore, settings: ReviewSettings, zone: tzinfo, key: bytes) -> None:
        self._store = store
        self._not_now_days = settings.not_now_days
        self._key = key
        self._messages = MessageFactory(store.home, settings.topics, zone)
        self._refused = RefusalBook(REFUSED, one=REFUSED, many=REFUSED_BY_COUNT)

    def settle(self, order: Order, topic: str, preconditions: Preconditions, now_us: int) -> Decision:
        """Carry an order out, if it is to be; its nonce is used either way.

        Raises
        ------
        StoreUnavailableError
            The store is away, or somebody else wrote the suggestion: ask again.
        """
        with self._store.begin() as transaction:
            writes = transaction.suggestions
            writes.take_turn(REVIEWING)
            if not writes.use_nonce(order.nonce, now_us):
                self._note_one(transaction, replay(order, topic), now_us)
                return REPLAYED
            kept = writes.get(order.suggestion_id)
            decision = self._decide(writes, kept, order, preconditions)
            if kept is None or decision.outcome is Outcome.REFUSED:
                self._note_one(transaction, _refusal(order, topic, decision), now_us)
                return decision
            said: list[Outgoing] = []
            if decision.outcome is Outcome.DONE:
                said = self._carry_out(writes, kept, order, preconditions, decision.text, now_us)
            answer = self._answer(order, decision.text, now_us, is_accepted=True)
            transaction.enqueue([*said, answer], now_us)
            _enter(writes, kept.suggestion, order, decision, now_us)
        return decision

    def refuse(self, refusals: Sequence[tuple[Refusal, int]]) -> list[None]:
        """Note messages that do not count, with when each was taken."""
        with self._store.begin() as transaction:
            transaction.suggestions.take_turn(REVIEWING)
            with self._refused.opened(transaction.suggestions) as book:
                for refusal, now_us in refusals:
                    self._note(transaction, book, refusal, now_us)
        return [None for _ in refusals]

    def sum_up(self, now_us: int) -> None:
        """Enter what a flood left to be counted, if it is due."""
        if not self._refused.is_due(self._store.suggestions, now_us):
            return
        with self._store.begin() as transaction:
            transaction.suggestions.take_turn(REVIEWING)
            self._refused.sum_up(transaction.suggestions, now_us)

    def _decide(
        self, writes: SuggestionWrites, kept: Kept | None, order: Order, preconditions: Preconditions
    ) -> Decision:
        decision = decide(kept and kept.suggestion, order, is_undone=_is_undone(writes, order))
        if kept is None or decision.outcome is not Outcome.DONE:
            return decision
        if preconditions.for_content != order.content_hash:
            raise StoreUnavailableError(WRITTEN_MEANWHILE)
        if preconditions.refusal is not None:
            return Decision(Outcome.REFUSED, preconditions.refusal.code, str(preconditions.refusal))
        if order.verb is not Verb.APPROVE:
            return decision
        if unsafe := refusals(kept.suggestion.automation, preconditions.catalogue):
            words = f"this is never done, whoever approves it: {'; '.join(unsafe)}"
            return Decision(Outcome.REFUSED, "unsafe", words)
        if endless := loops(kept.suggestion, preconditions.catalogue):
            return Decision(Outcome.REFUSED, "loop", " ".join(endless))
        return decision

    def _carry_out(
        self,
        writes: SuggestionWrites,
        kept: Kept,
        order: Order,
        preconditions: Preconditions,
        text: str,
        now_us: int,
    ) -> list[Outgoing]:
        """Write the suggestion and all that follows; return what is to be said of it."""
        now = from_us(now_us)
        after = carried_out(kept.suggestion, order, now=now, not_now_days=self._not_now_days)
        if preconditions.altered is not None:
            automation, trial, lived, told = preconditions.altered
            after = renewed(
                after, automation=automation, trial=trial, experience=lived, conflicts=told, now=now
            )
        said = []
        if order.verb in DEPLOYER_VERBS:
            said.append(self._command_deployer(writes, after, order, now_us))
        if not writes.replace(after, changes=kept.changes):
            raise StoreUnavailableError(WRITTEN_MEANWHILE)
        said.append(self._messages.changed(after, text=text))
        if order.verb is Verb.MODIFY:
            said.append(self._messages.generated(after))
        if order.verb in OPINIONS:
            opinion, occasion = OPINIONS[order.verb], order.nonce
            feedback, telling = self._messages.feedback(
                after, opinion, person=order.person, text=order.text, occasion=occasion, at=now
            )
            writes.say(feedback)
            said.append(telling)
        return said

    def _command_deployer(
        self, writes: SuggestionWrites, suggestion: Suggestion, order: Order, now_us: int
    ) -> Outgoing:
        """Write what is to stand in Home Assistant with who said so, for as long as it takes; and tell it."""
        wanted = suggestion.version if order.verb is Verb.APPROVE else REMOVED
        command = new_command(
            new_nonce(),
            DEPLOYER_VERBS[order.verb],
            suggestion,
            order.person,
            self._key,
            now_us // 1000,
            version=wanted,
            text=order.text,
        )
        before = writes.deployment(suggestion.id)
        if not writes.deploy(begun(command, suggestion, wanted, before, now_us), instead_of=before):
            raise StoreUnavailableError(WRITTEN_MEANWHILE)
        return self._messages.command(command)

    def _answer(self, order: Order, text: str, now_us: int, *, is_accepted: bool) -> Outgoing:
        return self._messages.answer(
            order.said,
            order.suggestion_id,
            text,
            nonce=order.nonce,
            answered=order.answered,
            is_accepted=is_accepted,
            at=from_us(now_us),
        )

    def _note_one(self, transaction: Transaction, refusal: Refusal, now_us: int) -> None:
        with self._refused.opened(transaction.suggestions) as book:
            self._note(transaction, book, refusal, now_us)

    def _note(self, transaction: Transaction, book: OpenBook, refusal: Refusal, now_us: int) -> None:
        """Enter a refusal, or count it; answer it where that helps anybody.

        Whoever is known is entered and answered, however many others send: each of theirs counts once.
        """
        writes, order, is_known = transaction.suggestions, refusal.order, refusal.actor != UNKNOWN
        subject, detail = refusal.subject, f"{refusal.code} {refusal.topic}: {_user(order)}{refusal.text}"
        if is_known:
            writes.audit(at_us=now_us, actor=refusal.actor, what=REFUSED, subject=subject, detail=detail)
        else:
            book.enter(refusal.code, detail, subject=subject, now_us=now_us)
        # In a flood of refusals whether one may be answered at all is the cheaper question.
        if order is None or not (is_known or book.refused.answers >= 1):
            return
        if writes.get(order.suggestion_id) is not None and (is_known or book.may_answer(now_us)):
            answer = self._answer(order, refusal.text, now_us, is_accepted=False)
            transaction.enqueue([answer], now_us)


def replay(order: Order, topic: str) -> Refusal:
    """Return the refusal of what was received before, from whomever: it was answered then."""
    words = f"{REPLAYED.text}; it says that it comes from {order.person}"
    return Refusal(topic, REPLAYED.code, words, subject=order.suggestion_id)


def _refusal(order: Order, topic: str, decision: Decision) -> Refusal:
    return Refusal(topic, decision.code, decision.text, order.person, order.suggestion_id, order)


def _is_undone(writes: SuggestionWrites, order: Order) -> bool:
    if order.verb is not Verb.ROLLBACK:
        return False
    found = writes.deployment(order.suggestion_id)
    return found is not None and found.wanted == REMOVED


def _user(order: Order | None) -> str:
    return f"user={readable(order.user_id)} " if order and order.user_id else ""


def _enter(
    writes: SuggestionWrites, suggestion: Suggestion, order: Order, decision: Decision, now_us: int
) -> None:
    words = f"version {suggestion.version} {suggestion.content_hash} {order.nonce} {_user(order)}{order.text}"
    what = order.said if decision.outcome is Outcome.DONE else f"{order.said} {decision.code}"
    writes.audit(at_us=now_us, actor=order.person, what=what, subject=suggestion.id, detail=words.rstrip())
