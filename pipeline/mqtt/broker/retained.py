"""The last retained message of every topic."""

from collections.abc import Callable

from pipeline.mqtt.broker.session import Message
from pipeline.mqtt.broker.topics import matches


class RetainedMessages:
    """Retained messages by topic; expired ones are forgotten when they would be read.

    Parameters
    ----------
    clock
        Monotonic seconds, for message expiry.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._messages: dict[str, Message] = {}

    def keep(self, message: Message) -> None:
        """Replace the topic's message; an empty payload removes it."""
        packet = message.packet
        if packet.payload:
            self._messages[packet.topic] = message
        else:
            self._messages.pop(packet.topic, None)

    def matching(self, topic_filter: str) -> list[Message]:
        """Return the messages that a new subscription to `topic_filter` is to see."""
        now = self._clock()
        for topic in [topic for topic, message in self._messages.items() if message.is_expired(now)]:
            del self._messages[topic]
        return [message for topic, message in self._messages.items() if matches(topic_filter, topic)]
