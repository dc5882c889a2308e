"""Base of the message factories for suggestions."""

from datetime import datetime
from hashlib import blake2b

from pipeline.suggestions.selection import domain
from schemas.outgoing import Outgoing
from schemas.patterns import Schema
from schemas.suggestions import Opinion, Suggestion, UserFeedback
from schemas.topics import Topics

EXPIRY_S = 300


class MessageFactory:
    """Makes the messages of one home, with ids that follow from their content."""

    def __init__(self, home: str, topics: Topics) -> None:
        self._home = home
        self._topics = topics

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
            device_class=domain(suggestion.automation),
            person=person,
            text=text,
        )
        return payload, self._event(payload.message_id, self._topics.feedback_given, payload)

    def _identity(self, *parts: str) -> str:
        return blake2b("\x00".join((self._home, *parts)).encode(), digest_size=16).hexdigest()

    def _event(self, identity: str, topic: str, payload: Schema) -> Outgoing:
        return Outgoing(identity, topic, payload.model_dump_json().encode(), expiry_s=EXPIRY_S)
