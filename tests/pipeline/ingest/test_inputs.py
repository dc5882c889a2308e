"""Which messages of a stream are events, by topic and by their retain flag."""

import pytest

from pipeline.ingest.inputs import HomeAssistantInput, stream_of
from pipeline.ingest.messages import Message, Signal
from schemas.events import StateChange

BASE = "homeassistant_state/light/hall"
STAMP = b"2026-11-20T06:00:00+00:00"


def input_of(kind: str) -> HomeAssistantInput:
    """Return Home Assistant's stream of this kind under its usual topics."""
    stream = stream_of(kind, "homeassistant_events", "homeassistant_state")
    return HomeAssistantInput(stream, status_topic="homeassistant/status")


def test_a_retained_state_is_the_old_state_of_the_first_change() -> None:
    """The state stream tells by retained messages how things stood before we listened."""
    source = input_of("statestream")
    told = [
        source.decode(Message(f"{BASE}/state", b"off", 0, retain=True)),
        source.decode(Message(f"{BASE}/last_updated", STAMP, 0, retain=True)),
        source.decode(Message(f"{BASE}/state", b"on", 0)),
    ]
    assert told == [None, None, None]
    change = source.decode(Message(f"{BASE}/last_updated", STAMP, 0))
    assert isinstance(change, StateChange)
    assert (change.old, change.new) == ("off", "on")


def test_a_retained_event_is_none(good_payload: bytes) -> None:
    """What somebody published to the event stream with retain is not what happens now."""
    source = input_of("eventstream")
    assert source.decode(Message("homeassistant_events", good_payload, 0, retain=True)) is None
    assert source.decode(Message("homeassistant_events", good_payload, 0)) is not None


@pytest.mark.parametrize("kind", ["eventstream", "statestream"])
def test_the_status_topic_tells_stop_and_start(kind: str) -> None:
    """Birth and will come beside either stream; a retained birth tells no more than that it is there."""
    source = input_of(kind)
    assert source.decode(Message("homeassistant/status", b"offline", 0)) is Signal.STOPPED
    assert source.decode(Message("homeassistant/status", b"online", 0)) is Signal.STARTED
    assert source.decode(Message("homeassistant/status", b"online", 0, retain=True)) is Signal.ONLINE
    assert source.decode(Message("homeassistant/status", b"offline", 0, retain=True)) is None
