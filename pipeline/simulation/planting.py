"""Plan of what is to be found in a household, drawn before anything of it has come about."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random

from pipeline.simulation.automations import plant_automations
from pipeline.simulation.chains import plant_bundles, plant_chains
from pipeline.simulation.days import Calendar
from pipeline.simulation.derived import derived
from pipeline.simulation.devices import Device, followers, numeric_sensors
from pipeline.simulation.difficulty import Difficulty
from pipeline.simulation.habits import plant_habits
from pipeline.simulation.pairs import plant_pairs
from pipeline.simulation.people import Occupant
from pipeline.simulation.sensors import usual_outdoor_c
from pipeline.simulation.stays import plant_durations
from pipeline.simulation.truth import Truth

# A limit that is reached now and then in the weeks after the first day.
_SEASON_AFTER = timedelta(days=15)


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
