"""Roles of entities in a household: why a find may be wrong, or merely not planted."""

from pipeline.simulation.truth import EntityState, Truth
from schemas.patterns import Target

_OBSERVED = ("person.", "device_tracker.", "sun.", "sensor.", "calendar.", "weather.")
_WORKDAY = "binary_sensor.workday_sensor"


class Grounds:
    """The parts that entities play in a household.

    Parameters
    ----------
    truth
        Of the household.
    """

    def __init__(self, truth: Truth) -> None:
        self.machines = {automation.action for automation in truth.automations}
        self._sources = {each.entity_id: each.sources for each in truth.derived}
        self._followers = {*truth.followers, _WORKDAY}
        self._bundles = [frozenset(bundle.members) for bundle in truth.bundles]
        self._steps = [chain.steps for chain in truth.chains]
        self._answers = {
            pair.action
            for pair in truth.pairs
            if pair.conditions or self.follows_people(pair.trigger.entity_id)
        }
        planted = [habit.action for habit in truth.habits]
        planted += [side for pair in truth.pairs for side in (pair.trigger, pair.action)]
        planted += [step for chain in truth.chains for step in chain.steps]
        planted += [member for bundle in truth.bundles for member in bundle.members]
        self._planted = {target.entity_id for target in planted}
        self._used = {(target.entity_id, target.state) for target in planted}

    def follows_people(self, entity_id: str) -> bool:
        """Return whether the entity shows what people do anyway: where they are, how they light their way."""
        return entity_id in self._followers or entity_id.startswith(_OBSERVED)

    def reason_without_plan(self, target: EntityState) -> str | None:
        """Return why it may be regular although nobody planted it, or None."""
        if self.follows_people(target.entity_id):
            return "follows people"
        if self.is_derived(target.entity_id):
            return "repeats another"
        if target in self._answers:
            return "answers what is regular"
        return "put back" if self.is_echo(target) else None

    def is_planted(self, target: EntityState) -> bool:
        """Return whether something was planted that leads to it, or begins with it."""
        return (target.entity_id, target.state) in self._used

    def is_derived(self, entity_id: str) -> bool:
        """Return whether the entity only repeats others."""
        return entity_id in self._sources

    def repeats(self, one: str, other: str) -> bool:
        """Return whether one entity is derived from the other, or both from a third."""
        return bool({one, *self._sources.get(one, ())} & {other, *self._sources.get(other, ())})

    def is_echo(self, target: EntityState) -> bool:
        """Return whether a planted device comes to another state than the planted one: it is put back."""
        return target.entity_id in self._planted and (target.entity_id, target.state) not in self._used

    def share_cause(self, one: EntityState, other: EntityState) -> bool:
        """Return whether both belong to one bundle."""
        return any({one, other} <= members for members in self._bundles)

    def steps_apart(self, one: EntityState, other: EntityState) -> int | None:
        """Return how many steps after `one` a chain has `other`, negative before; None if none has both."""
        for steps in self._steps:
            if one in steps and other in steps:
                return steps.index(other) - steps.index(one)
        return None


def entity_state(target: Target) -> EntityState:
    """The target of a pattern in the truth's terms."""
    return EntityState(target.entity_id, target.state)
