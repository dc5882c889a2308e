"""What a person sees of ha-ai in Home Assistant's own pages, and what comes of it when they press there."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiomqtt
import pytest
import pytest_asyncio

from pipeline.wording.plain_text import line
from schemas.commands import Press
from schemas.events import StateChange
from schemas.suggestions import Status, Suggestion
from tests.fixtures.discovery import HOSTILE, YAML, suggestion
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.processes import eventually
from tests.homeassistant.showcase import PATIENCE_S, TOPICS, Showcase
from tests.homeassistant.traces import Traces

pytestmark = [pytest.mark.homeassistant, pytest.mark.asyncio(loop_scope="session")]

HUB = {
    "sensor.ha_ai_patterns": "0",
    "sensor.ha_ai_pending": "0",
    "sensor.ha_ai_deployed": "0",
    "sensor.ha_ai_input": "online",
    "switch.ha_ai_learning": "on",
    "number.ha_ai_minimum_confidence": "0.75",
}


def named(shown: Suggestion, domain: str = "sensor", verb: str = "") -> str:
    """The entity of a suggestion, or its button."""
    identity = f"{domain}.ha_ai_{shown.id}_{shown.content_hash[:8]}"
    return f"{identity}_{verb}" if verb else identity


def button(shown: Suggestion, verb: str) -> str:
    """The entity of a button."""
    return named(shown, "button", verb)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def showcase(
    home_assistant: HomeAssistant, traces: Traces, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Showcase]:
    """The product from before the first test to after the last."""
    async with traces.none_left():
        made = Showcase(home_assistant, tmp_path_factory.mktemp("showing"))
        await made.start()
        yield made
        await made.remove()


@pytest.fixture
def number() -> int:
    """The number of a suggestion of the test's own."""
    return next(NUMBERS)


def _numbers() -> Iterator[int]:
    yield from range(1, 10_000)


NUMBERS = _numbers()


@asynccontextmanager
async def pressed(home: HomeAssistant) -> AsyncIterator[list[bytes]]:
    """What is published where buttons publish."""
    received: list[bytes] = []

    async def listen(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            assert not message.retain
            received.append(message.payload)

    async with aiomqtt.Client("127.0.0.1", home.broker.port) as client:
        await client.subscribe(TOPICS.press, qos=1)
        task = asyncio.create_task(listen(client))
        yield received
        task.cancel()


async def press(home: HomeAssistant, entity_id: str) -> Press:
    """Press a button as the owner does; return what it published."""
    async with pressed(home) as received:
        await home.call_service("button.press", entity_id)

        async def is_received() -> bool:
            return bool(received)

        await eventually(is_received, f"the press of {entity_id} is published")
        return Press.model_validate_json(received[0])


async def test_the_hub_stands_in_home_assistant(showcase: Showcase) -> None:
    """One device with counts, the input's state, the switch and the number, under ids known as ours."""
    for entity_id, state in HUB.items():
        await showcase.home.await_state(entity_id, state)
    await showcase.await_known("sensor.ha_ai_gaps")
    hub = (await showcase.devices())["haai"]
    assert (hub["name"], hub["manufacturer"]) == ("ha-ai", "ha-ai")
    entities = await showcase.home.ask("config/entity_registry/list")
    ours = [each["entity_id"] for each in entities if each["device_id"] == hub["id"]]
    assert set(ours) == {*HUB, "sensor.ha_ai_gaps"}
    confidence = await showcase.await_known("number.ha_ai_minimum_confidence")
    assert [confidence["attributes"][name] for name in ("min", "max", "step")] == [0, 1, 0.05]


async def test_a_suggestion_is_a_device_with_words_proof_and_buttons(showcase: Showcase, number: int) -> None:
    """Below the hub; and a notification points there."""
    shown = suggestion(number)
    await showcase.add(shown)
    sensor = await showcase.home.await_state(named(shown), shown.title, PATIENCE_S)
    said = sensor["attributes"]
    assert "27 times in the last 30 days: 25 as you did it yourself" in said["proof"]
    assert (said["yaml"], said["would_have_run"], said["wanted_dates"][0]) == (YAML, 27, "2026-10-25")
    for verb, name in (("approve", "Approve"), ("not_now", "Not now"), ("reject", "Reject")):
        found = await showcase.await_known(button(shown, verb))
        assert found["attributes"]["friendly_name"] == f"{shown.title} {name}"
    devices = await showcase.devices()
    device = devices[f"haai_{shown.id}"]
    assert (device["name"], device["via_device_id"]) == (shown.title, devices["haai"]["id"])
    await showcase.await_notification("1 suggestion for an automation waits for you.")
    await showcase.home.await_state("sensor.ha_ai_pending", "1")
    await showcase.change(shown.id, status=Status.REJECTED)
    await showcase.await_notification("")


@pytest.mark.parametrize("verb", ["approve", "not_now", "reject"])
async def test_a_press_says_what_was_pressed(showcase: Showcase, number: int, verb: str) -> None:
    """On the broker the exact content, in Home Assistant who it was."""
    shown = suggestion(number)
    await showcase.add(shown)
    await showcase.await_known(button(shown, verb))
    said = await press(showcase.home, button(shown, verb))
    assert said == Press.model_validate(
        {"suggestion_id": shown.id, "verb": verb, "content_hash": shown.content_hash}
    )
    state = await showcase.home.state(button(shown, verb))
    assert state
    assert state["context"]["user_id"] == showcase.home.owner.user_id
    await showcase.change(shown.id, status=Status.REJECTED)
    await showcase.await_gone(shown.id)


async def test_once_deployed_it_can_be_undone_and_then_it_is_gone(showcase: Showcase, number: int) -> None:
    """The other buttons leave; when it is settled, device and entities leave too."""
    shown = suggestion(number)
    await showcase.add(shown)
    await showcase.await_known(button(shown, "approve"))
    await showcase.change(shown.id, status=Status.DEPLOYED, ha_entity_id="automation.lamp")
    await showcase.await_known(button(shown, "undo"))
    await showcase.await_gone("_approve")
    assert await showcase.entity_ids(shown.id) == [button(shown, "undo"), named(shown)]
    await showcase.home.await_state("sensor.ha_ai_deployed", "1")
    assert (await press(showcase.home, button(shown, "undo"))).verb.value == "undo"
    await showcase.change(shown.id, status=Status.RETIRED)
    await showcase.await_gone(shown.id)
    assert f"haai_{shown.id}" not in await showcase.devices()
    entities = await showcase.home.ask("config/entity_registry/list")
    assert not [each["entity_id"] for each in entities if shown.id in each["entity_id"]]


async def test_a_changed_suggestion_keeps_its_device_and_has_other_buttons(
    showcase: Showcase, number: int
) -> None:
    """What was shown before cannot be pressed any more."""
    before = suggestion(number)
    await showcase.add(before)
    await showcase.await_known(button(before, "approve"))
    device = (await showcase.devices())[f"haai_{before.id}"]
    now = await showcase.change(before.id, title="Turn on hall lamp at 07:15", version=2)
    await showcase.home.await_state(named(now), now.title, PATIENCE_S)
    await showcase.await_gone(before.content_hash[:8])
    kept = (await showcase.devices())[f"haai_{before.id}"]
    assert (kept["id"], kept["name"]) == (device["id"], now.title)
    assert (await press(showcase.home, button(now, "approve"))).content_hash == now.content_hash
    await showcase.change(now.id, status=Status.REJECTED)
    await showcase.await_gone(now.id)


async def test_hostile_names_are_text(showcase: Showcase) -> None:
    """No template in them is rendered, nothing is too long, and every button is there."""
    shown = [suggestion(next(NUMBERS), title=text, description=text) for text in HOSTILE]
    for each in shown:
        await showcase.add(each)
    for each in shown:
        await showcase.home.await_state(named(each), line(each.title, 255) or each.id)
        await showcase.await_known(button(each, "reject"))
    for each in shown:
        await showcase.change(each.id, status=Status.REJECTED)
    for each in shown:
        await showcase.await_gone(each.id)


async def test_the_learning_switch_pauses_learning(showcase: Showcase) -> None:
    """Within seconds; what happens meanwhile is a gap."""
    home = showcase.home
    for service, state in (("switch.turn_off", "off"), ("switch.turn_on", "on")):
        await home.call_service(service, "switch.ha_ai_learning")
        await home.await_state("switch.ha_ai_learning", state, timeout_s=5)
        assert showcase.store.suggestions.control("learning") is (state == "on")
        for lamp in ("light.turn_on", "light.turn_off"):
            await home.call_service(lamp, "light.hall_lamp")
            await home.await_state("light.hall_lamp", lamp.rpartition("_")[2])

    async def is_learned() -> list[str]:
        return [
            entry.new
            for _, entry in showcase.store.journal_after()
            if isinstance(entry, StateChange) and entry.entity_id == "light.hall_lamp"
        ][1:]

    assert await eventually(is_learned, "the lamp is in the journal") == ["off"]
    assert [gap.reason for gap in showcase.store.gaps()].count("paused") == 1


async def test_the_minimum_confidence_is_set(showcase: Showcase) -> None:
    """As a number, and shown as it was kept."""
    home = showcase.home
    await home.call_service("number.set_value", "number.ha_ai_minimum_confidence", value=0.9)
    await home.await_state("number.ha_ai_minimum_confidence", "0.9")
    assert showcase.store.suggestions.control("minimum_confidence") == 0.9


async def test_everything_is_there_again_after_restarts(showcase: Showcase, number: int) -> None:
    """Of Home Assistant, which forgets its notifications, and of the broker; nothing is there twice."""
    shown = suggestion(number)
    await showcase.add(shown)
    await showcase.await_known(button(shown, "approve"))
    before = await showcase.entity_ids("ha_ai_")
    await showcase.home.restart()
    await showcase.await_known(button(shown, "approve"))
    await showcase.await_notification("1 suggestion")
    await showcase.home.restart_broker()
    for entity_id in before:
        await showcase.await_known(entity_id)
    assert await showcase.entity_ids("ha_ai_") == before
    assert (await press(showcase.home, button(shown, "approve"))).suggestion_id == shown.id
    await showcase.change(shown.id, status=Status.REJECTED)
    await showcase.await_gone(shown.id)


async def test_without_the_product_nothing_can_be_pressed(showcase: Showcase, number: int) -> None:
    """All is unavailable but what says so; what is settled meanwhile leaves when it is back."""
    shown = suggestion(number)
    await showcase.add(shown)
    await showcase.await_known(button(shown, "approve"))
    await showcase.stop()
    await showcase.home.await_state("sensor.ha_ai_input", "offline")
    for entity_id in (button(shown, "approve"), named(shown), "switch.ha_ai_learning"):
        await showcase.home.await_state(entity_id, "unavailable")
    await showcase.change(shown.id, status=Status.REJECTED)
    await showcase.start()
    await showcase.await_gone(shown.id)


async def test_another_form_shows_the_same_entities(showcase: Showcase, number: int) -> None:
    """As when Home Assistant was upgraded: before it could be asked, it had single components."""
    shown = suggestion(number)
    await showcase.add(shown)
    await showcase.await_known(button(shown, "approve"))
    before = await showcase.entity_ids("ha_ai_")
    await showcase.stop()
    await showcase.start(without=["HA_AI_HOME_ASSISTANT_TOKEN"])
    await _await_form(showcase.home, "sensor")
    for entity_id in before:
        await showcase.await_known(entity_id)
    await showcase.stop()
    await showcase.start()
    await _await_form(showcase.home, "sensor" if showcase.home.version == "2024.3" else "device")
    for entity_id in before:
        await showcase.await_known(entity_id)
    assert await showcase.entity_ids("ha_ai_") == before
    assert (await press(showcase.home, button(shown, "reject"))).suggestion_id == shown.id
    await showcase.change(shown.id, status=Status.REJECTED)
    await showcase.await_gone(shown.id)


async def _await_form(home: HomeAssistant, platform: str) -> None:
    """Return when what is retained announces the hub in this form and no other."""

    async def is_so() -> bool:
        announced: dict[str, bytes] = {}
        async with aiomqtt.Client("127.0.0.1", home.broker.port) as client:
            await client.subscribe("homeassistant/+/haai/+/config", qos=1)
            await client.publish("homeassistant/end/haai/end/config", "{}", qos=1)
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                if message.topic.value.startswith("homeassistant/end/"):
                    break
                announced[message.topic.value] = message.payload
        is_whole = {topic.split("/")[1] == "device" for topic, payload in announced.items() if payload}
        return is_whole == {platform == "device"}

    await eventually(is_so, f"the form is {platform}", PATIENCE_S)


async def test_what_is_ours_is_nobodys_behaviour(showcase: Showcase) -> None:
    """Of all that our entities did in these tests nothing is in the journal, and nobody complained."""
    await showcase.home.call_service("light.toggle", "light.kitchen_lamp")

    async def seen_in_journal() -> set[str] | None:
        entries = [entry for _, entry in showcase.store.journal_after()]
        seen = {entry.entity_id for entry in entries if isinstance(entry, StateChange)}
        return seen if "light.kitchen_lamp" in seen else None

    seen = await eventually(seen_in_journal, "what is somebody's behaviour is in the journal") or set()
    assert not [entity_id for entity_id in seen if "ha_ai" in entity_id or "haai" in entity_id]
    assert showcase.complaints() == []
    await showcase.home.call_service("light.toggle", "light.kitchen_lamp")
    await showcase.home.await_state("light.kitchen_lamp", "off")
