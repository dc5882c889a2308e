"""Base of the message factories for suggestions."""

from datetime import datetime
from hashlib import blake2b

from pipeline.suggestions.selection import domain
from schemas.outgoing import Outgoing
from schemas.suggestions import Opinion, Suggestion, UserFeedback
from schemas.topics import Topics


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
        return payload, Topics.feedback_given.outgoing(self._topics, payload.message_id, payload)

    def _identity(self, *parts: str) -> str:
        return blake2b("\x00".join((self._home, *parts)).encode(), digest_size=16).hexdigest()
