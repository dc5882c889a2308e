"""The messages that say what came of an order, with ids that follow from what they say."""

from datetime import datetime

from pipeline.commands.decisions import Order
from pipeline.suggestions.message_factory import MessageFactory
from schemas.commands import LONGEST_VALIDITY_MS, SignedCommand, SuggestionAnswer
from schemas.outgoing import Outgoing


class Replies(MessageFactory):
    """Makes what the reviewer says of one home."""

    def answer(self, order: Order, text: str, *, is_accepted: bool, at: datetime) -> Outgoing:
        """Return the message that tells what came of an order."""
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
        return self._event(identity, self._topics.suggestion_answered, payload)

    def command(self, command: SignedCommand) -> Outgoing:
        """A signed command to the deployer; when it has expired nobody need read it."""
        identity = self._identity("command", command.verb, command.suggestion_id, command.nonce)
        topic = self._topics.automation_command(command.verb.value)
        return Outgoing(
            identity, topic, command.model_dump_json().encode(), expiry_s=LONGEST_VALIDITY_MS // 1000
        )
