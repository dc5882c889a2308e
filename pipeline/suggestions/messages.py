"""Messages about suggestions and their deployments, with ids that follow from their content."""

from datetime import datetime, tzinfo
from hashlib import blake2b
from typing import Literal

from pipeline.wording.suggestions import suggestion_text
from schemas.commands import (
    AutomationExecuted,
    AutomationFailed,
    SignedCommand,
    SuggestionAnswer,
)
from schemas.deployments import Deployment
from schemas.instants import to_us
from schemas.messages import P, Row
from schemas.outgoing import Outgoing
from schemas.suggestions import Opinion, Suggestion, SuggestionChanged, SuggestionGenerated, UserFeedback
from schemas.topics import Topics

What = Literal["deployed", "rolled_back", "removed", "ran"]


class MessageFactory:
    """Makes what is said of one home's suggestions, of orders on them, and of their deployments.

    Instants have the offset of the home's `zone`.
    """

    def __init__(self, home: str, topics: Topics, zone: tzinfo | None = None) -> None:
        self._home = home
        self._topics = topics
        self._zone = zone

    def generated(self, suggestion: Suggestion) -> Outgoing:
        """Return the message that a suggestion was made, or made again."""
        payload = SuggestionGenerated(
            message_id=_of_suggestion("generated", suggestion),
            at=suggestion.updated_at,
            suggestion=suggestion,
            text=suggestion_text(suggestion),
        )
        return self._say(Topics.suggestion_generated, payload.message_id, payload)

    def changed(self, suggestion: Suggestion, *, text: str) -> Outgoing:
        """Return the message that a suggestion has changed; `text` says why."""
        payload = SuggestionChanged(
            message_id=_of_suggestion("changed", suggestion),
            at=suggestion.updated_at,
            suggestion_id=suggestion.id,
            status=suggestion.status,
            version=suggestion.version,
            text=text,
        )
        return self._say(Topics.suggestion_changed, payload.message_id, payload)

    def feedback(
        self, suggestion: Suggestion, opinion: Opinion, *, person: str, text: str, occasion: str, at: datetime
    ) -> tuple[UserFeedback, Outgoing]:
        """Return a person's feedback as a record and as a message; the id is the same for one `occasion`."""
        payload = UserFeedback(
            message_id=self._identity("feedback", suggestion.id, opinion.value, occasion),
            at=at,
            suggestion_id=suggestion.id,
            opinion=opinion,
            pattern_type=suggestion.pattern_type,
            device_class=suggestion.automation.domain,
            person=person,
            text=text,
        )
        return payload, self._say(Topics.feedback_given, payload.message_id, payload)

    def answer(
        self,
        verb: str,
        suggestion_id: str,
        text: str,
        *,
        nonce: str,
        answered: str,
        is_accepted: bool,
        at: datetime,
    ) -> Outgoing:
        """Return the message that tells what came of an order.

        Its id follows from the `nonce` by which the order counts once; `answered` is the nonce that its
        sender knows.
        """
        identity = self._identity("answer", verb, suggestion_id, nonce)
        payload = SuggestionAnswer(
            message_id=identity,
            at=at,
            suggestion_id=suggestion_id,
            verb=verb,
            nonce=answered,
            accepted=is_accepted,
            text=text,
        )
        return self._say(Topics.suggestion_answered, identity, payload)

    def command(self, command: SignedCommand) -> Outgoing:
        """Return a signed command to the deployer; when it has expired nobody need read it."""
        identity = self._identity("command", command.verb, command.suggestion_id, command.nonce)
        return Topics.automation_command.outgoing(self._topics, identity, command, command.verb)

    def executed(
        self, what: What, row: Deployment, text: str, *, entity_id: str | None, at: datetime
    ) -> Outgoing:
        """Return the message that an automation was deployed, rolled back or removed, or that it ran."""
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
        return self._say(Topics.automation_executed, identity, payload)

    def failed(self, suggestion_id: str, step: str, text: str, *, is_retried: bool, at: datetime) -> Outgoing:
        """Return the message that a step failed."""
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
        return self._say(Topics.automation_failed, identity, payload)

    def _say(self, row: Row[P], identity: str, payload: P, *values: str) -> Outgoing:
        return row.outgoing(self._topics, identity, payload, *values, zone=self._zone)

    def _identity(self, *parts: str) -> str:
        return _digest(self._home, *parts)


def _of_suggestion(what: str, suggestion: Suggestion) -> str:
    return _digest(what, suggestion.home, suggestion.id, suggestion.status, str(to_us(suggestion.updated_at)))


def _digest(*parts: str) -> str:
    return blake2b("\x00".join(parts).encode(), digest_size=16).hexdigest()
