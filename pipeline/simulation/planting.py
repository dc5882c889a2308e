"""Everything that a household has, and the plan of what is to be found in it."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random

from pipeline.simulation.automations import automated_devices, plant_automations
from pipeline.simulation.chains import chain_devices, plant_bundles, plant_chains
from pipeline.simulation.dates import date_devices
from pipeline.simulation.days import Calendar
from pipeline.simulation.derived import derived, derived_devices
from pipeline.simulation.devices import Device, controls, followers, numeric_sensors
from pipeline.simulation.habits import habit_devices, optional_devices, plant_habits
from pipeline.simulation.pairs import pair_devices, plant_pairs
from pipeline.simulation.people import Difficulty, Occupant
from pipeline.simulation.sensors import sun_device, usual_outdoor_c, weather_device
from pipeline.simulation.stays import plant_durations
from pipeline.simulation.truth import Truth

# A limit that is reached now and then in the weeks after the first day.
_SEASON_AFTER = timedelta(days=15)


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


def plant(
    rng: Random,
    calendar: Calendar,
    *,
    occupants: Sequence[Occupant],
    difficulty: Difficulty,
    devices: Sequence[Device],
) -> Truth:
    """Draw habits, pairs, chains and all else that is done or happens by itself."""
    usual_c = usual_outdoor_c(calendar.start + _SEASON_AFTER, calendar.lat)
    truth = Truth(
        calendar.tz,
        habits=plant_habits(rng, occupants, difficulty, lambda day: calendar.date(day).isoformat()),
        pairs=plant_pairs(rng, difficulty, usual_c),
        chains=plant_chains(rng, difficulty),
        bundles=plant_bundles(rng),
        durations=plant_durations(devices),
        automations=plant_automations(rng),
        derived=derived(),
        followers=[device.entity_id for device in followers()],
        rooms={device.entity_id: device.room for device in devices},
    )
    truth.controls = _controls(truth, devices)
    return truth


def _controls(truth: Truth, devices: Sequence[Device]) -> list[str]:
    """Return what people use, and nothing was planted on."""
    planted = {habit.action.entity_id for habit in truth.habits}
    planted |= {side.entity_id for pair in truth.pairs for side in (pair.trigger, pair.action)}
    planted |= {step.entity_id for chain in truth.chains for step in chain.steps}
    planted |= {member.entity_id for bundle in truth.bundles for member in bundle.members}
    planted |= {automation.action.entity_id for automation in truth.automations}
    planted |= {automation.trigger.entity_id for automation in truth.automations if automation.trigger}
    planted |= {each.entity_id for each in truth.derived}
    planted |= {*truth.followers, *(sensor.entity_id for sensor in numeric_sensors())}
    return [device.entity_id for device in devices if device.entity_id not in planted]
