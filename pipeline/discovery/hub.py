"""The device that stands for ha-ai itself, what a person may set, and the notification of what waits."""

from typing import Any, NamedTuple

from pipeline.discovery.discovery import Component, Device, Discovery, availability, entity
from pipeline.wording.sentences import counted
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
NOTIFICATION_ID = "haai_suggestions"
PLACE = "[Settings, Devices & services, MQTT](/config/integrations/integration/mqtt)"


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


class Notification(NamedTuple):
    """A persistent notification."""

    title: str
    message: str


def notification(waiting: int) -> Notification:
    """Return the notification that is shown while so many suggestions wait.

    Examples
    --------
    >>> print(notification(1).message)
    1 suggestion for an automation waits for you. It is a device of its own under [Settings, Devices &
    services, MQTT](/config/integrations/integration/mqtt), with its proof and the buttons Approve, Not now
    and Reject.
    """
    subject, each = ("an automation waits", "It") if waiting == 1 else ("automations wait", "Each")
    return Notification(
        "ha-ai",
        f"{counted(waiting, 'suggestion')} for {subject} for you. {each} is a device of its own under "
        f"{PLACE}, with its proof and the buttons Approve, Not now and Reject.",
    )
