"""Payloads that are no schema of ours: plain text, and what Home Assistant says in its own form."""

from typing import Any, Literal

from pydantic import ConfigDict, RootModel

from schemas.payload import Probability

FROZEN = ConfigDict(frozen=True)


class LearningSwitch(RootModel[Literal["ON", "OFF"]]):
    """Position of the learning switch, as Home Assistant's switch sends it."""

    model_config = FROZEN


class MinimumConfidence(RootModel[Probability]):
    """Number from 0 to 1, as Home Assistant's number entity sends it."""

    model_config = FROZEN


class Anything(RootModel[Any]):
    """Payload that is not read."""

    model_config = FROZEN


class Heartbeat(RootModel[int]):
    """UTC microseconds at which it was sent."""

    model_config = FROZEN


class HomeAssistantEvent(RootModel[dict[str, Any]]):
    """Event of Home Assistant's bus, as mqtt_eventstream publishes it."""

    model_config = FROZEN


class HomeAssistantField(RootModel[str]):
    """State of an entity, or one of its attributes as JSON, as mqtt_statestream publishes it."""

    model_config = FROZEN


class HomeAssistantStatus(RootModel[Literal["online", "offline"]]):
    """Birth and will of Home Assistant's MQTT integration."""

    model_config = FROZEN


class DiscoveryConfig(RootModel[dict[str, Any]]):
    """Announcement of a device or an entity in the form of Home Assistant's MQTT discovery."""

    model_config = FROZEN
