"""The messages that say what came of an order, with ids that follow from what they say."""

from datetime import datetime
from hashlib import blake2b

from pipeline.reviewing.decisions import OPINIONS, Order
from pipeline.suggesting.choosing import domain
from schemas.commands import LONGEST_VALIDITY_MS, SignedCommand, SuggestionAnswer
from schemas.outgoing import Outgoing
from schemas.patterns import Schema
from schemas.suggestions import Suggestion, UserFeedback
from schemas.topics import Topics

EXPIRY_S = 300


class Replies:
    """Makes what the reviewer says of one home."""

    def __init__(self, home: str, topics: Topics) -> None:
        self._home = home
        self._topics = topics

    def answer(self, order: Order, text: str, *, is_accepted: bool, at: datetime) -> Outgoing:
        """What came of an order."""
        identity = self._identity("answer", order.said, order.suggestion_id, order.nonce)
        payload = SuggestionAnswer(
            message_id=identity,
            at=at,
            suggestion_id=order.suggestion_id,
            verb=order.said,
            nonce=order.answered,
            accepted=is_accepted,
            text=text,
        )
        return _outgoing(identity, self._topics.suggestion_answered, payload)

    def feedback(self, suggestion: Suggestion, order: Order, at: datetime) -> tuple[UserFeedback, Outgoing]:
        """What a person said, to be kept and to be told."""
        payload = UserFeedback(
            message_id=self._identity("feedback", suggestion.id, order.nonce),
            at=at,
            suggestion_id=suggestion.id,
            opinion=OPINIONS[order.verb],
            pattern_type=suggestion.pattern_type,
            device_class=domain(suggestion.automation),
            person=order.person,
            text=order.text,
        )
        return payload, _outgoing(payload.message_id, self._topics.feedback_given, payload)

    def command(self, command: SignedCommand) -> Outgoing:
        """A signed command to the deployer; when it has expired nobody need read it."""
        identity = self._identity("command", command.verb, command.suggestion_id, command.nonce)
        topic = self._topics.automation_command(command.verb.value)
        return Outgoing(
            identity, topic, command.model_dump_json().encode(), expiry_s=LONGEST_VALIDITY_MS // 1000
        )

    def _identity(self, *parts: str) -> str:
        return blake2b("\x00".join((self._home, *parts)).encode(), digest_size=16).hexdigest()


def _outgoing(identity: str, topic: str, payload: Schema) -> Outgoing:
    return Outgoing(identity, topic, payload.model_dump_json().encode(), expiry_s=EXPIRY_S)
