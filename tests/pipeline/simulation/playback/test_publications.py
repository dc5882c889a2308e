import json

import pytest

from pipeline.ingest.logs import LogEntry
from pipeline.ingest.messages import Message, PoisonError, Reason
from pipeline.simulation.playback.publications import Publication, as_eventstream, as_statestream, form_of


def test_captured_message_goes_to_its_own_topic() -> None:
    """A line of a capture is published where it was heard; what was a retained snapshot is left out."""
    heard = Message("zigbee2mqtt/lamp", b"{}", 5)
    for form in (form_of("eventstream", "events", "states"), form_of("statestream", "events", "states")):
        assert form(LogEntry(1, 5, heard)) == [Publication("zigbee2mqtt/lamp", b"{}")]
        assert form(LogEntry(1, 5, heard._replace(retain=True))) == []


def test_statestream_is_state_then_stamps() -> None:
    """A change becomes its state and the two time stamps, in Home Assistant's order."""
    new = {
        "state": "on",
        "last_updated": "2026-10-05T06:00:01+00:00",
        "last_changed": "2026-10-05T06:00:00+00:00",
    }
    event = {"event_type": "state_changed", "event_data": {"entity_id": "light.a.b", "new_state": new}}
    assert as_statestream(LogEntry(1, 0, json.dumps(event).encode()), "states") == [
        Publication("states/light/a.b/state", b"on"),
        Publication("states/light/a.b/last_updated", b"2026-10-05T06:00:01+00:00"),
        Publication("states/light/a.b/last_changed", b"2026-10-05T06:00:00+00:00"),
    ]


@pytest.mark.parametrize(
    "event",
    [
        {"event_type": "call_service", "event_data": {"domain": "light"}},
        {"event_type": "state_changed", "event_data": {"entity_id": "light.a", "new_state": None}},
    ],
)
def test_statestream_says_nothing_of_other_events(event: dict[str, object]) -> None:
    """Service calls and removals are not in Home Assistant's statestream."""
    assert as_statestream(LogEntry(1, 0, json.dumps(event).encode()), "states") == []


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_statestream_of_nonsense_is_poison(payload: bytes) -> None:
    """A payload that is no event cannot be taken apart into topics."""
    with pytest.raises(PoisonError):
        as_statestream(LogEntry(1, 0, payload), "states")


def test_eventstream_passes_nonsense_on_but_not_what_is_no_line() -> None:
    """A payload goes out byte for byte, whatever it holds; a line that could not be read is poison."""
    assert as_eventstream(LogEntry(1, 0, b"\xff"), "events") == [Publication("events", b"\xff")]
    with pytest.raises(PoisonError):
        as_eventstream(LogEntry(1, 0, PoisonError(Reason.NOT_JSON, "expected JSON")), "events")
