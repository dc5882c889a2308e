"""Storage of a deployment's steps: deployment, suggestion, feedback, audit and messages at once."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any

from pipeline.suggestions.deployment_steps import (
    Patience,
    Step,
    failed,
    forward,
    given_up,
    is_given_up,
    is_round_over,
    noted,
    retired,
    settled,
    standing,
)
from pipeline.suggestions.drift import WORDS
from pipeline.suggestions.failures import StepFailedError
from pipeline.suggestions.messages import MessageFactory, What
from schemas.commands import SignedCommand, Verb
from schemas.deployments import AutomationVersion, Deployment, Drift, Failure, FailureReason
from schemas.home import Home
from schemas.instants import from_us
from schemas.suggestions import Opinion, Suggestion
from schemas.topics import Topics
from sinks.store import Held, SqlStore, StoreUnavailableError, Transaction
from sinks.store.audit import LONGEST

OURSELVES = "ha-ai"
SOMEBODY = "somebody in Home Assistant"
LATE_WRITE = "a write came late and is taken back"
OPINIONS = {
    Drift.GONE: Opinion.REMOVED,
    Drift.OFF: Opinion.DISABLED,
    Drift.EDITED: Opinion.MODIFIED,
}
Fate = Callable[[Suggestion, datetime], Suggestion]


class DeploymentWriter:
    """Writes a step in one transaction, if no other order came meanwhile; called on the store's thread.

    Every method returns whether it was written; what was not is looked at anew.

    Parameters
    ----------
    store
        Where it is kept.
    home, topics
        Of which home, and where what became of it is said.
    patience
        When what failed is tried again.
    """

    def __init__(self, store: SqlStore, home: Home, topics: Topics, patience: Patience) -> None:
        self._store = store
        self._patience = patience
        self.messages = MessageFactory(home.id, topics, home.zone)

    def forward(
        self, row: Deployment, held: Held, now_us: int, version: AutomationVersion | None = None
    ) -> bool:
        """Store that a step was done; `version` is the content to be written to Home Assistant."""
        with self._store.begin(holder=held) as transaction:
            if version is not None:
                transaction.suggestions.add_version(version)
            return transaction.suggestions.deploy(forward(row, now_us), instead_of=row)

    def stands(self, row: Deployment, held: Held, now_us: int, entity: Mapping[str, Any]) -> bool:
        """Store that the wanted version is deployed and loaded."""
        done, approval = forward(row, now_us), SignedCommand.model_validate_json(row.approval)
        with self._store.begin(holder=held) as transaction:
            writes = transaction.suggestions
            content = next(each for each in writes.versions(row.suggestion_id) if each.version == row.wanted)
            if not writes.deploy(done, instead_of=row):
                return False
            what: What = "deployed" if approval.verb is Verb.DEPLOY else "rolled_back"
            text, entity_id = _stands(row, approval, is_on=entity["state"] != "off"), entity["entity_id"]
            self._change(
                transaction,
                row,
                now_us,
                text,
                lambda suggestion, now: standing(
                    suggestion,
                    content.suggestion,
                    approval,
                    automation_id=row.automation_id,
                    entity_id=entity_id,
                    now=now,
                ),
            )
            executed = self.messages.executed(what, done, text, entity_id=entity_id, at=from_us(now_us))
            transaction.enqueue([executed], now_us)
            self._audit(transaction, row, now_us, approval.approver, what, text)
        return True

    def gone(self, row: Deployment, held: Held, now_us: int) -> bool:
        """Store that the automation was removed as ordered."""
        done, approval = forward(row, now_us), SignedCommand.model_validate_json(row.approval)
        with self._store.begin(holder=held) as transaction:
            if not transaction.suggestions.deploy(done, instead_of=row):
                return False
            reason = f"undone by {approval.approver}{': ' if approval.text else ''}{approval.text}"
            suggestion = self._change(
                transaction, row, now_us, reason, lambda each, now: retired(each, reason, now)
            )
            text = "it is removed from Home Assistant"
            executed = self.messages.executed("removed", done, text, entity_id=None, at=from_us(now_us))
            transaction.enqueue([executed], now_us)
            if suggestion is not None:
                self._feedback(
                    transaction, suggestion, Opinion.UNDONE, approval.approver, approval.text, row, now_us
                )
            self._audit(transaction, row, now_us, approval.approver, "removed", reason)
        return True

    def failed(self, row: Deployment, held: Held, now_us: int, failure: StepFailedError) -> bool:
        """Store that a step failed; reported when the round is over, not at every attempt."""
        text = str(failure)
        after = failed(row, failure.failure, now_us, self._patience)
        is_retried = not is_given_up(after, self._patience)
        with self._store.begin(holder=held) as transaction:
            if not transaction.suggestions.deploy(after, instead_of=row):
                return False
            # A token stays refused until a person mends it, who need not be told every time we look.
            is_told = failure.reason is FailureReason.TOKEN and row.failure == failure.failure
            if not is_retried or (is_round_over(after, self._patience) and not is_told):
                self._change(transaction, row, now_us, text, lambda each, now: noted(each, text, now))
                said = self.messages.failed(
                    row.suggestion_id, row.step, text, is_retried=is_retried, at=from_us(now_us)
                )
                transaction.enqueue([said], now_us)
                self._audit(transaction, row, now_us, OURSELVES, "failed", f"{row.step}: {text}")
        return True

    def taken_back(self, row: Deployment, held: Held, now_us: int) -> bool:
        """Store that a write was taken back; a suggestion that is given up becomes pending again."""
        after = settled(row, now_us, self._patience)
        with self._store.begin(holder=held) as transaction:
            if not transaction.suggestions.deploy(after, instead_of=row):
                return False
            if after.step == Step.STANDS:
                text = row.failure.text if row.failure else ""
                self._change(transaction, row, now_us, text, lambda each, now: given_up(each, text, now))
                self._audit(transaction, row, now_us, OURSELVES, "given up", text)
        return True

    def noticed(self, row: Deployment, held: Held, now_us: int, drift: Drift) -> bool:
        """Store a new drift of a deployed automation."""
        with self._store.begin(holder=held) as transaction:
            if not transaction.suggestions.deploy(self._after(row, drift, now_us), instead_of=row):
                return False
            if drift is Drift.STRAY:
                self._audit(transaction, row, now_us, OURSELVES, "stray", LATE_WRITE)
                return True
            text = WORDS.get(drift, "it is as it was deployed again")
            suggestion = self._change(
                transaction,
                row,
                now_us,
                text,
                lambda each, now: (
                    retired(each, text, now)
                    if drift is Drift.GONE
                    else noted(each, WORDS.get(drift, ""), now)
                ),
            )
            if suggestion is not None and drift in OPINIONS:
                self._feedback(transaction, suggestion, OPINIONS[drift], SOMEBODY, "", row, now_us)
            self._audit(transaction, row, now_us, SOMEBODY, drift.value or "restored", text)
        return True

    def renamed(self, row: Deployment, held: Held, now_us: int, entity_id: str) -> bool:
        """Store that the automation's entity has a new id."""
        with self._store.begin(holder=held) as transaction:
            text = f"its entity is {entity_id} now"
            is_known = self._change(
                transaction,
                row,
                now_us,
                text,
                lambda each, now: each.model_copy(update={"ha_entity_id": entity_id, "updated_at": now}),
            )
            return is_known is not None

    def edited(self, row: Deployment, held: Held, now_us: int, found: Mapping[str, Any]) -> bool:
        """Store a hand-edited automation whole in the audit log, before it is removed.

        Once for each order, however often the removal is tried.
        """
        whole = json.dumps(found, sort_keys=True, ensure_ascii=False)
        occasion = blake2b(f"{row.approval}\x00{whole}".encode(errors="replace"), digest_size=16).hexdigest()
        with self._store.begin(holder=held) as transaction:
            if not transaction.suggestions.use_nonce(f"edited:{occasion}", now_us):
                return False
            starts = range(0, len(whole), LONGEST)
            for number, start in enumerate(starts, 1):
                what = f"removed with changes by hand, part {number} of {len(starts)}"
                self._audit(transaction, row, now_us, SOMEBODY, what, whole[start : start + LONGEST])
        return True

    def _after(self, row: Deployment, drift: Drift, now_us: int) -> Deployment:
        match drift:
            case Drift.STRAY:
                return row._replace(
                    step=Step.TAKE_BACK.value,
                    attempts=self._patience.most,
                    failure=Failure(FailureReason.LATE_WRITE, LATE_WRITE),
                    drift=drift,
                    updated_us=now_us,
                )
            case Drift.GONE:
                return row._replace(wanted=0, standing=0, failure=None, drift=Drift.FINE, updated_us=now_us)
        return row._replace(drift=drift)

    def _change(
        self, transaction: Transaction, row: Deployment, now_us: int, text: str, fate: Fate
    ) -> Suggestion | None:
        """Change the suggestion and enqueue the message; return it, None if there is none."""
        writes = transaction.suggestions
        kept = writes.get(row.suggestion_id)
        if kept is None:
            return None
        suggestion = fate(kept.suggestion, from_us(now_us))
        if not writes.replace(suggestion, changes=kept.changes):
            raise StoreUnavailableError("expected the suggestion as it was read, somebody wrote it meanwhile")
        transaction.enqueue([self.messages.changed(suggestion, text=text)], now_us)
        return suggestion

    def _feedback(
        self,
        transaction: Transaction,
        suggestion: Suggestion,
        opinion: Opinion,
        person: str,
        text: str,
        row: Deployment,
        now_us: int,
    ) -> None:
        kept, said = self.messages.feedback(
            suggestion, opinion, person=person, text=text, occasion=row.approval, at=from_us(now_us)
        )
        if transaction.suggestions.say(kept):
            transaction.enqueue([said], now_us)

    def _audit(
        self, transaction: Transaction, row: Deployment, now_us: int, actor: str, what: str, detail: str
    ) -> None:
        transaction.suggestions.audit(
            at_us=now_us, actor=actor, what=what, subject=row.suggestion_id, detail=detail
        )


def _stands(row: Deployment, approval: SignedCommand, *, is_on: bool) -> str:
    what = "is deployed" if approval.verb is Verb.DEPLOY else "stands again"
    off = "" if is_on else ", switched off: somebody had switched it off before, and may switch it on"
    return f"version {row.wanted} {what}{off}"
