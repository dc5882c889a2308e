"""What an event tells, besides that it can be taken."""

import json
from typing import Any

import pytest

from pipeline.automations.typical import ATTRIBUTES as USUAL
from pipeline.ingest.eventstream import MOST_TARGETS, EventstreamDecoder, microseconds
from pipeline.ingest.messages import Signal
from schemas.events import UNNAMED, ServiceCall, StateChange

AT_US = microseconds("2026-11-20T06:00:00.25+00:00")


def event(kind: str, data: Any) -> bytes:
    """An event's payload."""
    return json.dumps({"event_type": kind, "event_data": data}).encode()


def decode_change(good_payload: bytes, **new_state: Any) -> StateChange:
    """Decode the good payload with fields of its new state replaced."""
    payload = json.loads(good_payload)
    payload["event_data"]["new_state"] |= new_state
    change = EventstreamDecoder().decode(json.dumps(payload).encode())
    assert isinstance(change, StateChange)
    return change


def call_targets(good_payload: bytes, **service_data: Any) -> tuple[str, ...]:
    """What a call that follows a change is said to have been for."""
    decoder = EventstreamDecoder()
    decoder.decode(good_payload)
    data = {"domain": "light", "service": "turn_on", "service_data": service_data}
    call = decoder.decode(event("call_service", data))
    assert isinstance(call, ServiceCall)
    assert (call.at_us, call.service) == (AT_US, "light.turn_on")
    return call.entity_ids


def test_a_change_has_its_states_time_and_context(good_payload: bytes) -> None:
    """Old and new state, the time of the update, who caused it, and the attributes that are of use."""
    context = {"id": "c", "parent_id": "p", "user_id": "u"}
    attributes = {"brightness": 120, "temperature": None, "device_class": "x", "friendly_name": "Hall"}
    change = decode_change(good_payload, context=context, attributes=attributes)
    allowed = (("brightness", 120.0), ("device_class", "x"))
    assert change == StateChange(AT_US, "light.hall", "off", "on", "c", "p", "u", allowed)


def test_every_value_that_an_automation_would_set_is_taken(good_payload: bytes) -> None:
    """What is usual of lights, thermostats, fans and covers can be learned."""
    usual = dict.fromkeys(USUAL, 40)
    assert dict(decode_change(good_payload, attributes=usual).attributes) == usual


@pytest.mark.parametrize("length", [0, 1, 255])
def test_a_state_may_have_255_characters(good_payload: bytes, length: int) -> None:
    """None are a state as well."""
    assert decode_change(good_payload, state="\u2603" * length).new == "\u2603" * length


@pytest.mark.parametrize("offset", ["+00:00", "Z"])
def test_times_are_exact_to_the_microsecond(offset: str) -> None:
    """No rounding on the way, in either way of writing UTC."""
    assert microseconds(f"2026-11-20T06:00:00.250001{offset}") == AT_US + 1
    assert microseconds("2026-11-20T07:00:00.250001+01:00") == AT_US + 1


def test_a_removed_entity_is_no_change(good_payload: bytes) -> None:
    """Its new state is null."""
    payload = json.loads(good_payload)
    payload["event_data"]["new_state"] = None
    assert EventstreamDecoder().decode(json.dumps(payload).encode()) is None


@pytest.mark.parametrize(
    ("entity_id", "expected"),
    [
        ("light.hall", ("light.hall",)),
        (["light.hall", "light.bed", "light.hall"], ("light.bed", "light.hall")),
        (["light.hall", 5, None, "x" * 256], ("light.hall",)),
        (["light.hall", "x" * 255], ("light.hall", "x" * 255)),
        ([f"light.l{number:03}" for number in range(MOST_TARGETS)], None),
        ([f"light.l{number:03}" for number in range(MOST_TARGETS + 1)], (UNNAMED,)),
        ([], (UNNAMED,)),
    ],
)
def test_a_call_names_its_entities(
    good_payload: bytes, entity_id: Any, expected: tuple[str, ...] | None
) -> None:
    """Each once, in order; what is no name is passed over, and too many are as good as none."""
    assert call_targets(good_payload, entity_id=entity_id) == (
        tuple(entity_id) if expected is None else expected
    )


@pytest.mark.parametrize(
    "target", [{"area_id": ["hall"]}, {"device_id": "5"}, {}, {"entity_id": None}, {"entity_id": {}}]
)
def test_a_call_of_something_else_is_still_a_call(good_payload: bytes, target: dict[str, Any]) -> None:
    """An area or a device may be what the entity changes with."""
    assert call_targets(good_payload, **target) == (UNNAMED,)


def test_a_call_before_any_change_has_no_time() -> None:
    """The stream tells none, so the call says nothing."""
    data = {"domain": "light", "service": "turn_on", "service_data": {"entity_id": "light.hall"}}
    assert EventstreamDecoder().decode(event("call_service", data)) is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("homeassistant_started", Signal.STARTED),
        ("homeassistant_stop", Signal.STOPPED),
        ("homeassistant_final_write", Signal.STOPPED),
        ("automation_triggered", None),
        ("service_registered", None),
        ("x" * 64, None),
    ],
)
def test_other_events(kind: str, expected: Signal | None) -> None:
    """Start and stop are signals, the rest says nothing, whatever is in it."""
    told: tuple[object, ...] = ({}, None, [], {"entity_id": 5})
    for data in told:
        assert EventstreamDecoder().decode(event(kind, data)) is expected
