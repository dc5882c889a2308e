"""The messages that say what came of an order, with ids that follow from what they say."""

from datetime import datetime

from pipeline.commands.decisions import Order
from pipeline.suggestions.message_factory import MessageFactory
from schemas.commands import SignedCommand, SuggestionAnswer
from schemas.outgoing import Outgoing
from schemas.topics import Topics


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
        return Topics.suggestion_answered.outgoing(self._topics, identity, payload)

    def command(self, command: SignedCommand) -> Outgoing:
        """A signed command to the deployer; when it has expired nobody need read it."""
        identity = self._identity("command", command.verb, command.suggestion_id, command.nonce)
        return Topics.automation_command.outgoing(self._topics, identity, command, command.verb)
