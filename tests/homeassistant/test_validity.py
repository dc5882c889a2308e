"""A real Home Assistant takes everything that we render, and our verdicts agree with its own."""

import random
from typing import Any

import pytest

from benchmarks.mutations import mutants
from benchmarks.validity import WRITTEN, people_wrote, validate
from pipeline.automations.render import render
from pipeline.automations.schema_check import Kind, judge
from schemas.automations import Action, Automation, StateTrigger
from tests.fixtures.specimens import specimens
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.processes import eventually

pytestmark = [pytest.mark.homeassistant, pytest.mark.asyncio(loop_scope="module")]

SPECIMENS = specimens()
GUESTS = Action(service="input_boolean.toggle", entity_id="input_boolean.guest_mode")
HOSTILE = "{{ states('lock.front_door') }} !secret token: &a *a | > \u202e\x00\x1b[31m 🏠"
BROKEN: dict[str, dict[str, Any]] = {
    "a switch state that YAML made a truth value": {
        "trigger": [{"platform": "state", "entity_id": "switch.fan", "to": True}],
        "action": [],
    },
    "a trigger without an entity": {"trigger": [{"platform": "state", "to": "on"}], "action": []},
    "no time": {"trigger": [{"platform": "time", "at": "25:00"}], "action": []},
    "a condition that asks for nothing": {
        "trigger": [],
        "condition": [{"condition": "numeric_state", "entity_id": "sensor.hall_temperature"}],
        "action": [],
    },
    "an action that does nothing": {"trigger": [], "action": [{"target": {"entity_id": "light.hall_lamp"}}]},
    "a service without a domain": {"trigger": [], "action": [{"service": "turn_on"}]},
}


async def deploy(home: HomeAssistant, automation_id: str, config: dict[str, Any]) -> dict[str, Any]:
    """Write an automation, and return the state of the entity that appears."""
    response = await home.request("POST", f"config/automation/config/{automation_id}", config)
    assert response.is_success, response.text

    async def has_appeared() -> dict[str, Any] | None:
        states = (await home.request("GET", "states")).raise_for_status().json()
        found = (state for state in states if state["attributes"].get("id") == automation_id)
        return next(found, None)

    return await eventually(has_appeared, f"an entity for {automation_id}") or {}


@pytest.mark.parametrize("name", SPECIMENS)
async def test_everything_that_we_render_is_taken_and_enabled(
    home_assistant: HomeAssistant, name: str
) -> None:
    """Each kind of trigger, condition and action is accepted and gives an automation that is on."""
    config = render(SPECIMENS[name], title=name, description="")
    number = list(SPECIMENS).index(name)
    state = await deploy(home_assistant, f"haai_{number:016x}", config)
    assert state["state"] == "on"
    assert judge(config).kind == Kind.VALID


async def test_hostile_words_are_words(home_assistant: HomeAssistant) -> None:
    """Template marks, YAML's own signs and control characters in a title come back as they were sent."""
    automation: Automation = next(iter(SPECIMENS.values()))
    config = render(automation, title=HOSTILE, description=HOSTILE)
    state = await deploy(home_assistant, "haai_hostile", config)
    assert state["state"] == "on"
    assert state["attributes"]["friendly_name"] == config["alias"]
    found = (await home_assistant.request("GET", "config/automation/config/haai_hostile")).json()
    assert (found["alias"], found["description"]) == (config["alias"], config["description"])


@pytest.mark.parametrize("name", BROKEN)
async def test_what_we_call_invalid_is_refused(home_assistant: HomeAssistant, name: str) -> None:
    """What we say that every release refuses, this one refuses."""
    assert judge(BROKEN[name]).kind == Kind.INVALID
    body = {"alias": name, **BROKEN[name]}
    response = await home_assistant.request("POST", "config/automation/config/haai_broken", body)
    assert response.status_code == 400


async def runs(home: HomeAssistant, entity_id: str) -> int:
    """How often an automation has run, of all that was published until now."""
    await home.mark()
    events = (event for event in home.wire.events if event["event_type"] == "automation_triggered")
    return sum(event["event_data"]["entity_id"] == entity_id for event in events)


async def test_what_comes_back_does_not_count(home_assistant: HomeAssistant) -> None:
    """An automation runs on a state that is reached, and not on one that is merely there again."""
    automation = Automation(trigger=StateTrigger(entity_id="binary_sensor.ghost", to="on"), actions=(GUESTS,))
    config = render(automation, title="Ghost", description="")
    entity_id = (await deploy(home_assistant, "haai_ghost", config))["entity_id"]
    for state in ("on", "unavailable", "on", "unknown", "on"):
        response = await home_assistant.request("POST", "states/binary_sensor.ghost", {"state": state})
        assert response.is_success
    # That it was not there at all is no state that it came back from.
    assert await runs(home_assistant, entity_id) == 1
    for state in ("off", "on"):
        await home_assistant.request("POST", "states/binary_sensor.ghost", {"state": state})
    assert await runs(home_assistant, entity_id) == 2


async def test_a_press_is_a_trigger(home_assistant: HomeAssistant) -> None:
    """The first press and the second, whatever time the button says; not that it was away."""
    automation = Automation(
        trigger=StateTrigger(entity_id="input_button.ghost", to="activated"), actions=(GUESTS,)
    )
    config = render(automation, title="Button", description="")
    entity_id = (await deploy(home_assistant, "haai_button", config))["entity_id"]
    pressed = ["unknown", "2026-11-20T06:00:00+00:00", "unavailable", "2026-11-20T06:00:00+00:00"]
    for state in (*pressed, "2026-11-20T07:00:00+00:00"):
        response = await home_assistant.request("POST", "states/input_button.ghost", {"state": state})
        assert response.is_success
    assert await runs(home_assistant, entity_id) == 2


async def test_nothing_is_called_invalid_that_this_release_takes(home_assistant: HomeAssistant) -> None:
    """Our own automations with one or two things changed: what we refuse, it refuses."""
    ours = [render(automation, title="x", description="") for automation in SPECIMENS.values()]
    odd = list(mutants(random.Random(3), ours, 1000))
    theirs = await validate(home_assistant, odd)
    wronged = [config for config, taken in zip(odd, theirs, strict=True) if taken and is_invalid(config)]
    assert wronged == []
    assert sum(theirs) > 100


@pytest.mark.shared
async def test_verdicts_on_what_people_wrote(home_assistant: HomeAssistant) -> None:
    """None of the 358 is called invalid that this release takes."""
    if not WRITTEN.exists():
        pytest.skip(f"not applicable: {WRITTEN.name} is not beside the checkout")
    written = people_wrote()
    theirs = await validate(home_assistant, written)
    wronged = [config for config, taken in zip(written, theirs, strict=True) if taken and is_invalid(config)]
    assert (len(written), wronged) == (358, [])


def is_invalid(config: dict[str, Any]) -> bool:
    """Whether we say that no release takes it."""
    return judge(config).kind == Kind.INVALID
