"""The catalogue of a home, made of what Home Assistant's API tells."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.catalogue import Catalogue, KnownAutomation, KnownEntity
from sinks.home_assistant.errors import HomeAssistantError
from sinks.home_assistant.registries import Registries

Row = Mapping[str, Any]
AUTOMATION = "automation."


def version_of(configuration: Row) -> tuple[int, int]:
    """Year and month of a release, which compare as numbers do.

    Examples
    --------
    >>> version_of({"version": "2024.10.0b1"}) > version_of({"version": "2024.3.3"})
    True
    """
    try:
        year, month = str(configuration["version"]).split(".")[:2]
        return int(year), int(month)
    except (KeyError, ValueError) as error:
        raise HomeAssistantError(
            f"expected a version such as 2025.4.1, got {configuration.get('version')!r}"
        ) from error


def automation_ids(states: Sequence[Row]) -> list[str]:
    """The entity ids of all automations."""
    return sorted(state["entity_id"] for state in states if state["entity_id"].startswith(AUTOMATION))


def catalogue(
    configuration: Row,
    states: Sequence[Row],
    services: Sequence[Row],
    registries: Registries,
    automations: Mapping[str, tuple[Row | None, Row]],
) -> Catalogue:
    """Join what the API tells; `automations` has configuration and related things of each by entity id."""
    by_id = {state["entity_id"]: state for state in states}
    degrees = str((configuration.get("unit_system") or {}).get("temperature") or "")
    return Catalogue(
        version=version_of(configuration),
        entities={entity_id: _entity(state, registries, degrees) for entity_id, state in by_id.items()},
        services=frozenset(f"{row['domain']}.{name}" for row in services for name in row["services"]),
        automations=tuple(
            _automation(by_id[entity_id], config, related, registries)
            for entity_id, (config, related) in automations.items()
        ),
    )


def _entity(state: Row, registries: Registries, degrees: str) -> KnownEntity:
    entity_id, attributes = state["entity_id"], state["attributes"]
    # Thermostats tell no unit: they speak in the home's.
    unit = degrees if entity_id.startswith("climate.") else attributes.get("unit_of_measurement")
    return KnownEntity(
        entity_id,
        name=str(attributes.get("friendly_name") or ""),
        area=registries.rooms.get(entity_id, ""),
        device_class=str(attributes.get("device_class") or ""),
        unit=str(unit or ""),
        hidden=entity_id in registries.hidden,
        companions=registries.companions.get(entity_id, frozenset()),
        attributes=attributes,
    )


def _automation(state: Row, config: Row | None, related: Row, registries: Registries) -> KnownAutomation:
    return KnownAutomation(
        state["entity_id"],
        automation_id=str(state["attributes"].get("id") or ""),
        name=str(state["attributes"].get("friendly_name") or ""),
        enabled=state["state"] == "on",
        config=None if config is None else registries.resolved(config),
        touches=registries.touched(related),
    )
