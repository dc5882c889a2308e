"""Our reader and our deployer at a real Home Assistant."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sinks.home_assistant import HomeAssistantDeployer, HomeAssistantReader, Refused
from tests.homeassistant.configuration import AUTOMATIONS
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.processes import eventually
from tests.homeassistant.wire import DEVICES

pytestmark = [pytest.mark.homeassistant, pytest.mark.asyncio(loop_scope="session")]

OURS = "haai_0123456789abcdef"
CONFIG = {
    "alias": "Fan off when the hall is quiet",
    "description": "Written by a test.",
    "trigger": [{"platform": "state", "entity_id": ["binary_sensor.hall_motion"], "to": "off"}],
    "condition": [],
    "action": [{"service": "switch.turn_off", "target": {"entity_id": ["switch.fan"]}}],
    "mode": "single",
}
# What newer releases make of it.
MIGRATED = {
    "alias": CONFIG["alias"],
    "description": CONFIG["description"],
    "triggers": [{"platform": "state", "entity_id": ["binary_sensor.hall_motion"], "to": "off"}],
    "conditions": [],
    "actions": [{"action": "switch.turn_off", "target": {"entity_id": ["switch.fan"]}}],
    "mode": "single",
}
FLOWS = "config/config_entries/flow"
PERSON = {"name": "Ann", "device_trackers": []}


@pytest.fixture(scope="module")
def reader(home_assistant: HomeAssistant) -> HomeAssistantReader:
    """A reader with an ordinary user's token."""
    return HomeAssistantReader(home_assistant.url, home_assistant.reader.token)


@pytest_asyncio.fixture(loop_scope="session")
async def deployer(home_assistant: HomeAssistant) -> AsyncIterator[HomeAssistantDeployer]:
    """A deployer with an administrator's token; what it has deployed is gone at the end."""
    made = HomeAssistantDeployer(home_assistant.url, home_assistant.owner.token)
    yield made
    await made.delete(OURS)
    await eventually(lambda: is_gone(made), f"{OURS} is gone")


async def is_gone(deployer: HomeAssistantDeployer) -> bool:
    """Tell whether no automation of ours is loaded."""
    return await deployer.entity(OURS) is None


async def shown(home: HomeAssistant, notification_id: str) -> list[str]:
    """Return the messages of the notifications with that id."""
    known = await home.ask("persistent_notification/get")
    return [each["message"] for each in known if each["notification_id"] == notification_id]


async def test_the_release_is_the_one_that_runs(
    home_assistant: HomeAssistant, reader: HomeAssistantReader
) -> None:
    """Its numbers are those of the installed version."""
    year, month = home_assistant.version.split(".")
    assert await reader.version() == (int(year), int(month))


async def test_the_catalogue_is_what_stands_there(
    home_assistant: HomeAssistant, reader: HomeAssistantReader
) -> None:
    """Devices with area and class, services, and automations with configuration and what they touch."""
    devices = await home_assistant.ask("config/device_registry/list")
    (lamp,) = (row["id"] for row in devices if ["mqtt", "hall_lamp"] in row["identifiers"])
    async with home_assistant.area("Landing") as area:
        await home_assistant.ask("config/device_registry/update", device_id=lamp, area_id=area)
        known, rooms = await reader.catalogue(), await reader.rooms()
    assert DEVICES.keys() <= known.entities.keys()
    assert known.entities["light.hall_lamp"].area == rooms["light.hall_lamp"] == "Landing"
    assert known.entities["light.hall_lamp"].name == "Hall lamp"
    assert known.entities["binary_sensor.hall_motion"].device_class == "motion"
    assert {"light.turn_on", "switch.turn_off", "persistent_notification.create"} <= known.services
    automations = {each.automation_id: each for each in known.automations}
    assert automations.keys() == {each["id"] for each in AUTOMATIONS}
    on_motion = automations["hall_lamp_on_motion"]
    assert on_motion.enabled
    assert on_motion.config
    assert on_motion.config["alias"] == "Hall lamp on motion"
    assert {"binary_sensor.hall_motion", "light.hall_lamp"} <= on_motion.touches


async def test_an_action_on_an_area_names_what_stands_there(
    home_assistant: HomeAssistant, reader: HomeAssistantReader, deployer: HomeAssistantDeployer
) -> None:
    """Devices and areas in a configuration are told by the entities that they stand for."""
    entities = await home_assistant.ask("config/entity_registry/list")
    (fan,) = (row["id"] for row in entities if row["entity_id"] == "switch.fan")
    (device,) = (row["device_id"] for row in entities if row["entity_id"] == "switch.fan")
    trigger = {"platform": "device", "domain": "switch", "type": "turned_on", "device_id": device}
    lamp = "light.kitchen_lamp"
    async with home_assistant.area("Attic") as area:
        await home_assistant.ask("config/entity_registry/update", entity_id=lamp, area_id=area)
        action = {"service": "light.turn_on", "target": {"area_id": area}}
        await deployer.write(OURS, CONFIG | {"trigger": [{**trigger, "entity_id": fan}], "action": [action]})
        await eventually(lambda: deployer.entity(OURS), "the automation is loaded")
        (known,) = (each for each in (await reader.catalogue()).automations if each.automation_id == OURS)
    assert known.config
    (started,), (done,) = (
        known.config.get(f"{section}s", known.config.get(section)) for section in ("trigger", "action")
    )
    assert started["entity_id"] == "switch.fan"
    assert done["target"]["entity_id"] == ["light.kitchen_lamp"]
    assert "light.kitchen_lamp" in known.touches


async def test_a_relay_that_is_shown_as_a_lock_is_known_as_part_of_it(
    home_assistant: HomeAssistant, reader: HomeAssistantReader
) -> None:
    """It is hidden, and the lock that is made of it stands beside it; temperatures are in the home's unit."""
    started = await home_assistant.request("POST", FLOWS, {"handler": "switch_as_x"})
    wishes = {"entity_id": "switch.fan", "target_domain": "lock", "invert": False}
    made = await home_assistant.request("POST", f"{FLOWS}/{started.json()['flow_id']}", wishes)
    entry_id = made.raise_for_status().json()["result"]["entry_id"]
    try:
        await eventually(lambda: home_assistant.state("lock.fan"), "the lock is there")
        entities = (await reader.catalogue()).entities
        assert entities["switch.fan"].hidden
        assert "lock.fan" in entities["switch.fan"].companions
        assert not entities["light.hall_lamp"].hidden
        assert "lock.fan" not in entities["light.hall_lamp"].companions
        assert entities["sensor.hall_temperature"].unit == "°C"
    finally:
        await home_assistant.request("DELETE", f"config/config_entries/entry/{entry_id}")
    assert not (await reader.catalogue()).entities["switch.fan"].hidden


async def test_what_is_written_appears_runs_and_goes(
    home_assistant: HomeAssistant, deployer: HomeAssistantDeployer
) -> None:
    """Written, it has an entity that is on, reads back, and does its work; deleted, it is gone."""
    assert await deployer.read(OURS) is None
    await deployer.write(OURS, CONFIG)
    entity = await eventually(lambda: deployer.entity(OURS), "the automation is loaded")
    assert entity
    assert (entity["state"], entity["attributes"]["friendly_name"]) == ("on", CONFIG["alias"])
    kept = CONFIG if home_assistant.version == "2024.3" else MIGRATED
    assert await deployer.read(OURS) == {"id": OURS, **kept}
    await home_assistant.wire.report("binary_sensor.hall_motion", "on")
    await home_assistant.await_state("binary_sensor.hall_motion", "on")
    await home_assistant.call_service("switch.turn_on", "switch.fan")
    await home_assistant.await_state("switch.fan", "on")
    await home_assistant.wire.report("binary_sensor.hall_motion", "off")
    await home_assistant.await_state("switch.fan", "off")
    await home_assistant.wire.report("light.hall_lamp", "off")
    assert await deployer.delete(OURS)
    assert await deployer.read(OURS) is None
    await eventually(lambda: is_gone(deployer), "the automation is gone")


async def test_an_id_in_the_configuration_does_no_harm(deployer: HomeAssistantDeployer) -> None:
    """It is left out, so the automation is the one that was meant, and loaded."""
    await deployer.write(OURS, {"id": "another", **CONFIG})
    await eventually(lambda: deployer.entity(OURS), "the automation is loaded")
    assert await deployer.read("another") is None


async def test_deleting_nothing_is_told_from_refusal(deployer: HomeAssistantDeployer) -> None:
    """Nothing to delete is False; what Home Assistant does not take has a status."""
    assert not await deployer.delete("haai_nothing")
    with pytest.raises(Refused) as refused:
        await deployer.write(OURS, {"alias": "Nothing else"})
    assert refused.value.status == 400
    assert await deployer.read(OURS) is None


async def test_an_automation_in_a_file_that_cannot_be_written_is_refused(
    home_assistant: HomeAssistant, deployer: HomeAssistantDeployer
) -> None:
    """Where the file is none that Home Assistant can handle, it answers 500, and the file stays."""
    file = home_assistant.config / "automations.yaml"
    before = file.read_text()
    file.write_text("- alias: !secret name\n")
    try:
        for attempt in (deployer.write(OURS, CONFIG), deployer.read(OURS), deployer.delete(OURS)):
            with pytest.raises(Refused) as refused:
                await attempt
            assert refused.value.status == 500
    finally:
        file.write_text(before)


async def test_an_ordinary_token_deploys_nothing(
    home_assistant: HomeAssistant, deployer: HomeAssistantDeployer
) -> None:
    """It is refused what an administrator's may do, and it is told so."""
    ordinary = HomeAssistantDeployer(home_assistant.url, home_assistant.reader.token)
    for attempt in (ordinary.write(OURS, CONFIG), ordinary.read(OURS), ordinary.delete(OURS)):
        with pytest.raises(Refused) as refused:
            await attempt
        assert refused.value.status == 401
    assert await deployer.read(OURS) is None


async def test_a_token_that_is_none_is_refused(home_assistant: HomeAssistant) -> None:
    """Over both ways of asking."""
    stranger = HomeAssistantReader(home_assistant.url, "a-stranger's")
    for attempt in (stranger.configuration(), stranger.rooms()):
        with pytest.raises(Refused) as refused:
            await attempt
        assert refused.value.status == 401


async def test_states_and_entities_are_found(reader: HomeAssistantReader) -> None:
    """A state has its context, what MQTT discovery made its unique id; what is not there is None."""
    found = await reader.state("light.hall_lamp")
    assert found
    assert found["context"].keys() >= {"id", "parent_id", "user_id"}
    assert await reader.state("light.nowhere") is None
    assert await reader.entity_id_of("hall_lamp") == "light.hall_lamp"
    assert await reader.entity_id_of("nothing") is None


async def test_a_notification_is_shown_once_and_taken_away(
    home_assistant: HomeAssistant, reader: HomeAssistantReader
) -> None:
    """An ordinary user's token may show it; the same id replaces it."""
    for message in ("First", "Second"):
        await reader.notify("haai", "Something was found", message)
    assert await shown(home_assistant, "haai") == ["Second"]
    await reader.dismiss("haai")
    await reader.dismiss("haai")
    assert await shown(home_assistant, "haai") == []


async def test_a_user_is_named_by_their_person(
    home_assistant: HomeAssistant, reader: HomeAssistantReader
) -> None:
    """Who is a person in the home has a name; another user has none."""
    user_id = home_assistant.owner.user_id
    person = await home_assistant.ask("person/create", **PERSON, user_id=user_id)
    assert await reader.user_name(user_id) == "Ann"
    assert await reader.user_name("nobody") is None
    await home_assistant.ask("person/delete", person_id=person["id"])
