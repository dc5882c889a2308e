"""Inputs from Home Assistant by topic: its event or state stream, and its birth and will."""

from collections.abc import Callable, Mapping
from typing import Protocol

from pipeline.ingest.eventstream import EventstreamDecoder
from pipeline.ingest.messages import Decoded, Message, PoisonError, Reason, Signal
from pipeline.ingest.statestream import StatestreamDecoder

States = Callable[[], Mapping[str, str]]
STATUS = {b"online": Signal.STARTED, b"offline": Signal.STOPPED}


class Stream(Protocol):
    """One of Home Assistant's streams."""

    @property
    def topic_filter(self) -> str:
        """Return the topic filter to subscribe to."""

    def decode(self, message: Message) -> Decoded | None:
        """Return what a live message says, or None; `PoisonError` where it cannot be taken."""

    def remember(self, message: Message) -> None:
        """Take a retained message, which tells how things stood; `PoisonError` where it cannot be taken."""

    def recall(self, states: States) -> None:
        """Take the last states that were kept, where the stream tells no old ones."""


class Eventstream:
    """``mqtt_eventstream``: everything is in the payload.

    Parameters
    ----------
    topic
        The ``publish_topic`` that Home Assistant was given.
    """

    def __init__(self, topic: str) -> None:
        self.topic_filter = topic
        self._decoder = EventstreamDecoder()

    def decode(self, message: Message) -> Decoded | None:
        return self._decoder.decode(message.payload)

    def remember(self, message: Message) -> None:
        """Do nothing: an event is no state of affairs."""

    def recall(self, states: States) -> None:
        """Do nothing: an event tells its old state."""


class Statestream:
    """``mqtt_statestream``: a topic a field.

    Parameters
    ----------
    base_topic
        The ``base_topic`` that Home Assistant was given.
    """

    def __init__(self, base_topic: str) -> None:
        self.topic_filter = f"{base_topic}/#"
        self._decoder = StatestreamDecoder(base_topic)

    def decode(self, message: Message) -> Decoded | None:
        return self._decoder.decode(message.topic, message.payload, message.received_us)

    def remember(self, message: Message) -> None:
        self._decoder.snapshot(message.topic, message.payload)

    def recall(self, states: States) -> None:
        self._decoder.recall(states())


def stream_of(kind: str, eventstream_topic: str, statestream_topic: str) -> Stream:
    """The stream that a setting names."""
    return Statestream(statestream_topic) if kind == "statestream" else Eventstream(eventstream_topic)


class HomeAssistantInput:
    """One stream of Home Assistant, and its status topic; what is retained is no event."""

    def __init__(self, stream: Stream, *, status_topic: str) -> None:
        self._stream = stream
        self._status_topic = status_topic

    @property
    def topic_filter(self) -> str:
        """Return the topic filter that its stream comes on."""
        return self._stream.topic_filter

    def recall(self, states: States) -> None:
        """Take the last states that were kept, before the first message."""
        self._stream.recall(states)

    def decode(self, message: Message) -> Decoded | None:
        if message.retain:
            if message.topic == self._status_topic:
                return Signal.ONLINE if STATUS.get(message.payload) is Signal.STARTED else None
            self._stream.remember(message)
            return None
        if message.topic != self._status_topic:
            return self._stream.decode(message)
        signal = STATUS.get(message.payload)
        if signal is None:
            got = message.payload[:20]
            raise PoisonError(
                Reason.WRONG_SHAPE, f"expected online or offline on the status topic, got {got!r}"
            )
        return signal
