"""Pairs: what somebody does shortly after something else, always or under a condition."""

from collections.abc import Sequence
from functools import partial
from random import Random

from pipeline.simulation.devices import Device, device
from pipeline.simulation.instance import Context, World, poisson
from pipeline.simulation.operation import Operation
from pipeline.simulation.people import Difficulty
from pipeline.simulation.presence import Presence
from pipeline.simulation.truth import EntityState, Pair
from schemas.patterns import AtHome, Condition, Dark, Hours, Temperature, Weekday

_LAG_SIGMA = 0.4
_USUAL, _USUAL_UNDER_CONDITION = (0.82, 0.95), (0.68, 0.92)
_DOORBELL = "binary_sensor.doorbell"
_RINGS_PER_DAY = 4.0
_OUTDOOR = "sensor.outdoor_temperature"

# trigger, action, shortest and longest median lag in seconds to draw from
_Row = tuple[EntityState, EntityState, float, float]
_PLAIN: tuple[_Row, ...] = (
    (EntityState("switch.office_computer", "on"), EntityState("light.office_desk", "on"), 8, 16),
    (EntityState("binary_sensor.pantry_door", "on"), EntityState("light.pantry", "on"), 3, 7),
    (EntityState("light.bathroom_mirror", "on"), EntityState("fan.bathroom", "on"), 15, 40),
    (EntityState("binary_sensor.wardrobe_door", "on"), EntityState("light.wardrobe", "on"), 4, 20),
)
_DARK: tuple[_Row, ...] = (
    (EntityState("binary_sensor.front_door", "on"), EntityState("light.porch", "on"), 5, 10),
    (EntityState("binary_sensor.garage_door", "on"), EntityState("light.garage", "on"), 5, 15),
)
_HOURS: _Row = (EntityState("light.bathroom_sink", "on"), EntityState("switch.mirror_heater", "on"), 6, 30)
_WEEKDAY: _Row = (EntityState("binary_sensor.office_door", "on"), EntityState("switch.printer", "on"), 10, 45)
_COLD: _Row = (
    EntityState("binary_sensor.terrace_door", "on"),
    EntityState("switch.terrace_heater", "on"),
    8,
    30,
)
_ANSWERED: _Row = (EntityState(_DOORBELL, "on"), EntityState("light.hall_lamp", "on"), 6, 15)


def pair_devices() -> list[Device]:
    """Return the entities of the pairs; triggers are used at random, actions rarely by themselves."""
    return [
        device("switch.office_computer", "office", minutes=70, uses_per_day=1.6),
        device("binary_sensor.pantry_door", "pantry", uses_per_day=2.6, device_class="door"),
        device("light.bathroom_mirror", "bathroom", minutes=9, uses_per_day=2.2),
        device("binary_sensor.wardrobe_door", "bedroom", uses_per_day=1.8, device_class="door"),
        device("binary_sensor.garage_door", "garage", uses_per_day=2.4, device_class="garage_door"),
        device("light.bathroom_sink", "bathroom", minutes=6, uses_per_day=4.0),
        device("binary_sensor.office_door", "office", uses_per_day=2.6, device_class="door"),
        device("binary_sensor.terrace_door", "living_room", uses_per_day=3.0, device_class="door"),
        device(_DOORBELL, "hall", device_class="sound"),
        device("light.office_desk", "office", minutes=45, uses_per_day=0.75),
        device("light.pantry", "pantry", minutes=4, uses_per_day=0.5),
        device("fan.bathroom", "bathroom", minutes=20, uses_per_day=0.75),
        device("light.wardrobe", "bedroom", minutes=5, uses_per_day=0.5),
        device("light.porch", "garden", minutes=10, uses_per_day=0.5),
        device("light.garage", "garage", minutes=15, uses_per_day=0.75),
        device("switch.mirror_heater", "bathroom", minutes=12, sigma=0.15, uses_per_day=0.5),
        device("switch.printer", "office", minutes=14, uses_per_day=0.5),
        device("switch.terrace_heater", "living_room", minutes=25, uses_per_day=0.5),
        device("light.hall_lamp", "hall", minutes=6, uses_per_day=0.75),
    ]


def plant_pairs(rng: Random, difficulty: Difficulty, usual_outdoor_c: float) -> list[Pair]:
    """Draw the household's pairs: the same devices for every seed; lags, probabilities, limits its own."""
    begin = rng.randrange(5, 8)
    rows: list[tuple[_Row, tuple[Condition, ...]]] = [
        *((row, ()) for row in _PLAIN),
        *((row, (Dark(),)) for row in _DARK),
        (_HOURS, (Hours(after=begin, before=begin + rng.randrange(4, 6)),)),
        (_WEEKDAY, (Weekday(days=(0, 1, 2, 3, 4)),)),
        (_COLD, (Temperature(entity_id=_OUTDOOR, below=round(usual_outdoor_c + rng.uniform(-1, 1), 1)),)),
        (_ANSWERED, (AtHome(),)),
    ]
    pairs = []
    for number, ((trigger, action, shortest, longest), conditions) in enumerate(rows, 1):
        lag = round(rng.uniform(shortest, longest), 1)
        usual = rng.uniform(*(_USUAL_UNDER_CONDITION if conditions else _USUAL))
        probability = difficulty.probability(usual)
        pairs.append(Pair(f"pair-{number}", trigger, action, lag, probability, conditions))
    return pairs


class PairPractice:
    """Answer triggers with actions as the pairs say."""

    def __init__(self, world: World, presence: Presence, operation: Operation, pairs: Sequence[Pair]) -> None:
        self._world = world
        self._presence = presence
        self._operation = operation
        self._rng = world.rng("pairs")
        for pair in pairs:
            world.home_assistant.on_change(
                pair.trigger.entity_id, pair.trigger.state, partial(self._answer, pair)
            )

    def plan(self, day: int) -> None:
        """Plan a day's visitors, who ring whether somebody is at home or not."""
        for _ in range(poisson(self._rng, _RINGS_PER_DAY)):
            moment = self._world.calendar.moment(day, self._rng.uniform(480, 1260))
            self._world.agenda.at(moment, self._ring)

    def _ring(self, at: float) -> None:
        self._world.home_assistant.report(at, _DOORBELL, "on")
        self._world.agenda.at(at + 2, lambda now: self._world.home_assistant.report(now, _DOORBELL, "off"))
        awake = self._presence.awake()
        if awake:
            self._world.agenda.at(
                at + self._rng.uniform(3, 12),
                lambda now: self._presence.go(now, self._rng.choice(awake), "hall"),
            )

    def _answer(self, pair: Pair, at: float, _: Context) -> None:
        """Act on a trigger, where the action is still to be done and somebody is there to do it."""
        is_done = self._world.home_assistant.state(pair.action.entity_id) == pair.action.state
        if is_done or not self._presence.awake():
            return
        if not all(self._holds(condition, at) for condition in pair.conditions):
            return
        pair.trials += 1
        if self._rng.random() < pair.probability:
            acts = at + pair.lag_seconds * self._rng.lognormvariate(0, _LAG_SIGMA)
            self._world.agenda.at(acts, partial(self._act, pair, at))

    def _holds(self, condition: Condition, at: float) -> bool:
        calendar = self._world.calendar
        match condition:
            case Dark():
                return calendar.is_dark(at)
            case Hours(after=after, before=before):
                return after <= calendar.minute(at) / 60 < before
            case Weekday(days=days):
                return calendar.date(calendar.day(at)).weekday() in days
            case Temperature(entity_id=entity_id, below=below):
                return below is None or float(self._world.home_assistant.state(entity_id)) < below
            case AtHome(somebody=somebody):
                return bool(self._presence.awake()) is somebody

    def _act(self, pair: Pair, triggered: float, at: float) -> None:
        self._operation.operate(
            at,
            pair.action,
            interface=self._operation.by_interface(),
            done=lambda acted: pair.occurrences.append((triggered, acted)),
        )
