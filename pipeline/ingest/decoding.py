"""From one batch of raw messages to what learning and the store make of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple, Protocol

from pipeline.ingest.behaviour import Gate
from pipeline.ingest.bounds import Clock
from pipeline.ingest.inputs import States
from pipeline.ingest.learning_switch import SwitchEvent
from pipeline.ingest.letters import Letters
from pipeline.ingest.messages import Decoded, Message, PoisonError, Reason, Signal, UntimelyError
from schemas.events import ServiceCall, StateChange
from schemas.statuses import DeadLetter
from sinks.store import Waiting

IS_ON = {b"ON": True, b"OFF": False}


class Sign(NamedTuple):
    """Home Assistant's own word, after so many entries of its batch.

    `said_us` is the time of the last change that came before it, of any kind and in any batch; 0 for none.
    """

    place: int
    received_us: int
    signal: Signal
    said_us: int


class Decoder(Protocol):
    """One input format."""

    @property
    def topic_filter(self) -> str:
        """Return the topic filter that its events come on."""

    def decode(self, message: Message) -> Decoded | None:
        """Return what a message says, None where nothing to us; `PoisonError` where it cannot be taken."""

    def recall(self, states: States) -> None:
        """Take the last states that were kept, before the first message."""


@dataclass(slots=True)
class DecodedBatch:
    """A batch, decoded.

    Entries with their keys, the topics on which they came, signs that the home is there, what was done to
    the learning switch, letters that were dead, and events that wait for the clock. `heard_us` is the time of
    the last event, 0 for none, and `said_us` that of the last change of any kind, behaviour or not;
    `heartbeat_us` when the last heartbeat was sent, and `received_us` when the last message was received.
    """

    entries: dict[bytes, StateChange | ServiceCall] = field(default_factory=dict)
    topics: dict[bytes, str] = field(default_factory=dict)
    signals: list[Sign] = field(default_factory=list)
    turns: list[SwitchEvent] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    untimely: list[Waiting] = field(default_factory=list)
    heard_us: int = 0
    said_us: int = 0
    heartbeat_us: int = 0
    received_us: int = 0


class BatchDecoder:
    """Decodes batches: every message becomes an entry, a sign, a dead letter or nothing; none raises."""

    def __init__(self, decoder: Decoder, clock: Clock, *, heartbeat_topic: str, learning_topic: str) -> None:
        self._decoder = decoder
        self._gate = Gate(clock)
        self._letters = Letters()
        self._heartbeat_topic = heartbeat_topic
        self._learning_topic = learning_topic
        self._said_us = 0

    def recall(self, states: States) -> None:
        """Take the last states that were kept, before the first batch."""
        self._decoder.recall(states)

    def decode(self, messages: Sequence[Message]) -> DecodedBatch:
        """Decode a batch in order; of entries with one key the first stays."""
        batch = DecodedBatch()
        for message in messages:
            if message.topic == self._heartbeat_topic:
                batch.heartbeat_us = max(batch.heartbeat_us, sent_us(message))
            else:
                self._take(message, batch)
        if messages:
            batch.received_us = messages[-1].received_us
            batch.letters += self._letters.due(messages[-1].received_us)
        return batch

    def refuse(self, entry: StateChange | ServiceCall, reason: Reason, topic: str | None) -> list[DeadLetter]:
        """The letter of an entry that came above what is taken; none of what is nobody's fault."""
        if reason in {Reason.FREE_TEXT, Reason.THINNED}:
            return []
        name = entry.entity_id if isinstance(entry, StateChange) else entry.service
        message = Message(topic or self._decoder.topic_filter, f"{name} {entry.at_us}".encode(), entry.at_us)
        letter = self._letters.take(
            message, PoisonError(reason, f"expected fewer, got one more of {name[:80]}")
        )
        return [] if letter is None else [letter]

    def rest(self, now_us: int) -> list[DeadLetter]:
        """Return what was counted of a flood and not said yet, before the end."""
        return self._letters.rest(now_us)

    def floods(self) -> dict[str, str]:
        """Return what comes faster than it is taken, by subject, in words."""
        return {
            f"flood: {topic}": (
                f"messages on {topic} cannot be taken, and come faster than each is kept: they are counted. "
                "See who publishes them: `ha-ai watch` shows the first, and SECURITY.md how to shut them out"
            )
            for topic in self._letters.flooded()
        }

    def _take(self, message: Message, batch: DecodedBatch) -> None:
        try:
            if message.topic == self._learning_topic:
                batch.turns.append(SwitchEvent(len(batch.entries), message.received_us, _is_on(message)))
                return
            said = self._decoder.decode(message)
            if isinstance(said, StateChange):
                self._said_us = batch.said_us = min(said.at_us, message.received_us)
            item = self._gate.admit(said, message.received_us)
        except UntimelyError as error:
            if error.entry is not None:
                batch.untimely.append(_waiting(message, error.entry, error.reason))
                batch.heard_us = error.entry.at_us
            return
        except PoisonError as error:
            letter = self._letters.take(message, error)
            if letter is not None:
                batch.letters.append(letter)
            return
        if isinstance(item, StateChange):
            batch.entries.setdefault(item.key, item)
            batch.topics.setdefault(item.key, message.topic)
            batch.heard_us = item.at_us
        elif isinstance(item, ServiceCall):
            key = call_key(item, message.payload)
            batch.entries.setdefault(key, item)
            batch.topics.setdefault(key, message.topic)
        elif item is not None:
            batch.signals.append(Sign(len(batch.entries), message.received_us, item, self._said_us))


def _is_on(message: Message) -> bool:
    """Return what the learning switch was set to; a retained message is no person's act."""
    on = IS_ON.get(message.payload)
    if on is None or message.retain:
        got = f"{message.payload[:20]!r}{', retained' if message.retain else ''}"
        raise PoisonError(
            Reason.WRONG_SHAPE, f"expected ON or OFF for the learning switch, not retained, got {got}"
        )
    return on


def _waiting(message: Message, entry: StateChange | ServiceCall, reason: Reason) -> Waiting:
    key = entry.key if isinstance(entry, StateChange) else call_key(entry, message.payload)
    return Waiting(key, entry, message.topic, message.received_us, reason)


def sent_us(heartbeat: Message) -> int:
    """When a heartbeat was sent, as it says itself: behind a backlog that is long before it is received."""
    said = int(heartbeat.payload) if heartbeat.payload[:20].isdigit() else heartbeat.received_us
    return min(said, heartbeat.received_us)


def call_key(call: ServiceCall, payload: bytes) -> bytes:
    """Identity of a service call, which has none of its own: its payload at its place in the stream."""
    return blake2b(f"{call.at_us}\x00".encode() + payload, digest_size=16).digest()
