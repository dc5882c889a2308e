"""The generated Home Assistant against what a real one published, and its rules of context."""

import gzip
import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pipeline.simulation.days import Agenda
from pipeline.simulation.devices import device
from pipeline.simulation.instance import HomeAssistant

CAPTURES = Path(__file__).parents[2] / "recordings" / "captures" / "2025.4.4"
LAMP = "light.hall_lamp"
BEGIN = 1_790_000_000.0


def captured(scene: str, event_type: str) -> list[dict[str, Any]]:
    """Return the payloads of one event type that a real Home Assistant published."""
    with gzip.open(CAPTURES / f"{scene}.jsonl.gz", "rt") as lines:
        messages = [json.loads(line) for line in lines]
    payloads = [json.loads(m["payload"]) for m in messages if m["topic"] == "homeassistant_events"]
    return [payload for payload in payloads if payload["event_type"] == event_type]


def of_entity(payloads: list[dict[str, Any]], entity_id: str) -> dict[str, Any]:
    """Return the first payload about an entity."""
    return next(payload for payload in payloads if payload["event_data"]["entity_id"] == entity_id)


@pytest.fixture
def agenda() -> Agenda:
    """What is going to happen."""
    return Agenda()


@pytest.fixture
def home_assistant(agenda: Agenda) -> HomeAssistant:
    """A Home Assistant with one lamp."""
    instance = HomeAssistant(agenda, Random("instance"))
    instance.add([device(LAMP, "hall", minutes=5)], BEGIN)
    return instance


def shape(value: Any) -> Any:
    """Return the keys of nested objects, in their order."""
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else None


def test_a_light_has_the_shape_of_a_captured_one(generated: Any) -> None:
    """Same keys in the same order, in payload, states, context and, for such a lamp, attributes."""
    real = of_entity(captured("04_context_automation", "state_changed"), LAMP)
    ours = of_entity(
        [payload for _, payload in generated.messages if payload["event_type"] == "state_changed"],
        "light.stairs",
    )
    attributes = [p["event_data"]["new_state"]["attributes"] for p in (real, ours)]
    assert attributes[0].keys() == attributes[1].keys()
    for payload, found in zip((real, ours), attributes, strict=True):
        for state in ("old_state", "new_state"):
            payload["event_data"][state] = {**payload["event_data"][state], "attributes": None}
        assert found
    assert json.dumps(shape(ours)) == json.dumps(shape(real))


@pytest.mark.parametrize("event_type", ["call_service", "automation_triggered"])
def test_other_events_have_the_shape_of_captured_ones(generated: Any, event_type: str) -> None:
    """Service calls and triggered automations carry the captured keys."""
    real = captured("04_context_automation", event_type)[0]
    ours = next(payload for _, payload in generated.messages if payload["event_type"] == event_type)
    assert list(ours["event_data"]) == list(real["event_data"])
    assert type(ours["event_data"].get("service_data")) is type(real["event_data"].get("service_data"))


def test_timestamps_and_context_ids_look_like_captured_ones(generated: Any) -> None:
    """ISO times with microseconds in UTC, and ULIDs that begin with their time."""
    stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
    ulid = re.compile(r"01[0-9A-HJKMNP-TV-Z]{24}")
    real = [payload["event_data"] for payload in captured("01_light_rest", "state_changed")]
    for change in [*real, *generated.changes]:
        state = change["new_state"]
        assert stamp.fullmatch(state["last_updated"])
        assert stamp.fullmatch(state["last_changed"])
        assert ulid.fullmatch(state["context"]["id"])


def test_context_ids_are_never_used_for_two_causes(home_assistant: HomeAssistant) -> None:
    """Contexts of one instant differ, and later ones sort behind."""
    ids = [home_assistant.context(BEGIN + number // 2).id for number in range(100)]
    assert len(set(ids)) == 100
    assert ids[10] < ids[20] < ids[90]


def test_an_unchanged_report_is_silent(home_assistant: HomeAssistant) -> None:
    """The same state with the same attributes is no event; another brightness is one without last_changed."""
    assert home_assistant.report(BEGIN, LAMP, "on")
    assert not home_assistant.report(BEGIN + 10, LAMP, "on")
    assert home_assistant.report(BEGIN + 20, LAMP, "on", brightness=50)
    first, dimmed = (payload["event_data"]["new_state"] for _, payload in home_assistant.fired)
    assert dimmed["attributes"]["brightness"] == 50
    assert dimmed["last_changed"] == first["last_changed"] < dimmed["last_updated"]


@pytest.mark.parametrize(("after_s", "inherits"), [(4.9, True), (5.1, False)])
def test_a_report_soon_after_a_call_inherits_its_context(
    home_assistant: HomeAssistant, after_s: float, *, inherits: bool
) -> None:
    """A device's own report gets the context of a service call not more than five seconds before."""
    context = home_assistant.context(BEGIN, user_id="somebody")
    home_assistant.call(BEGIN, (LAMP, "on"), context)
    home_assistant.report(BEGIN + after_s, LAMP, "on")
    found = home_assistant.fired[-1][1]["event_data"]["new_state"]["context"]
    assert (found["id"] == context.id) is inherits
    assert (found["user_id"] == "somebody") is inherits


def test_a_stopped_instance_shows_nothing_until_it_is_back(
    home_assistant: HomeAssistant, agenda: Agenda
) -> None:
    """What a device does meanwhile is seen only in the value with which it comes back."""
    home_assistant.restart(BEGIN)
    number = len(home_assistant.fired)
    assert not home_assistant.report(BEGIN + 2, LAMP, "on")
    assert not home_assistant.call(
        BEGIN + 3, (LAMP, "off"), home_assistant.context(BEGIN + 3, user_id="somebody")
    )
    assert len(home_assistant.fired) == number
    while agenda.step(BEGIN + 3600):
        pass
    states = [
        ((data["old_state"] or {}).get("state"), data["new_state"]["state"])
        for _, payload in home_assistant.fired
        if (data := payload["event_data"])
    ]
    assert states == [(None, "unavailable"), ("unavailable", "on")]
