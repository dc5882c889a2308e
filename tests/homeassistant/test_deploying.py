"""The deployer against a real Home Assistant: what it writes is loaded, what people do to it is noticed."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pipeline.suggestions.deployment_steps import Patience
from schemas.automations import (
    Action,
    Automation,
    InState,
    MqttTrigger,
    NumericTrigger,
    StateTrigger,
    SunTrigger,
    TemperatureOf,
    TimeTrigger,
)
from schemas.patterns import AtHome, Hours, Weekday
from schemas.suggestions import Opinion, Status, Suggestion
from tests.fixtures.deployments import Bench, proposal, rendered, until
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.processes import eventually

pytestmark = [pytest.mark.homeassistant, pytest.mark.asyncio(loop_scope="session")]

LAMP, FAN = "light.hall_lamp", "switch.fan"
MOTION, THERMOMETER, GUESTS = (
    "binary_sensor.hall_motion",
    "sensor.hall_temperature",
    "input_boolean.guest_mode",
)
TOPIC = "ha-ai/events/tests/rung"
DIMMED = Action(service="light.turn_on", entity_id=LAMP, data={"brightness": 128})
FAN_OFF = Action(service="switch.turn_off", entity_id=FAN, after_seconds=90)
EVERY_FORM = {
    "time": Automation(trigger=TimeTrigger(minute=390), actions=(DIMMED,)),
    "sun": Automation(
        trigger=SunTrigger(event="sunset", offset_minutes=-20),
        conditions=(Weekday(days=(0, 4)), AtHome(somebody=True)),
        actions=(DIMMED, FAN_OFF),
    ),
    "state": Automation(
        trigger=StateTrigger(entity_id=MOTION, to="on", for_seconds=90),
        conditions=(Hours(after=22.5, before=6), InState(entity_id=GUESTS, state="off")),
        actions=(DIMMED,),
    ),
    "numeric": Automation(
        trigger=NumericTrigger(entity_id=THERMOMETER, above=24.5, for_seconds=60),
        conditions=(TemperatureOf(entity_id=THERMOMETER, above=20, below=30.5),),
        actions=(Action(service="switch.turn_on", entity_id=FAN),),
    ),
    "mqtt": Automation(trigger=MqttTrigger(topic=TOPIC), actions=(FAN_OFF,)),
}


@pytest.fixture(scope="module")
def home(home_assistant: HomeAssistant) -> HomeAssistant:
    """The home, with devices that are known."""
    return home_assistant


@pytest_asyncio.fixture(loop_scope="session")
async def bench(tmp_path: Path, home: HomeAssistant) -> AsyncIterator[Bench]:
    """A deployer's store beside it; what it has deployed is gone at the end."""
    patience = Patience(rests_s=(0.5,), upkeep_s=0.1, again_s=0.1, off_s=0.5)
    made = Bench(tmp_path, home.url, home.owner.token, patience, timeout_s=10.0)
    yield made
    for row in made.store.suggestions.deployments():
        if await kept(home, row.automation_id):
            await home.delete_automation(row.automation_id)
    made.close()


def form(name: str, *, minute: int = 390, version: int = 1) -> Suggestion:
    """Return a suggestion of this form under an id of its own."""
    identity = name.encode().hex().ljust(16, "0")[:16]
    automation = EVERY_FORM.get(name, EVERY_FORM["time"])
    if isinstance(automation.trigger, TimeTrigger):
        automation = automation.model_copy(update={"trigger": TimeTrigger(minute=minute)})
    suggestion = proposal(minute, identity=identity, version=version)
    return rendered(suggestion.model_copy(update={"automation": automation}))


async def deploy(bench: Bench, suggestion: Suggestion) -> None:
    """Approve, and have it deployed."""
    bench.approve(suggestion)
    await bench.settle()
    assert bench.suggestion(suggestion.id).status is Status.DEPLOYED, bench.suggestion(suggestion.id).reason


async def kept(home: HomeAssistant, automation_id: str) -> dict[str, Any] | None:
    """Return what Home Assistant keeps under an automation's id."""
    answer = await home.request("GET", f"config/automation/config/{automation_id}")
    return None if answer.status_code == 404 else answer.raise_for_status().json()


async def look(bench: Bench, times: int = 1) -> None:
    """Look after what stands."""
    deployer = bench.deployer()
    held = await bench.held(deployer)
    for _ in range(times):
        await deployer._monitor.look_once(held)
        await asyncio.sleep(bench.patience.off_s / 2)


@pytest.mark.parametrize("name", EVERY_FORM)
async def test_every_form_stands_is_enabled_and_can_be_undone(
    home: HomeAssistant, bench: Bench, name: str
) -> None:
    """It is loaded, found as it was written, and gone after an undo, its entity too."""
    suggestion = form(name)
    await deploy(bench, suggestion)
    entity_id = bench.suggestion(suggestion.id).ha_entity_id
    assert entity_id
    entity = await home.state(entity_id)
    assert entity
    assert (entity["state"], entity["attributes"]["id"]) == ("on", suggestion.automation_id)
    await look(bench, times=2)
    assert (bench.opinions(), bench.row(suggestion.id).is_well) == ([], True)
    bench.undo(identity=suggestion.id)
    await bench.settle()
    assert bench.suggestion(suggestion.id).status is Status.RETIRED
    assert await kept(home, suggestion.automation_id) is None
    assert await home.state(entity_id) is None


async def test_a_version_replaces_another_and_comes_back(home: HomeAssistant, bench: Bench) -> None:
    """Under one id and one entity, by what Home Assistant keeps of it."""
    first, second = form("versions"), form("versions", minute=400, version=2)
    await deploy(bench, first)
    entity_id = bench.suggestion(first.id).ha_entity_id
    await deploy(bench, second)
    found = await kept(home, second.automation_id)
    assert found
    assert "06:40:00" in json.dumps(found)
    await bench.take(bench.deployer(), bench.rollback(1, identity=first.id))
    await bench.settle()
    found = await kept(home, first.automation_id)
    assert found
    assert "06:30:00" in json.dumps(found)
    assert bench.suggestion(first.id).ha_entity_id == entity_id


async def test_what_is_approved_often_is_one_automation(home: HomeAssistant, bench: Bench) -> None:
    """Whoever looks at Home Assistant sees one."""
    suggestion = form("often")
    deployer = bench.deployer()
    order = bench.approve(suggestion)
    for _ in range(100):
        await bench.take(deployer, order)
    await bench.settle(deployer)
    states = (await home.request("GET", "states")).json()
    ours = [each for each in states if each["attributes"].get("id") == suggestion.automation_id]
    assert len(ours) == 1


async def test_a_run_is_told(home: HomeAssistant, bench: Bench) -> None:
    """Home Assistant's own event of it, as its stream publishes it, becomes our message."""
    home.broker.forget_subscriptions()
    await deploy(bench, form("mqtt"))
    await home.broker.await_subscription(TOPIC)
    seen = len(home.wire.events)
    await home.wire.publish(TOPIC, "{}")

    async def is_triggered() -> list[dict[str, Any]]:
        return [each for each in home.wire.events[seen:] if each["event_type"] == "automation_triggered"]

    (event,) = await eventually(is_triggered, "the automation is triggered")
    deployer = bench.deployer()
    await bench.stream(deployer, json.dumps(event).encode())
    (ran,) = [each for each in bench.said("executed") if each["what"] == "ran"]
    assert ran["entity_id"] == bench.suggestion(form("mqtt").id).ha_entity_id


async def test_what_people_do_is_noticed(home: HomeAssistant, bench: Bench) -> None:
    """Switched off, changed, and at last deleted by hand: told once each, and never deployed again."""
    suggestion = form("touched")
    await deploy(bench, suggestion)
    entity_id = bench.suggestion(suggestion.id).ha_entity_id
    assert entity_id
    path = f"config/automation/config/{suggestion.automation_id}"
    await home.call_service("automation.turn_off", entity_id)
    await look(bench, times=4)
    found = await kept(home, suggestion.automation_id)
    assert found
    (await home.request("POST", path, found | {"alias": "Mine"})).raise_for_status()
    await look(bench, times=2)
    (await home.request("DELETE", path)).raise_for_status()

    async def is_gone() -> bool:
        return await home.state(entity_id) is None

    await eventually(is_gone, "the entity is gone")
    await look(bench, times=2)
    assert bench.opinions() == [Opinion.DISABLED, Opinion.MODIFIED, Opinion.REMOVED]
    assert bench.suggestion(suggestion.id).status is Status.RETIRED
    await bench.settle()
    assert await kept(home, suggestion.automation_id) is None


async def test_what_somebody_changed_is_not_overwritten(home: HomeAssistant, bench: Bench) -> None:
    """A new version of ours does not replace theirs."""
    suggestion = form("theirs")
    await deploy(bench, suggestion)
    found = await kept(home, suggestion.automation_id)
    assert found
    path = f"config/automation/config/{suggestion.automation_id}"
    (await home.request("POST", path, found | {"alias": "Mine"})).raise_for_status()
    bench.approve(form("theirs", minute=400, version=2))
    await bench.settle()
    after = await kept(home, suggestion.automation_id)
    assert after
    assert after["alias"] == "Mine"
    assert "changed by hand" in bench.suggestion(suggestion.id).reason


async def test_a_restart_in_the_middle_is_outlasted(home: HomeAssistant, bench: Bench) -> None:
    """Home Assistant goes down between write and entity; when it is back, the automation stands."""
    suggestion = form("restart")
    bench.approve(suggestion)
    deployer = bench.deployer()
    held = await bench.held(deployer)
    while bench.row(suggestion.id).step != "enable":
        await deployer.advance(held)
    await home.stop()
    settling = asyncio.create_task(bench.settle(deployer, longest_s=120))
    await until(lambda: bench.row(suggestion.id).attempts > 0)
    await home.start()
    await settling
    assert bench.suggestion(suggestion.id).status is Status.DEPLOYED
    assert bench.said("automation/failed") == []


async def test_a_token_that_may_not_write_is_explained(home: HomeAssistant, bench: Bench) -> None:
    """A plain user's token: the words say which one is needed."""
    assert bench.settings.deployer_token_file
    bench.settings.deployer_token_file.write_text(home.reader.token)
    bench.approve(form("token"))
    deployer = bench.deployer()
    held = await bench.held(deployer)
    for _ in range(3):
        await deployer.advance(held)
    (failed,) = bench.said("automation/failed")
    assert "administrator" in failed["text"]
    assert failed["retried"]


async def test_a_file_that_cannot_be_written_is_explained(home: HomeAssistant, bench: Bench) -> None:
    """With `!secret` in automations.yaml Home Assistant answers 500, and nothing is left behind."""
    file = home.config / "automations.yaml"
    before = file.read_text()
    file.write_text(before + "\n- id: secretive\n  alias: !secret nothing\n")
    suggestion = form("broken")
    try:
        bench.approve(suggestion)
        deployer = bench.deployer()
        held = await bench.held(deployer)
        while not bench.row(suggestion.id).attempts:
            await deployer.advance(held)
        failure = bench.row(suggestion.id).failure
        assert failure is not None
        assert "!secret" in failure.text
    finally:
        file.write_text(before)
    await bench.settle(deployer)
    assert bench.suggestion(suggestion.id).status is Status.DEPLOYED


async def test_a_file_that_is_not_included_is_explained(home: HomeAssistant, bench: Bench) -> None:
    """Written and read back, but never loaded: it is taken back, and the words say what to add."""
    configuration = home.config / "configuration.yaml"
    included = configuration.read_text()
    configuration.write_text(included.replace("automation: !include automations.yaml", "automation: []"))
    suggestion = form("included")
    bench.patience = Patience(rests_s=(), entity_s=2.0)
    try:
        await home.reload_automations()
        await home.await_state("automation.pattern_seen", "unavailable")
        bench.approve(suggestion)
        await bench.settle()
        assert await kept(home, suggestion.automation_id) is None
        assert "automation: !include automations.yaml" in bench.suggestion(suggestion.id).reason
        assert bench.suggestion(suggestion.id).status is Status.PENDING
    finally:
        configuration.write_text(included)
        home.broker.forget_subscriptions()
        await home.reload_automations()
        await home.await_mqtt()
