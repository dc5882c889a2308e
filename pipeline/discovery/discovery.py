"""Devices as Home Assistant discovers them by MQTT: one payload a device, or one a component."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version as version_of
from typing import Any, NamedTuple

from schemas.messages import QOS
from schemas.topics import Topics

WHOLE = "device"
FIRST_WITH_DEVICES = (2024, 11)
ORIGIN = {"name": "ha-ai", "sw_version": version_of("ha-ai")}


class Form(StrEnum):
    """Forms in which a device is announced; single components are understood everywhere."""

    DEVICE = "device"
    COMPONENTS = "components"

    @classmethod
    def of(cls, version: tuple[int, int]) -> "Form":
        """The form for a version of Home Assistant.

        Examples
        --------
        >>> Form.of((2024, 3)).value, Form.of((2024, 11)).value, Form.of((2026, 2)).value
        ('components', 'device', 'device')
        """
        return cls.DEVICE if version >= FIRST_WITH_DEVICES else cls.COMPONENTS


class Component(NamedTuple):
    """One entity of a device: its platform, its key within the device, and what it is."""

    platform: str
    key: str
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Device:
    """A device with its entities.

    `name` is the one in its topics, `about` what Home Assistant shows of it. `gone` are platforms and keys
    of entities that it may have had before, in another state.
    """

    name: str
    about: Mapping[str, Any]
    components: tuple[Component, ...]
    gone: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Discovery:
    """Discovery topics of one home, where Home Assistant looks for its devices.

    Examples
    --------
    >>> discovery = Discovery("homeassistant", "villa")
    >>> discovery.topic_filter, discovery.topic("button", "hub_now")
    ('homeassistant/+/haai_villa/+/config', 'homeassistant/button/haai_villa/hub_now/config')
    """

    prefix: str
    home: str = ""

    @property
    def node(self) -> str:
        """Return the node id, which tells our devices from others', and one home's from another's."""
        return self._topics.node

    @property
    def topic_filter(self) -> str:
        """Topic filter of all that we announce."""
        return self.topic("+", "+")

    def topic(self, platform: str, name: str) -> str:
        """Return the topic on which a device or component is announced."""
        return self._topics.discovery(platform, name)

    @property
    def _topics(self) -> Topics:
        return Topics(self.home, discovery_prefix=self.prefix)

    def announce(self, device: Device, form: Form) -> dict[str, bytes]:
        """Return what is to be retained, by topic, for Home Assistant to have this device."""
        if form is Form.DEVICE:
            return {self.topic(WHOLE, device.name): _json(_whole(device))}
        shared = {"device": device.about, "origin": ORIGIN}
        return {
            self.topic(each.platform, f"{device.name}_{each.key}"): _json({**each.config, **shared})
            for each in device.components
        }

    def form_of(self, topic: str) -> Form | None:
        """In which form something is announced on a topic; None where it is none of ours."""
        head = f"{self.prefix}/"
        platform, _, rest = topic.removeprefix(head).partition("/")
        if not topic.startswith(head) or not rest.startswith(f"{self.node}/"):
            return None
        return Form.DEVICE if platform == WHOLE else Form.COMPONENTS


def entity(platform: str, object_id: str, unique_id: str, name: str | None) -> dict[str, Any]:
    """Return what every entity says of itself; without a name it bears its device's.

    Releases before 2025.10 make the entity's id from `object_id`, later ones from `default_entity_id`.
    """
    return {
        "name": name,
        "unique_id": unique_id,
        "object_id": object_id,
        "default_entity_id": f"{platform}.{object_id}",
        "qos": QOS,
    }


def availability(topics: Topics) -> dict[str, Any]:
    """Available unless the service has said, or left word, that it is offline."""
    template = "{{ 'offline' if value_json.state == 'offline' else 'online' }}"
    return {"availability": [{"topic": topics.service, "value_template": template}]}


def _whole(device: Device) -> dict[str, Any]:
    """The device with all that it has; what has nothing but its platform is removed."""
    gone = {key: {"platform": platform} for platform, key in device.gone}
    there = {each.key: {"platform": each.platform, **each.config} for each in device.components}
    return {"device": device.about, "origin": ORIGIN, "components": {**gone, **there}}


def _json(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
