"""Pairs: what somebody does shortly after something else, always or only in the dark."""

from functools import partial
from random import Random

from pipeline.simulation.devices import Device, device
from pipeline.simulation.instance import Context
from pipeline.simulation.operation import Operation
from pipeline.simulation.presence import Presence
from pipeline.simulation.truth import EntityState, Pair
from pipeline.simulation.world import World
from schemas.patterns import Condition, Dark

_LAG_SIGMA = 0.4

# trigger, action, shortest and longest median lag in seconds to draw from, conditions
_Row = tuple[EntityState, EntityState, float, float, tuple[Condition, ...]]
_PLANTED: tuple[_Row, ...] = (
    (EntityState("switch.office_computer", "on"), EntityState("light.office_desk", "on"), 8, 16, ()),
    (EntityState("binary_sensor.pantry_door", "on"), EntityState("light.pantry", "on"), 3, 7, ()),
    (EntityState("light.bathroom_mirror", "on"), EntityState("fan.bathroom", "on"), 15, 40, ()),
    (EntityState("binary_sensor.front_door", "on"), EntityState("light.porch", "on"), 5, 10, (Dark(),)),
    (EntityState("binary_sensor.garage_door", "on"), EntityState("light.garage", "on"), 5, 15, (Dark(),)),
)


def pair_devices() -> list[Device]:
    """Return the entities of the pairs; triggers are used at random, actions rarely by themselves."""
    return [
        device("switch.office_computer", "office", minutes=70, uses_per_day=1.8),
        device("binary_sensor.pantry_door", "pantry", uses_per_day=3.0, device_class="door"),
        device("light.bathroom_mirror", "bathroom", minutes=9, uses_per_day=2.5),
        device("binary_sensor.garage_door", "garage", uses_per_day=3.0, device_class="garage_door"),
        device("light.office_desk", "office", minutes=45, uses_per_day=0.2),
        device("light.pantry", "pantry", minutes=4, uses_per_day=0.2),
        device("fan.bathroom", "bathroom", minutes=20, uses_per_day=0.2),
        device("light.porch", "garden", minutes=10, uses_per_day=0.2),
        device("light.garage", "garage", minutes=15, uses_per_day=0.2),
    ]


def plant_pairs(rng: Random) -> list[Pair]:
    """Draw the household's pairs: the same devices for every seed, with lags and probabilities of its own."""
    pairs = []
    for number, (trigger, action, shortest, longest, conditions) in enumerate(_PLANTED, 1):
        lag = round(rng.uniform(shortest, longest), 1)
        probability = round(rng.uniform(0.82, 0.95), 3)
        pairs.append(Pair(f"pair-{number}", trigger, action, lag, probability, conditions))
    return pairs


class PairPractice:
    """Answer triggers with actions as the pairs say."""

    def __init__(self, world: World, presence: Presence, operation: Operation, pairs: list[Pair]) -> None:
        self._world = world
        self._presence = presence
        self._operation = operation
        self._rng = world.rng("pairs")
        for pair in pairs:
            world.home_assistant.on_change(
                pair.trigger.entity_id, pair.trigger.state, partial(self._answer, pair)
            )

    def _answer(self, pair: Pair, at: float, _: Context) -> None:
        """Act on a trigger, where the action is still to be done and somebody is there to do it."""
        is_done = self._world.home_assistant.state(pair.action.entity_id) == pair.action.state
        if is_done or not self._presence.awake():
            return
        if pair.conditions and not self._world.calendar.is_dark(at):
            return
        pair.trials += 1
        if self._rng.random() < pair.probability:
            acts = at + pair.lag_seconds * self._rng.lognormvariate(0, _LAG_SIGMA)
            self._world.agenda.at(acts, partial(self._act, pair, at))

    def _act(self, pair: Pair, triggered: float, at: float) -> None:
        self._operation.operate(
            at,
            pair.action,
            interface=self._operation.by_interface(),
            done=lambda acted: pair.occurrences.append((triggered, acted)),
        )
