"""Home Assistant's registries of areas, devices and entities, joined."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from schemas.discovered import DiscoveredEntity

NAMES = ("area", "device", "entity")
# What may name many entities at once, where an automation says what it acts on.
GROUPS = ("device_id", "area_id", "floor_id", "label_id")
MQTT = "mqtt"
# The integration by which people show a switch as a lock, a cover, a light, ...
CHANGED = "switch_as_x"

Row = Mapping[str, Any]


class Registries:
    """Registries of Home Assistant: areas, devices and entities; rows may lack any field but their id.

    Since 2026.9 Home Assistant lists devices that are parts of others, without most of their fields.

    Examples
    --------
    >>> registries = Registries(
    ...     areas=[{"area_id": "hall", "name": "Hall"}],
    ...     devices=[{"id": "d1", "area_id": "hall"}, {"id": "d2"}],
    ...     entities=[{"entity_id": "light.lamp", "device_id": "d1", "id": "e1"}],
    ... )
    >>> registries.rooms
    {'light.lamp': 'Hall'}
    >>> registries.resolved({"target": {"area_id": "hall"}})
    {'target': {'area_id': 'hall', 'entity_id': ['light.lamp']}}
    >>> registries.resolved({"platform": "device", "device_id": "d1", "entity_id": "e1"})
    {'platform': 'device', 'device_id': 'd1', 'entity_id': 'light.lamp'}
    """

    def __init__(self, areas: Iterable[Row], devices: Iterable[Row], entities: Iterable[Row]) -> None:
        self.areas = {row["area_id"]: row for row in areas}
        self.devices = {row["id"]: row for row in devices}
        self.entities = {row["entity_id"]: row for row in entities}

    @cached_property
    def rooms(self) -> dict[str, str]:
        """The area of each entity that stands in one, by name: its own, or else its device's."""
        placed = {entity_id: self._area_id(row) for entity_id, row in sorted(self.entities.items())}
        return {
            entity_id: self.areas[area]["name"] for entity_id, area in placed.items() if area in self.areas
        }

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The entities that somebody, or Home Assistant itself, keeps out of sight."""
        return frozenset(entity_id for entity_id, row in self.entities.items() if row.get("hidden_by"))

    @cached_property
    def companions(self) -> dict[str, frozenset[str]]:
        """Other entities of each entity's device, and those it was made into.

        A lock or a garage that is made of a switch says so, and then is no part of the switches beside that
        one. What is there for settings and diagnosis is left out.
        """
        by_device: defaultdict[str, set[str]] = defaultdict(set)
        made_of: defaultdict[str, set[str]] = defaultdict(set)
        for entity_id, row in self.entities.items():
            if source := self._source(row):
                made_of[source].add(entity_id)
            elif row.get("device_id") and not row.get("entity_category"):
                by_device[row["device_id"]].add(entity_id)
        found = {
            entity_id: frozenset(by_device[row.get("device_id") or ""] | made_of[entity_id]) - {entity_id}
            for entity_id, row in self.entities.items()
        }
        return found | {source: frozenset(made) for source, made in made_of.items() if source not in found}

    @cached_property
    def members(self) -> dict[tuple[str, str], list[str]]:
        """The entities in each device, area, floor and label that an action reaches by naming that.

        Home Assistant leaves out what is hidden, switched off, or there for settings and diagnosis.
        """
        found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for entity_id, row in sorted(self.entities.items()):
            if not (row.get("hidden_by") or row.get("disabled_by") or row.get("entity_category")):
                for group in set(self._groups(row)):
                    found[group].append(entity_id)
        return dict(found)

    def resolved(self, config: Any) -> Any:
        """A copy of an automation's configuration that names by its id each entity that it reaches."""
        if isinstance(config, list):
            return [self.resolved(part) for part in config]
        if not isinstance(config, Mapping):
            return config
        copy = {key: self.resolved(value) for key, value in config.items()}
        if "entity_id" in copy:
            copy["entity_id"] = self._by_id(copy["entity_id"])
        for key in ("target", "data"):
            if isinstance(copy.get(key), dict) and (reached := self._reached(copy[key])):
                copy[key]["entity_id"] = [*listed(copy[key].get("entity_id")), *reached]
        return copy

    def touched(self, related: Mapping[str, Iterable[str]]) -> frozenset[str]:
        """The entities that a search for what is related to an automation tells of.

        Devices and areas of the entities are told too. One that none of the entities explains is named by
        the automation itself, and so stands for all its entities.
        """
        entities = set(related.get("entity", ()))
        explained = {group for each in entities for group in self._groups(self.entities.get(each, {}))}
        for key in GROUPS:
            for name in related.get(key.removesuffix("_id"), ()):
                if (key, name) not in explained:
                    entities.update(self.members.get((key, name), ()))
        return frozenset(entities)

    @cached_property
    def _of_row(self) -> dict[str, str]:
        return {row["id"]: entity_id for entity_id, row in self.entities.items() if "id" in row}

    def _source(self, row: Row) -> str:
        """The switch that something else is made of; empty where that is not told."""
        told = (row.get("options") or {}).get(CHANGED)
        return str(self._by_id(told.get("entity_id") or "")) if isinstance(told, Mapping) else ""

    def _by_id(self, named: Any) -> Any:
        if isinstance(named, list):
            return [self._by_id(each) for each in named]
        return self._of_row.get(named, named) if isinstance(named, str) else named

    def _reached(self, target: Mapping[str, Any]) -> list[str]:
        groups = [(key, name) for key in GROUPS for name in listed(target.get(key))]
        return [entity_id for group in groups for entity_id in self.members.get(group, ())]

    def _area_id(self, entity: Row) -> str | None:
        device = self.devices.get(entity.get("device_id"), {})
        found: str | None = entity.get("area_id") or device.get("area_id")
        return found

    def _groups(self, entity: Row) -> Iterator[tuple[str, str]]:
        device = self.devices.get(entity.get("device_id"), {})
        area = self.areas.get(self._area_id(entity), {})
        yield from (("label_id", label) for row in (entity, device, area) for label in row.get("labels", ()))
        named = {
            "device_id": device.get("id"),
            "area_id": area.get("area_id"),
            "floor_id": area.get("floor_id"),
        }
        yield from ((key, name) for key, name in named.items() if name)


def discovered(
    devices: Iterable[Row], entities: Iterable[Row], unique_ids: Collection[str]
) -> list[DiscoveredEntity]:
    """The entities that MQTT discovery made with these unique ids, each of which every domain may have."""
    by_id = {row["id"]: row for row in devices}
    return [
        _discovered(row, by_id.get(row.get("device_id"), {}))
        for row in entities
        if row.get("platform") == MQTT and row.get("unique_id") in unique_ids
    ]


def _discovered(entity: Row, device: Row) -> DiscoveredEntity:
    identifiers = (tuple(each) for each in device.get("identifiers", ()))
    return DiscoveredEntity(
        entity["entity_id"],
        entity["unique_id"],
        name=entity.get("original_name") or "",
        device_name=device.get("name") or "",
        device_ids=frozenset(each[1] for each in identifiers if each[:1] == (MQTT,) and len(each) > 1),
    )


def listed(value: Any) -> list[Any]:
    """Return a value that may stand alone or in a list as a list; nothing is an empty list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
