"""Everything that a household has: the same devices for every seed."""

from collections.abc import Sequence

from pipeline.simulation.automations import automated_devices
from pipeline.simulation.chains import chain_devices
from pipeline.simulation.dates import date_devices
from pipeline.simulation.derived import derived_devices
from pipeline.simulation.devices import Device, controls, followers, numeric_sensors
from pipeline.simulation.habits import habit_devices, optional_devices
from pipeline.simulation.pairs import pair_devices
from pipeline.simulation.people import Occupant
from pipeline.simulation.sensors import sun_device, weather_device


def placed_devices() -> list[Device]:
    """Return the entities that stand in a room."""
    return [
        *followers(),
        *habit_devices(),
        *optional_devices(),
        *pair_devices(),
        *chain_devices(),
        *automated_devices(),
        *controls(),
        *numeric_sensors(),
        *derived_devices(),
    ]


def own_devices(occupants: Sequence[Occupant]) -> list[Device]:
    """Return what Home Assistant has of its own: persons, sun and weather, the calendar."""
    return [*map(_person, occupants), sun_device(), weather_device(), *date_devices()]


def _person(occupant: Occupant) -> Device:
    name = occupant.name
    fixed = {"editable": True, "id": name, "device_trackers": [f"device_tracker.{name}"], "user_id": None}
    return Device(
        occupant.entity_id, "", "home", "not_home", {**fixed, "friendly_name": name.capitalize()}, local=True
    )
