"""Entities that Home Assistant has made of MQTT discovery messages, whoever published them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DiscoveredEntity:
    """An entity with its device, by the names that were announced, whatever people call them since.

    `device_ids` are the identifiers that were announced for the device.
    """

    entity_id: str
    unique_id: str
    name: str = ""
    device_name: str = ""
    device_ids: frozenset[str] = frozenset()

    @property
    def domain(self) -> str:
        """Domain of the entity; in each domain a unique id is given once."""
        return self.entity_id.partition(".")[0]
