"""A batch gives entries, signals, letters or nothing, and never an exception."""

from base64 import b64decode

import pytest

from pipeline.ingest.bounds import StreamClock
from pipeline.ingest.decoding import BatchDecoder, call_key
from pipeline.ingest.inputs import Eventstream, HomeAssistantInput
from pipeline.ingest.learning_switch import SwitchEvent
from pipeline.ingest.letters import EXCERPT_BYTES, dead_letter
from pipeline.ingest.messages import Message, PoisonError, Reason, Signal
from schemas.events import ServiceCall, StateChange
from schemas.topics import Topics
from tests.fixtures.runs import TOPIC, carried

HEARTBEAT = "ha-ai/internal/heartbeat"
STATUS = "homeassistant/status"
SWITCH = Topics().learning_set


@pytest.fixture
def decoder() -> BatchDecoder:
    """A decoder of an eventstream."""
    source = HomeAssistantInput(Eventstream(TOPIC), status_topic=STATUS)
    return BatchDecoder(source, StreamClock(), heartbeat_topic=HEARTBEAT, learning_topic=SWITCH)


def test_duplicates_in_a_batch_are_one_entry(decoder: BatchDecoder, changes: list[StateChange]) -> None:
    """Entries keep the order of their first delivery."""
    batch = decoder.decode([carried(change) for change in (*changes[:3], changes[1], changes[0])])
    assert list(batch.entries.values()) == changes[:3]
    assert batch.letters == []


def test_a_retained_message_is_no_entry(decoder: BatchDecoder, changes: list[StateChange]) -> None:
    """A snapshot tells how things stand, not what happened."""
    assert decoder.decode([carried(changes[0])._replace(retain=True)]).entries == {}


def test_a_heartbeat_is_noted_with_its_time(decoder: BatchDecoder) -> None:
    """Nothing is decoded of it."""
    batch = decoder.decode([Message(HEARTBEAT, b"", 17)])
    assert (batch.heartbeat_us, batch.entries, batch.letters) == (17, {}, [])


def test_home_assistant_says_when_it_comes_and_goes(decoder: BatchDecoder) -> None:
    """Birth and will are signals at their time of receipt."""
    batch = decoder.decode([Message(STATUS, b"offline", 5), Message(STATUS, b"online", 9)])
    assert [each[1:3] for each in batch.signals] == [(5, Signal.STOPPED), (9, Signal.STARTED)]


def test_the_learning_switch_is_set_at_its_place(decoder: BatchDecoder, changes: list[StateChange]) -> None:
    """Between what was seen before and what is seen behind it; a duplicate takes no place."""
    sent = [carried(changes[0]), carried(changes[0]), Message(SWITCH, b"OFF", 5), carried(changes[1])]
    batch = decoder.decode([*sent, Message(SWITCH, b"ON", 9)])
    assert batch.turns == [SwitchEvent(1, 5, on=False), SwitchEvent(2, 9, on=True)]
    assert batch.letters == []


@pytest.mark.parametrize(
    "message",
    [
        Message(SWITCH, b"", 5),
        Message(SWITCH, b"on", 5),
        Message(SWITCH, b"\xff" * 300_000, 5),
        Message(SWITCH, b"OFF", 5, retain=True),
    ],
    ids=["empty", "small", "large", "retained"],
)
def test_what_sets_the_switch_to_nothing_is_a_letter(decoder: BatchDecoder, message: Message) -> None:
    """Only ON and OFF, said now, are a person's act."""
    batch = decoder.decode([message])
    assert batch.turns == []
    assert [letter.reason for letter in batch.letters] == ["wrong_shape"]
    assert len(batch.letters[0].detail) < 200


def test_poison_becomes_letters_and_the_good_stay(
    decoder: BatchDecoder, changes: list[StateChange], poison_messages: list[tuple[str, bytes]]
) -> None:
    """Among 300 poisons every good message is taken, and each poison has its letter."""
    received_us = changes[-1].at_us
    poisons = [Message(TOPIC, payload, received_us) for _, payload in poison_messages]
    batch = decoder.decode([carried(changes[0]), *poisons, carried(changes[1])])
    good = [change for change in batch.entries.values() if change in changes]
    assert good == changes[:2]
    assert len(batch.letters) + len(batch.entries) - 2 == len(poisons)
    assert len(batch.letters) >= len(poisons) - 10


def test_a_letter_says_what_came_and_the_same_message_has_the_same_id() -> None:
    """The payload's beginning is kept, its size is told."""
    message = Message(TOPIC, b"\xff" * 10_000, 1_000_000)
    error = PoisonError(Reason.NOT_JSON, "expected JSON")
    letter = dead_letter(message, error)
    assert b64decode(letter.payload_base64) == b"\xff" * EXCERPT_BYTES
    assert (letter.size_bytes, letter.reason, letter.topic) == (10_000, "not_json", TOPIC)
    assert letter.message_id == dead_letter(message._replace(received_us=2_000_000), error).message_id
    assert letter.message_id != dead_letter(message._replace(payload=b"\xff"), error).message_id


def test_the_same_call_at_another_place_in_the_stream_is_another() -> None:
    """A call has no identity of its own: time and payload make it."""
    call = ServiceCall(1, ("light.hall",), "light.turn_on")
    assert call_key(call, b"{}") == call_key(call, b"{}")
    assert call_key(call, b"{}") != call_key(call._replace(at_us=2), b"{}")
    assert call_key(call, b"{}") != call_key(call, b"{ }")
