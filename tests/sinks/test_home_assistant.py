"""Home Assistant's API, where it answers and where it fails."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from traceback import format_exception

import pytest
import pytest_asyncio

from schemas.discovered import DiscoveredEntity
from sinks.home_assistant import (
    HomeAssistantDeployer,
    HomeAssistantError,
    HomeAssistantReader,
    Refused,
    Unreachable,
)
from tests.sinks.fake_home_assistant import ADMINISTRATOR_ID, READER_ID, Failure, FakeHomeAssistant, migrated

CONFIG = {
    "alias": "Hall lamp on motion",
    "trigger": [{"platform": "state", "entity_id": "binary_sensor.hall", "to": "on"}],
    "condition": [],
    "action": [{"service": "light.turn_on", "target": {"entity_id": "light.hall"}}],
}
OURS = "haai_1"
PATIENT_S, IMPATIENT_S = 5.0, 0.1
CANARY = "canary"

NO_ANSWER = (
    Failure.SILENT_BEFORE,
    Failure.SILENT_AFTER,
    Failure.CUT_BEFORE,
    Failure.CUT_AFTER,
    Failure.BAD_GATEWAY,
)
AN_ANSWER = {
    Failure.BAD_REQUEST: 400,
    Failure.UNAUTHORIZED: 401,
    Failure.NOT_FOUND: 404,
    Failure.SERVER_ERROR: 500,
    Failure.SERVER_ERROR_AFTER: 500,
}

Step = Callable[[HomeAssistantReader, HomeAssistantDeployer], Awaitable[object]]
STEPS: dict[str, Step] = {
    "configuration": lambda reader, _: reader.configuration(),
    "states": lambda _, deployer: deployer.entity(OURS),
    "state": lambda reader, _: reader.state("light.hall"),
    "services": lambda reader, _: reader.catalogue(),
    "call": lambda reader, _: reader.notify("one", "Title", "Text"),
    "read": lambda _, deployer: deployer.read(OURS),
    "write": lambda _, deployer: deployer.write(OURS, CONFIG),
    "delete": lambda _, deployer: deployer.delete(OURS),
}
# What says by itself that nothing is there.
ABSENT = {("state", Failure.NOT_FOUND), ("read", Failure.NOT_FOUND)}


@pytest_asyncio.fixture(params=["2024.3.3", "2025.4.4", "2026.11.0"])
async def home(request: pytest.FixtureRequest) -> AsyncIterator[FakeHomeAssistant]:
    """A small home with one automation, in every release that we know."""
    async with FakeHomeAssistant(request.param) as fake:
        furnish(fake)
        yield fake


@pytest_asyncio.fixture
async def failing() -> AsyncIterator[FakeHomeAssistant]:
    """A small home of one release, to fail in."""
    async with FakeHomeAssistant() as fake:
        furnish(fake)
        yield fake


def furnish(home: FakeHomeAssistant) -> None:
    """Put things into a home; the last device is one of those that have no fields."""
    home.devices += [{"id": "d1", "area_id": "hall"}, {"id": "d2", "parent_device_id": "d1"}]
    home.add_entity("light.hall", "off", area="Hall", friendly_name="Ceiling")
    home.add_entity("binary_sensor.hall", "off", device_id="d1", device_class="motion")
    home.add_entity("switch.pump", "off", device_id="d2", unique_id="pump", platform="other")
    home.add_entity("button.approve", "unknown", unique_id="haai_1_approve")
    home.add_entity("person.ann", "home", platform="person", user_id=READER_ID, friendly_name="Ann")
    home.add_automation("theirs", CONFIG)


def reader(home: FakeHomeAssistant, timeout_s: float = PATIENT_S) -> HomeAssistantReader:
    """Return a reader as it runs everywhere: with an ordinary user's token."""
    return HomeAssistantReader(home.url, home.reader_token, timeout_s=timeout_s)


def deployer(home: FakeHomeAssistant, timeout_s: float = PATIENT_S) -> HomeAssistantDeployer:
    """Return a deployer with an administrator's token."""
    return HomeAssistantDeployer(home.url, home.admin_token, timeout_s=timeout_s)


class TestReading:
    """What an ordinary user's token lets see."""

    async def test_the_catalogue_knows_what_can_be_acted_on(self, home: FakeHomeAssistant) -> None:
        """Entities come with area, class, name and attributes; services by their full names."""
        found = await reader(home).catalogue()
        assert found.entities.keys() == home.states.keys()
        assert (found.entities["light.hall"].name, found.entities["light.hall"].area) == ("Ceiling", "Hall")
        motion = found.entities["binary_sensor.hall"]
        assert (motion.device_class, motion.area, motion.attributes["device_class"]) == (
            "motion",
            "Hall",
            "motion",
        )
        assert {"light.turn_on", "automation.reload"} <= found.services

    async def test_the_catalogue_knows_every_automation(self, home: FakeHomeAssistant) -> None:
        """Each has its own id, its state, and what it touches; its configuration where it may be read."""
        home.add_automation("off", {**CONFIG, "alias": "Off"}, enabled=False)
        on, off = sorted((await reader(home).catalogue()).automations, key=lambda each: not each.enabled)
        assert (on.automation_id, on.entity_id, on.name, on.enabled) == (
            "theirs",
            "automation.hall_lamp_on_motion",
            "Hall lamp on motion",
            True,
        )
        assert not off.enabled
        assert on.touches == {"binary_sensor.hall", "light.hall"}
        if home.numbers >= (2026, 11):
            assert on.config is None
        else:
            assert on.config
            assert on.config["trigger"] == CONFIG["trigger"]

    async def test_what_an_automation_reaches_by_area_is_named(self, failing: FakeHomeAssistant) -> None:
        """An action on an area is on what stands there; a device's trigger names its entity."""
        failing.entities[0]["id"] = "e1"
        trigger = {"platform": "device", "domain": "light", "type": "turned_on", "entity_id": "e1"}
        action = {"service": "switch.turn_off", "target": {"area_id": "hall", "entity_id": "switch.pump"}}
        failing.add_automation("area", {"alias": "Area", "trigger": trigger, "action": action})
        found = (await reader(failing).catalogue()).automations
        (config,) = (each.config for each in found if each.automation_id == "area")
        assert config
        assert config["trigger"]["entity_id"] == "light.hall"
        assert config["action"]["target"]["entity_id"] == ["switch.pump", "binary_sensor.hall", "light.hall"]

    async def test_an_automation_that_vanishes_meanwhile_is_no_failure(
        self, failing: FakeHomeAssistant
    ) -> None:
        """Where neither its configuration nor what it touches can be asked, it is known by its state."""
        failing.fail("automation/config", Failure.NOT_FOUND)
        failing.fail("search/related", Failure.NOT_FOUND)
        (found,) = (await reader(failing).catalogue()).automations
        assert (found.automation_id, found.config, found.touches) == ("theirs", None, frozenset())

    async def test_hundreds_of_automations_are_each_asked_for(self, failing: FakeHomeAssistant) -> None:
        """More than are asked at once come each with its own configuration."""
        for number in range(250):
            failing.add_automation(f"n{number}", {**CONFIG, "alias": f"Number {number}"})
        found = (await reader(failing).catalogue()).automations
        assert len(found) == 251
        assert all(each.config and each.config["alias"] == each.name for each in found)

    async def test_releases_compare_as_numbers(self, home: FakeHomeAssistant) -> None:
        """2024.3 is later than 2023.12, whatever their texts say."""
        assert await reader(home).version() >= (2024, 3) > (2023, 12)

    async def test_an_unknown_entity_has_no_state(self, home: FakeHomeAssistant) -> None:
        """Absent is None; present is the whole state object, with its context."""
        home.press("button.approve", ADMINISTRATOR_ID)
        found = await reader(home).state("button.approve")
        assert found
        assert found["context"]["user_id"] == ADMINISTRATOR_ID
        assert await reader(home).state("button.nothing") is None

    async def test_an_entity_is_found_by_the_id_that_we_gave_it(self, home: FakeHomeAssistant) -> None:
        """Only MQTT's entities count: other integrations may use any id."""
        assert await reader(home).entity_id_of("haai_1_approve") == "button.approve"
        assert await reader(home).entity_id_of("pump") is None

    async def test_what_discovery_made_is_told_with_its_device(self, home: FakeHomeAssistant) -> None:
        """By the names that were announced; one unique id may be given once in every domain."""
        home.devices += [
            {
                "id": "d3",
                "identifiers": [["mqtt", "haai_1"], ["other", "x"], []],
                "name": "Lamp",
                "name_by_user": "Mine",
            }
        ]
        home.add_entity("scene.night", unique_id="haai_1_approve", device_id="d3", name="Night")
        home.add_entity("light.other", unique_id="haai_1_approve", platform="other")
        assert await reader(home).discovered("haai_1_approve", "nothing") == [
            DiscoveredEntity("button.approve", "haai_1_approve"),
            DiscoveredEntity("scene.night", "haai_1_approve", "Night", "Lamp", frozenset({"haai_1"})),
        ]

    async def test_a_notification_replaces_its_predecessor_until_it_is_taken_away(
        self, home: FakeHomeAssistant
    ) -> None:
        """One id is one notification."""
        await reader(home).notify("one", "Title", "First")
        await reader(home).notify("one", "Title", "Second")
        assert [each["message"] for each in home.notifications.values()] == ["Second"]
        await reader(home).dismiss("one")
        await reader(home).dismiss("one")
        assert home.notifications == {}

    async def test_a_user_is_named_by_their_person(self, home: FakeHomeAssistant) -> None:
        """Who is no person in the home has no name."""
        assert await reader(home).user_name(READER_ID) == "Ann"
        assert await reader(home).user_name(ADMINISTRATOR_ID) is None


class TestDeploying:
    """What an administrator's token lets change."""

    async def test_what_is_written_appears_and_goes(self, home: FakeHomeAssistant) -> None:
        """Written, it is read back and has an entity; deleted, neither."""
        await deployer(home).write(OURS, CONFIG)
        kept = migrated(CONFIG) if home.numbers >= (2024, 10) else CONFIG
        assert await deployer(home).read(OURS) == {"id": OURS, **kept}
        entity = await deployer(home).entity(OURS)
        assert entity
        assert (entity["state"], entity["attributes"]["id"]) == ("on", OURS)
        assert await deployer(home).delete(OURS)
        assert await deployer(home).read(OURS) is None
        assert await deployer(home).entity(OURS) is None

    async def test_an_id_in_the_configuration_is_left_out(self, failing: FakeHomeAssistant) -> None:
        """It would win over the one in the address."""
        await deployer(failing).write(OURS, {"id": "another", **CONFIG})
        assert failing.automations.keys() == {"theirs", OURS}
        assert "id" not in failing.requests[-1].body

    async def test_an_id_stays_within_its_place_in_the_address(self, failing: FakeHomeAssistant) -> None:
        """Slashes and dots lead nowhere else."""
        assert await deployer(failing).read("../../automation/config/theirs") is None

    async def test_deleting_what_is_not_there_is_told(self, home: FakeHomeAssistant) -> None:
        """Nothing to delete is False, though Home Assistant calls it a bad request."""
        assert not await deployer(home).delete(OURS)

    async def test_another_bad_request_is_not_taken_for_absence(self, failing: FakeHomeAssistant) -> None:
        """What is still there was not deleted."""
        failing.fail("delete", Failure.BAD_REQUEST)
        with pytest.raises(Refused) as refused:
            await deployer(failing).delete("theirs")
        assert refused.value.status == 400
        assert "theirs" in failing.automations

    async def test_an_entity_may_come_later_or_never(self) -> None:
        """That a configuration was taken says nothing of whether it was loaded."""
        async with FakeHomeAssistant(loads_after=2) as home:
            await deployer(home).write(OURS, CONFIG)
            seen = [bool(await deployer(home).entity(OURS)) for _ in range(3)]
            assert seen == [False, True, True]
            home.fail("write", Failure.UNLOADED)
            await deployer(home).write("haai_2", CONFIG)
            assert await deployer(home).read("haai_2")
            assert not any([await deployer(home).entity("haai_2") for _ in range(5)])

    @pytest.mark.parametrize("step", ["read", "write", "delete"])
    async def test_an_ordinary_token_is_refused(self, home: FakeHomeAssistant, step: str) -> None:
        """Only administrators see and change what automations are made of."""
        ordinary = HomeAssistantDeployer(home.url, home.reader_token, timeout_s=PATIENT_S)
        with pytest.raises(Refused) as refused:
            await STEPS[step](reader(home), ordinary)
        assert refused.value.status == 401
        assert home.automations.keys() == {"theirs"}


class TestFailing:
    """Every step, going wrong in every way."""

    @pytest.mark.parametrize("failure", NO_ANSWER)
    @pytest.mark.parametrize("step", STEPS)
    async def test_without_an_answer_it_is_unknown(
        self, failing: FakeHomeAssistant, step: str, failure: Failure
    ) -> None:
        """Time-outs, cuts and a proxy's complaint are told from refusals, whether or not it was done."""
        failing.fail(step, failure)
        with pytest.raises(Unreachable):
            await STEPS[step](reader(failing, IMPATIENT_S), deployer(failing, IMPATIENT_S))

    @pytest.mark.parametrize("failure", AN_ANSWER)
    @pytest.mark.parametrize("step", STEPS)
    async def test_a_refusal_bears_its_status(
        self, failing: FakeHomeAssistant, step: str, failure: Failure
    ) -> None:
        """Home Assistant's own status is told, be its words JSON or text."""
        failing.add_automation(OURS, CONFIG)
        failing.fail(step, failure)
        if (step, failure) in ABSENT:
            assert await STEPS[step](reader(failing), deployer(failing)) is None
            return
        with pytest.raises(Refused) as refused:
            await STEPS[step](reader(failing), deployer(failing))
        assert refused.value.status == AN_ANSWER[failure]

    @pytest.mark.parametrize("step", sorted(STEPS.keys() - {"call", "write", "delete"}))
    async def test_what_is_no_json_is_no_answer_to_rely_on(
        self, failing: FakeHomeAssistant, step: str
    ) -> None:
        """A login page in the place of an answer is said to be one."""
        failing.fail(step, Failure.NO_JSON)
        with pytest.raises(HomeAssistantError, match="expected JSON"):
            await STEPS[step](reader(failing), deployer(failing))

    async def test_a_deed_before_the_cut_is_done(self, failing: FakeHomeAssistant) -> None:
        """Unknown means unknown: it may have happened."""
        failing.fail("write", Failure.CUT_BEFORE, Failure.CUT_AFTER)
        for is_done in (False, True):
            with pytest.raises(Unreachable):
                await deployer(failing).write(OURS, CONFIG)
            assert (OURS in failing.automations) is is_done

    @pytest.mark.parametrize(
        "command",
        ["websocket", "config/entity_registry/list", "automation/config", "search/related"],
    )
    @pytest.mark.parametrize("failure", [Failure.SILENT_BEFORE, Failure.CUT_BEFORE])
    async def test_a_conversation_that_breaks_off_is_unreachable(
        self, failing: FakeHomeAssistant, command: str, failure: Failure
    ) -> None:
        """Before, in the middle, or at the end."""
        failing.fail(command, failure)
        with pytest.raises(Unreachable):
            await reader(failing, IMPATIENT_S).catalogue()

    async def test_a_registry_that_is_refused_is_told(self, failing: FakeHomeAssistant) -> None:
        """Unlike an automation, it is not done without."""
        failing.fail("config/entity_registry/list", Failure.UNAUTHORIZED)
        with pytest.raises(Refused) as refused:
            await reader(failing).rooms()
        assert refused.value.status == 401

    async def test_away_and_back(self, failing: FakeHomeAssistant) -> None:
        """Nothing is kept open that a restart of Home Assistant would break."""
        asking = reader(failing)
        await failing.stop()
        for step in (asking.configuration, asking.rooms):
            with pytest.raises(Unreachable):
                await step()
        await failing.start()
        assert await asking.rooms()

    @pytest.mark.parametrize("address", ["homeassistant:8123", "http://home:port", "ftp://127.0.0.1", ""])
    async def test_an_address_that_is_none_is_said_to_be_one(self, address: str) -> None:
        """It is no absence that might end."""
        for step in (
            HomeAssistantReader(address, "x").configuration,
            HomeAssistantReader(address, "x").rooms,
        ):
            with pytest.raises(HomeAssistantError):
                await step()


@pytest.mark.parametrize("token", ["canary\n", "can ary", "canary\nHost: x", "canäry", "", CANARY])
async def test_a_token_is_never_said(
    failing: FakeHomeAssistant, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused, malformed, or logged in detail: the token is nowhere, in errors and in logs."""
    caplog.set_level(logging.DEBUG)
    asking = HomeAssistantReader(failing.url, token, timeout_s=PATIENT_S)
    said = [repr(asking), repr(vars(asking))]
    for step in (asking.configuration, asking.rooms):
        with pytest.raises(HomeAssistantError) as error:
            await step()
        said += format_exception(error.value)
    # The fake's own side of the conversation is not ours.
    logged = [record.getMessage() for record in caplog.records if record.name != "websockets.server"]
    assert logged or token != CANARY
    assert not [text for text in said + logged if CANARY in text or "canäry" in text]
