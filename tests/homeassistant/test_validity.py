"""A real Home Assistant takes everything that we render, and our verdicts agree with its own."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from benchmarks.mutations import mutants
from benchmarks.validity import WRITTEN, people_wrote, validate
from pipeline.automations.render import render
from pipeline.automations.schema_check import Kind, judge
from schemas.automations import Action, Automation, StateTrigger
from tests.fixtures.specimens import specimens
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.processes import eventually

pytestmark = [pytest.mark.homeassistant, pytest.mark.asyncio(loop_scope="session")]

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


@asynccontextmanager
async def deployed(
    home: HomeAssistant, automation_id: str, config: dict[str, Any]
) -> AsyncIterator[dict[str, Any]]:
    """Write an automation, give the state of the entity that appears, and delete it again."""
    response = await home.request("POST", f"config/automation/config/{automation_id}", config)
    assert response.is_success, response.text

    async def has_appeared() -> dict[str, Any] | None:
        states = (await home.request("GET", "states")).raise_for_status().json()
        found = (state for state in states if state["attributes"].get("id") == automation_id)
        return next(found, None)

    yield await eventually(has_appeared, f"an entity for {automation_id}") or {}
    await home.delete_automation(automation_id)


async def go_through(home: HomeAssistant, entity_id: str, *states: str) -> None:
    """Let an entity that no integration has be in these states, one after the other."""
    for state in states:
        (await home.request("POST", f"states/{entity_id}", {"state": state})).raise_for_status()


@pytest_asyncio.fixture(loop_scope="session")
async def ghost(home_assistant: HomeAssistant) -> AsyncIterator[Callable[[str], str]]:
    """Names of entities that no integration has; they are gone at the end."""
    named: list[str] = []

    def name(domain: str) -> str:
        named.append(f"{domain}.ghost")
        return named[-1]

    yield name
    for entity_id in named:
        (await home_assistant.request("DELETE", f"states/{entity_id}")).raise_for_status()


@pytest.mark.parametrize("name", SPECIMENS)
async def test_everything_that_we_render_is_taken_and_enabled(
    home_assistant: HomeAssistant, name: str
) -> None:
    """Each kind of trigger, condition and action is accepted and gives an automation that is on."""
    config = render(SPECIMENS[name], title=name, description="")
    number = list(SPECIMENS).index(name)
    async with deployed(home_assistant, f"haai_{number:016x}", config) as state:
        assert state["state"] == "on"
    assert judge(config).kind == Kind.VALID


async def test_hostile_words_are_words(home_assistant: HomeAssistant) -> None:
    """Template marks, YAML's own signs and control characters in a title come back as they were sent."""
    automation: Automation = next(iter(SPECIMENS.values()))
    config = render(automation, title=HOSTILE, description=HOSTILE)
    async with deployed(home_assistant, "haai_hostile", config) as state:
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


async def test_what_comes_back_does_not_count(
    home_assistant: HomeAssistant, ghost: Callable[[str], str]
) -> None:
    """An automation runs on a state that is reached, and not on one that is merely there again."""
    sensor = ghost("binary_sensor")
    automation = Automation(trigger=StateTrigger(entity_id=sensor, to="on"), actions=(GUESTS,))
    config = render(automation, title="Ghost", description="")
    async with deployed(home_assistant, "haai_ghost", config) as state:
        await go_through(home_assistant, sensor, "on", "unavailable", "on", "unknown", "on")
        # That it was not there at all is no state that it came back from.
        assert await runs(home_assistant, state["entity_id"]) == 1
        await go_through(home_assistant, sensor, "off", "on")
        assert await runs(home_assistant, state["entity_id"]) == 2


async def test_a_press_is_a_trigger(home_assistant: HomeAssistant, ghost: Callable[[str], str]) -> None:
    """The first press and the second, whatever time the button says; not that it was away."""
    button = ghost("input_button")
    automation = Automation(trigger=StateTrigger(entity_id=button, to="activated"), actions=(GUESTS,))
    config = render(automation, title="Button", description="")
    first, second = "2026-11-20T06:00:00+00:00", "2026-11-20T07:00:00+00:00"
    async with deployed(home_assistant, "haai_button", config) as state:
        await go_through(home_assistant, button, "unknown", first, "unavailable", first, second)
        assert await runs(home_assistant, state["entity_id"]) == 2


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
