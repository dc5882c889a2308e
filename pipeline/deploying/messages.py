"""The messages that say what became of deployments, with ids that follow from what they say."""

from datetime import datetime
from hashlib import blake2b
from typing import Literal

from pipeline.suggesting.choosing import domain
from schemas.commands import AutomationExecuted, AutomationFailed
from schemas.deployments import Deployment
from schemas.outgoing import Outgoing
from schemas.patterns import Schema
from schemas.suggestions import Opinion, Suggestion, UserFeedback
from schemas.topics import Topics

EXPIRY_S = 300
What = Literal["deployed", "rolled_back", "removed", "ran"]


class Messages:
    """Makes what the deployer says of one home."""

    def __init__(self, home: str, topics: Topics) -> None:
        self._home = home
        self._topics = topics

    def executed(
        self, what: What, row: Deployment, text: str, *, entity_id: str | None, at: datetime
    ) -> Outgoing:
        """An automation was deployed, rolled back or removed, or it ran."""
        version = row.standing
        identity = self._identity(what, row.suggestion_id, str(version), at.isoformat())
        payload = AutomationExecuted(
            message_id=identity,
            at=at,
            what=what,
            suggestion_id=row.suggestion_id,
            automation_id=row.automation_id,
            entity_id=entity_id,
            version=version,
            text=text,
        )
        return _outgoing(identity, self._topics.automation_executed, payload)

    def failed(self, suggestion_id: str, step: str, text: str, *, is_retried: bool, at: datetime) -> Outgoing:
        """Something could not be done."""
        identity = self._identity("failed", suggestion_id, step, at.isoformat())
        payload = AutomationFailed(
            message_id=identity,
            at=at,
            suggestion_id=suggestion_id,
            automation_id=f"haai_{suggestion_id}",
            step=step,
            retried=is_retried,
            text=text,
        )
        return _outgoing(identity, self._topics.automation_failed, payload)

    def feedback(
        self, suggestion: Suggestion, opinion: Opinion, *, person: str, text: str, occasion: str, at: datetime
    ) -> tuple[UserFeedback, Outgoing]:
        """What somebody did to an automation, to be kept and to be told; once an `occasion`."""
        payload = UserFeedback(
            message_id=self._identity("feedback", suggestion.id, opinion.value, occasion),
            at=at,
            suggestion_id=suggestion.id,
            opinion=opinion,
            pattern_type=suggestion.pattern_type,
            device_class=domain(suggestion.automation),
            person=person,
            text=text,
        )
        return payload, _outgoing(payload.message_id, self._topics.feedback_given, payload)

    def _identity(self, *parts: str) -> str:
        return blake2b("\x00".join((self._home, *parts)).encode(), digest_size=16).hexdigest()


def _outgoing(identity: str, topic: str, payload: Schema) -> Outgoing:
    return Outgoing(identity, topic, payload.model_dump_json().encode(), expiry_s=EXPIRY_S)
