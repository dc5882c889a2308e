"""Decisions on a suggestion, when somebody who may says so."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from schemas.automations import Automation
from schemas.commands import Modification, Press, PressVerb, SignedCommand, Verb
from schemas.suggestions import Experience, Opinion, Status, Suggestion, Trial

VERBS = {
    PressVerb.APPROVE: Verb.APPROVE,
    PressVerb.NOT_NOW: Verb.NOT_NOW,
    PressVerb.REJECT: Verb.REJECT,
    PressVerb.UNDO: Verb.ROLLBACK,
}
OPINIONS = {
    Verb.APPROVE: Opinion.APPROVED,
    Verb.REJECT: Opinion.REJECTED,
    Verb.NOT_NOW: Opinion.NOT_NOW,
    Verb.MODIFY: Opinion.MODIFIED,
}
DONE = {
    Verb.APPROVE: {Status.APPROVED, Status.DEPLOYED},
    Verb.REJECT: {Status.REJECTED},
    Verb.ROLLBACK: {Status.RETIRED},
}
# What is approved can be taken back before it stands there, too.
DECIDED_IN = {Verb.ROLLBACK: (Status.DEPLOYED, Status.APPROVED)}


@dataclass(frozen=True, slots=True)
class Order:
    """Order of somebody who may say so about a suggestion.

    `said` is the verb as they know it. By `nonce` it counts once; `answered` is what the answer names.
    `user_id` is that of the person in Home Assistant, where they pressed: names can be alike, and change.
    """

    verb: Verb
    said: str
    suggestion_id: str
    content_hash: str
    person: str
    nonce: str
    answered: str = ""
    text: str = ""
    change: Modification | None = None
    user_id: str = ""

    @classmethod
    def of_command(cls, command: SignedCommand) -> "Order":
        """Return the order of a verified command."""
        return cls(
            command.verb,
            command.verb.value,
            command.suggestion_id,
            command.content_hash,
            command.approver,
            f"command:{command.nonce}",
            command.nonce,
            readable(command.text),
            command.change,
        )

    @classmethod
    def of_press(cls, press: Press, person: str, nonce: str, user_id: str = "") -> "Order":
        """Return the order of a press that Home Assistant has confirmed."""
        verb, said = VERBS[press.verb], press.verb.value
        return cls(verb, said, press.suggestion_id, press.content_hash, person, nonce, user_id=user_id)


class Outcome(StrEnum):
    """Outcomes of an order."""

    DONE = "done"
    ALREADY = "already"
    REFUSED = "refused"


class Decision(NamedTuple):
    """Outcome of an order, the short name under which that is counted, and its words."""

    outcome: Outcome
    code: str
    text: str


class Altered(NamedTuple):
    """Result of modifying a suggestion's automation, and what is to be told of it."""

    automation: Automation
    trial: Trial
    experience: Experience
    told: tuple[str, ...]


class ModificationRefusedError(Exception):
    """An automation cannot be as a person wants it; `code` is the short name under which that is counted."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def decide(suggestion: Suggestion | None, order: Order, *, is_undone: bool) -> Decision:
    """Say whether an order is to be carried out; that it was already is no refusal.

    Parameters
    ----------
    suggestion
        The one that the order names, as it is now.
    order
        What is wanted.
    is_undone
        Whether its automation was said to be removed before.
    """
    if suggestion is None:
        return Decision(Outcome.REFUSED, "unknown", "expected a suggestion that there is, got another id")
    if order.content_hash != suggestion.content_hash:
        return Decision(
            Outcome.REFUSED,
            "changed",
            "it was changed after you saw it; look at it as it is now, then decide",
        )
    status = suggestion.status
    if status in DONE.get(order.verb, ()) or (order.verb is Verb.ROLLBACK and is_undone):
        return Decision(Outcome.ALREADY, "already", f"this was said before: it is {status.value}")
    wanted = DECIDED_IN.get(order.verb, (Status.PENDING,))
    if status not in wanted:
        return Decision(
            Outcome.REFUSED, "settled", f"expected a {wanted[0].value} suggestion, got a {status.value} one"
        )
    return Decision(Outcome.DONE, order.said, _words(suggestion, order))


def carried_out(suggestion: Suggestion, order: Order, *, now: datetime, not_now_days: int) -> Suggestion:
    """Return the suggestion as it is when an order was carried out that changes no automation."""
    update: dict[str, object] = {"updated_at": now}
    match order.verb:
        case Verb.APPROVE:
            update |= {"status": Status.APPROVED, "snoozed_until": None, "reason": order.text}
        case Verb.REJECT:
            update |= {"status": Status.REJECTED, "snoozed_until": None, "reason": order.text}
        case Verb.NOT_NOW:
            update |= {"snoozed_until": now + timedelta(days=not_now_days), "reason": order.text}
    return suggestion.model_copy(update=update)


def readable(text: str) -> str:
    r"""Return what a person wrote, on one line, without control characters.

    Examples
    --------
    >>> readable("too early\x00\n on  Sundays ")
    'too early on Sundays'
    """
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _words(suggestion: Suggestion, order: Order) -> str:
    said = {
        Verb.APPROVE: "approved, it is on its way to Home Assistant",
        Verb.REJECT: "rejected, it is not suggested again",
        Verb.NOT_NOW: "put off",
        Verb.MODIFY: "changed, and waiting for an answer again",
        Verb.ROLLBACK: "taken back, it is removed from Home Assistant",
    }
    return f"{suggestion.title}: {said[order.verb]}"
