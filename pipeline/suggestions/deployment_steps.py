"""State machine of a deployment: its steps, the order they come in, and when a failed one is tried again.

Towards a version: ``wanted`` (is it approved, and may it run?), ``write`` (look, write where nothing or ours
stands, read back), ``enable`` (wait for the entity), ``stands``. Towards nothing: ``wanted``, ``remove``,
``vanish`` (wait until it is gone), ``stands``. A step looks before it acts, so that one whose outcome is not
known is simply taken again.

A step that fails is tried again after growing pauses. When those of a round are used up, or waiting would not
help, that is told, what was written is taken back (``take_back``: to what stood before, or to nothing), and
after a rest the next round begins; after the last one it is given up until a person wants it again. A removal
is never given up: somebody wants it gone, and what was not seen to be gone may run.

`standing`, `retired`, `given_up` and `noted` are what that makes of the suggestion.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipeline.suggestions.failures import RetryClass, retry_class
from schemas.commands import SignedCommand, Verb
from schemas.deployments import Deployment, Drift, Failure, FailureReason
from schemas.suggestions import LONGEST_REASON, Status, Suggestion

US = 1_000_000
# Nobody ordered it, or what stands there is not ours.
NOT_TO_REMOVE = frozenset({FailureReason.REFUSED, FailureReason.FOREIGN})


class Step(StrEnum):
    """Next step of a deployment."""

    WANTED = "wanted"
    WRITE = "write"
    ENABLE = "enable"
    REMOVE = "remove"
    VANISH = "vanish"
    TAKE_BACK = "take_back"
    STANDS = "stands"


NEXT = {
    Step.WRITE: Step.ENABLE,
    Step.ENABLE: Step.STANDS,
    Step.REMOVE: Step.VANISH,
    Step.VANISH: Step.STANDS,
}


@dataclass(frozen=True, slots=True)
class Patience:
    """Waiting times of the deployer, in seconds.

    `pauses_s` lie between the attempts of a round, `rests_s` between rounds. An entity is waited for
    `entity_s`; looked for it is after `shortest_look_s` and then ever less often, up to `longest_look_s`.
    What cannot be taken back is tried again after `take_back_s`. What stands is looked after every
    `upkeep_s`; what is gone is looked for again after `again_s`, and an automation that is off counts as
    switched off by hand after `off_s`. For `stray_s` after a change a write that comes late is looked for.
    A token that was refused is used again after `refused_s`: Home Assistant bans who is refused too often.
    """

    pauses_s: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
    rests_s: tuple[float, ...] = (60.0, 600.0, 3_600.0)
    entity_s: float = 20.0
    shortest_look_s: float = 0.05
    longest_look_s: float = 1.0
    take_back_s: float = 15.0
    upkeep_s: float = 60.0
    again_s: float = 2.0
    off_s: float = 300.0
    stray_s: float = 3_600.0
    refused_s: float = 600.0

    @property
    def tries(self) -> int:
        """Number of attempts in a round."""
        return len(self.pauses_s) + 1

    @property
    def most(self) -> int:
        """Number of attempts after which a deployment is given up."""
        return self.tries * (len(self.rests_s) + 1)

    def pause_s(self, attempts: int) -> float:
        """Return the seconds to wait after so many failed attempts.

        Examples
        --------
        >>> patience = Patience(pauses_s=(1.0, 2.0), rests_s=(60.0,))
        >>> [patience.pause_s(attempts) for attempts in range(6)]
        [0.0, 1.0, 2.0, 60.0, 1.0, 2.0]
        """
        rounds, attempt = divmod(attempts, self.tries)
        if attempt:
            return self.pauses_s[attempt - 1]
        return self.rests_s[min(rounds, len(self.rests_s)) - 1] if rounds else 0.0


def forward(row: Deployment, now_us: int) -> Deployment:
    """Return the deployment after a step that was done."""
    begin = Step.WRITE if row.wanted else Step.REMOVE
    step = begin if row.step == Step.WANTED else NEXT[Step(row.step)]
    standing = row.wanted if step is Step.STANDS else row.standing
    attempts = 0 if step is Step.STANDS else row.attempts
    return row._replace(
        step=step.value,
        standing=standing,
        attempts=attempts,
        failure=None,
        drift=Drift.FINE,
        updated_us=now_us,
    )


def failed(row: Deployment, failure: Failure, now_us: int, patience: Patience) -> Deployment:
    """Return the deployment after a step that failed."""
    round_end = (row.attempts // patience.tries + 1) * patience.tries
    attempts = {
        RetryClass.MOMENTS: row.attempts + 1,
        RetryClass.UNTIL_MENDED: round_end,
        RetryClass.FOR_GOOD: patience.most if row.wanted else round_end,
    }[retry_class(failure.reason)]
    tried = row._replace(attempts=attempts, failure=failure, drift=Drift.FINE, updated_us=now_us)
    if row.wanted:
        return tried._replace(step=Step.TAKE_BACK.value) if is_round_over(tried, patience) else tried
    if failure.reason in NOT_TO_REMOVE:
        return _left(row, now_us)
    return tried._replace(step=Step.REMOVE.value) if row.step == Step.VANISH else tried


def settled(row: Deployment, now_us: int, patience: Patience) -> Deployment:
    """Return the deployment after its write was taken back: it rests until the next round, or is given up."""
    if is_given_up(row, patience):
        return _left(row, now_us)
    return row._replace(step=Step.WANTED.value, updated_us=now_us)


def _left(row: Deployment, now_us: int) -> Deployment:
    """Return the deployment with the standing version as the wanted one."""
    return row._replace(
        wanted=row.standing,
        step=Step.STANDS.value,
        attempts=0,
        failure=None,
        drift=Drift.FINE,
        updated_us=now_us,
    )


def begun(
    order: SignedCommand, suggestion: Suggestion, wanted: int, before: Deployment | None, now_us: int
) -> Deployment:
    """Return the deployment that an order begins."""
    return Deployment(
        suggestion_id=suggestion.id,
        automation_id=suggestion.automation_id,
        wanted=wanted,
        standing=before.standing if before else 0,
        step=Step.WANTED.value,
        attempts=0,
        approval=order.exact(),
        updated_us=now_us,
    )


def is_round_over(row: Deployment, patience: Patience) -> bool:
    """Return whether the attempts of a round are used up."""
    return row.attempts > 0 and row.attempts % patience.tries == 0


def is_given_up(row: Deployment, patience: Patience) -> bool:
    """Return whether a deployment is not tried again by itself."""
    return row.step == Step.STANDS or (row.wanted > 0 and row.attempts >= patience.most)


def due_us(row: Deployment, patience: Patience, now_us: int) -> int | None:
    """Return when the next step may be taken, in UTC microseconds; None if there is none.

    Now, if the clock was set back since the last one: what happened is never in the future.
    """
    if row.step == Step.STANDS:
        return None
    if row.step == Step.TAKE_BACK or row.failure is None or row.updated_us > now_us:
        return min(row.updated_us, now_us)
    return row.updated_us + int(patience.pause_s(row.attempts) * US)


def is_overdue(row: Deployment, patience: Patience, now_us: int) -> bool:
    """Return whether an entity was waited for long enough; a clock that was set back counts as waiting."""
    return abs(now_us - row.updated_us) > patience.entity_s * US


def standing(
    suggestion: Suggestion,
    content: Suggestion,
    approval: SignedCommand,
    *,
    automation_id: str,
    entity_id: str,
    now: datetime,
) -> Suggestion:
    """Return the suggestion after `content`, a version of it, was deployed.

    Rolled back, it is that version again in everything that is proposed, under a number that no version has
    had. What was changed since it was approved waits for an approval of its own.
    """
    placed = {"ha_automation_id": automation_id, "ha_entity_id": entity_id, "updated_at": now}
    deployed = {"status": Status.DEPLOYED, "snoozed_until": None, "reason": ""}
    if suggestion.content_hash == content.content_hash:
        return suggestion.model_copy(update=placed | deployed)
    if approval.verb is Verb.DEPLOY:
        return suggestion.model_copy(update=placed)
    again = {"version": suggestion.version + 1, "created_at": suggestion.created_at}
    return content.model_copy(update=placed | deployed | again)


def retired(suggestion: Suggestion, reason: str, now: datetime) -> Suggestion:
    """Return the suggestion after its automation was removed; a pending change of it stays pending."""
    update: dict[str, object] = {"ha_automation_id": None, "ha_entity_id": None, "updated_at": now}
    if suggestion.status in {Status.APPROVED, Status.DEPLOYED}:
        update |= {"status": Status.RETIRED, "reason": reason[:LONGEST_REASON]}
    return suggestion.model_copy(update=update)


def given_up(suggestion: Suggestion, reason: str, now: datetime) -> Suggestion:
    """Return the suggestion after its deployment was given up: a person may approve it again."""
    update: dict[str, object] = {"updated_at": now}
    if suggestion.status is Status.APPROVED:
        update |= {"status": Status.PENDING, "reason": reason[:LONGEST_REASON]}
    return suggestion.model_copy(update=update)


def noted(suggestion: Suggestion, reason: str, now: datetime) -> Suggestion:
    """Return the suggestion with a remark as its reason."""
    return suggestion.model_copy(update={"reason": reason[:LONGEST_REASON], "updated_at": now})
