"""The device that stands for ha-ai itself: what it knows, how it is, and what a person may set."""

from typing import Any

from pipeline.discovery.discovery import Component, Device, Discovery, availability, entity
from schemas.topics import Topics

NAME = "hub"
CONFIG = {"entity_category": "config"}
DIAGNOSTIC = {"entity_category": "diagnostic"}
# Key, name, field of `HubState`, and what else it is.
COUNTS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("patterns", "Patterns", "patterns", {"icon": "mdi:chart-bell-curve"}),
    ("pending", "Suggestions waiting", "pending", {"icon": "mdi:lightbulb-question-outline"}),
    ("deployed", "Automations running", "deployed", {"icon": "mdi:robot"}),
    ("gaps", "Gaps in the last 7 days", "gaps", {"icon": "mdi:eye-off-outline", **DIAGNOSTIC}),
)


def hub_device(discovery: Discovery, topics: Topics) -> Device:
    """The hub with its entities, which show what is retained on `Topics.hub` and `Topics.service`."""
    node = discovery.node
    about = {"identifiers": [node], "name": "ha-ai", "manufacturer": "ha-ai", "model": "Habits"}
    if discovery.home:
        about["name"] = f"ha-ai {discovery.home}"
    counts = tuple(
        Component("sensor", key, {**_named(discovery, "sensor", key, name), **_count(topics, field), **more})
        for key, name, field, more in COUNTS
    )
    return Device(NAME, about, (*counts, _input(discovery, topics), *_controls(discovery, topics)))


def _named(discovery: Discovery, platform: str, key: str, name: str) -> dict[str, Any]:
    home = f"{discovery.home}_".lower().replace("-", "_") if discovery.home else ""
    return entity(platform, f"ha_ai_{home}{key}", f"{discovery.node}_{key}", name)


def _count(topics: Topics, field: str) -> dict[str, Any]:
    return {**_from_hub(topics, field), "state_class": "measurement"}


def _from_hub(topics: Topics, field: str) -> dict[str, Any]:
    return {
        **availability(topics),
        "state_topic": topics.hub,
        "value_template": f"{{{{ value_json.{field} }}}}",
    }


def _input(discovery: Discovery, topics: Topics) -> Component:
    """Return the service's component; always available, since it tells of its own absence."""
    return Component(
        "sensor",
        "input",
        {
            **_named(discovery, "sensor", "input", "Input"),
            **DIAGNOSTIC,
            "device_class": "enum",
            "options": ["online", "degraded", "offline"],
            "state_topic": topics.service,
            "value_template": "{{ value_json.state }}",
        },
    )


def _controls(discovery: Discovery, topics: Topics) -> tuple[Component, Component]:
    learning = {
        **_named(discovery, "switch", "learning", "Learning"),
        **_from_hub(topics, "learning"),
        "icon": "mdi:school-outline",
        "command_topic": topics.learning_set,
    }
    confidence = {
        **_named(discovery, "number", "minimum_confidence", "Minimum confidence"),
        **_from_hub(topics, "minimum_confidence"),
        **CONFIG,
        "icon": "mdi:target",
        "command_topic": topics.minimum_confidence_set,
        "min": 0,
        "max": 1,
        "step": 0.05,
        "mode": "slider",
    }
    return Component("switch", "learning", learning), Component("number", "minimum_confidence", confidence)
