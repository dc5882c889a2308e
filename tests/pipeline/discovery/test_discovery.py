"""Both forms announce the same entities, each of them known as ours."""

import json
import re
from typing import Any

import pytest

from pipeline.discovery.discovery import Device, Discovery, Form
from pipeline.discovery.hub import hub_device
from pipeline.discovery.suggestion import suggestion_device
from pipeline.ingest.behaviour import is_own
from schemas.statuses import HubState
from schemas.suggestions import Status
from schemas.topics import Topics
from tests.fixtures.discovery import HOSTILE, suggestion

HOMES = ("", "villa", "Villa-2_B")
HOME_ASSISTANTS_TOPIC = re.compile(r"homeassistant/\w+/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config")
VALUE = re.compile(r"\{\{ value_json\.[a-z_]+( \| tojson)? \}\}")
AVAILABLE = "{{ 'offline' if value_json.state == 'offline' else 'online' }}"


def devices(home: str = "") -> list[tuple[Discovery, Device]]:
    """The hub, and suggestions in every state that is shown, hostile ones among them."""
    discovery, topics = Discovery("homeassistant", home), Topics(home)
    shown = [suggestion(place, status=status) for place, status in enumerate(Status)]
    shown += [suggestion(place + 10, title=text, description=text) for place, text in enumerate(HOSTILE)]
    return [
        (discovery, hub_device(discovery, topics)),
        *((discovery, suggestion_device(each, discovery, topics)) for each in shown),
    ]


def by_component(discovery: Discovery, device: Device) -> dict[str, dict[str, Any]]:
    """The single components by unique id, with their platform, without what they all say of the device."""
    found = {}
    for topic, payload in discovery.announce(device, Form.COMPONENTS).items():
        config = json.loads(payload)
        assert (config.pop("device"), config.pop("origin")["name"]) == (device.about, "ha-ai")
        found[config["unique_id"]] = {**config, "platform": topic.split("/")[1]}
    return found


def in_whole(discovery: Discovery, device: Device) -> dict[str, dict[str, Any]]:
    """The components of the device's one payload by unique id."""
    (payload,) = discovery.announce(device, Form.DEVICE).values()
    parsed = json.loads(payload)
    assert (parsed["device"], parsed["origin"]["name"]) == (device.about, "ha-ai")
    there = [each for each in parsed["components"].values() if each.keys() != {"platform"}]
    return {each["unique_id"]: each for each in there}


@pytest.mark.parametrize("home", HOMES)
def test_both_forms_say_the_same(home: str) -> None:
    """A device is the same one, whichever form its release understands."""
    for discovery, device in devices(home):
        assert by_component(discovery, device) == in_whole(discovery, device)
        assert len(by_component(discovery, device)) == len(device.components)


@pytest.mark.parametrize("home", HOMES)
def test_every_entity_is_known_as_ours(home: str) -> None:
    """By its id, which Home Assistant makes of either name, and by its unique id."""
    for discovery, device in devices(home):
        for unique_id, config in by_component(discovery, device).items():
            assert unique_id.startswith(("haai_", "ha_ai_"))
            assert is_own(f"{config['platform']}.{config['object_id']}")
            assert is_own(config["default_entity_id"])
            assert re.fullmatch(r"[a-z0-9_]+", config["object_id"])


def test_every_entity_has_ids_of_its_own() -> None:
    """No two entities of all devices, of several homes, share a unique id or an object id."""
    configs = [
        config
        for home in HOMES
        for discovery, device in devices(home)
        for config in by_component(discovery, device).values()
        if home == "" or device.name == "hub"
    ]
    assert len({config["unique_id"] for config in configs}) == len(configs) > 50
    assert len({config["default_entity_id"] for config in configs}) == len(configs)


@pytest.mark.parametrize("home", HOMES)
def test_topics_are_such_as_home_assistant_takes(home: str) -> None:
    """And below the one filter by which we read them back."""
    for discovery, device in devices(home):
        for form in Form:
            for topic in discovery.announce(device, form):
                assert HOME_ASSISTANTS_TOPIC.fullmatch(topic)
                assert discovery.form_of(topic) is form
                assert topic.split("/")[2] == discovery.node == discovery.topic_filter.split("/")[2]


def test_topics_of_others_are_not_ours() -> None:
    """Another home's, another program's, and what merely begins like ours."""
    discovery = Discovery("homeassistant")
    for topic in (
        "homeassistant/button/haai_villa/x/config",
        "homeassistant/button/haaix/x/config",
        "homeassistant/light/hall/config",
        "homeassistant/status",
        "ha-ai/status/hub",
        "other/button/haai/x/config",
    ):
        assert discovery.form_of(topic) is None


def test_commands_are_acknowledged_and_availability_is_the_services() -> None:
    """QoS 1 everywhere; all but the input's own state is unavailable without the service."""
    for discovery, device in devices():
        for unique_id, config in by_component(discovery, device).items():
            assert config["qos"] == 1
            watched = config.get("availability")
            if unique_id == "haai_input":
                assert watched is None
            else:
                assert watched == [{"topic": "ha-ai/status/service", "value_template": AVAILABLE}]


def test_templates_are_fixed() -> None:
    """No template holds anything that a suggestion says, whatever it says."""
    for discovery, device in devices():
        for config in by_component(discovery, device).values():
            for name, value in config.items():
                if name.endswith("template"):
                    assert VALUE.fullmatch(value)


def test_the_hub_shows_every_field_of_its_state() -> None:
    """What is published is looked at."""
    discovery, hub = devices()[0]
    shown = {config.get("value_template") for config in by_component(discovery, hub).values()}
    fields = HubState.model_fields.keys() - {"schema_version"}
    assert {f"{{{{ value_json.{field} }}}}" for field in fields} <= shown


def test_single_components_up_to_2024_10() -> None:
    """Releases are compared as numbers: 2024.9 is before 2024.11."""
    forms = {version: Form.of(version).value for version in ((2023, 12), (2024, 9), (2024, 10), (2025, 1))}
    assert list(forms.values()) == ["components"] * 3 + ["device"]
