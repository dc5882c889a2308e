"""Labelled anomalies: what is out of order now and then, once the household is known."""

from collections.abc import Callable, Sequence
from functools import partial

from pipeline.simulation.devices import MOTION_ROOMS, VISITED_ROOMS
from pipeline.simulation.habits import HabitPractice
from pipeline.simulation.instance import World
from pipeline.simulation.operation import Operation
from pipeline.simulation.presence import Presence
from pipeline.simulation.sensors import Sensors
from pipeline.simulation.truth import Oddity, Truth
from schemas.anomalies import AnomalyKind

# Days without any, so that what is usual can be learned.
_FIRST_DAY = 10
_EVERY_DAYS = (5, 13)
_DOORS = (
    "binary_sensor.front_door",
    "binary_sensor.garage_door",
    "binary_sensor.terrace_door",
    "binary_sensor.pantry_door",
)
_MOTION = tuple(f"binary_sensor.{room}_motion" for room in MOTION_ROOMS)
_CLIMATE = (*(f"sensor.{room}_temperature" for room in VISITED_ROOMS), "sensor.bathroom_humidity")
# What is added to a reading that is out of its context.
_STRANGE = {
    "sensor.fridge_temperature": (4.0, 8.0),
    "sensor.bedroom_temperature": (-7.0, -4.5),
    "sensor.living_room_temperature": (5.0, 8.0),
    "sensor.outdoor_illuminance": (9000.0, 20000.0),
}
_ROUTINE_LASTS_S = 4 * 3600.0
_SURE = 0.85
_SHARP_MINUTES = 20.0
_LEFT_ON_HOURS = (7.0, 15.0)
_LEFT_ON_AT_LEAST = 5.0
_FORGETS_WITHIN_DAYS = 4
_LONGEST_USE_S = 6000.0


class Oddities:
    """Lets things go wrong, each kind about every nine days, and labels them.

    Parameters
    ----------
    kinds
        Which may occur; one kind's draws never shift another's.
    """

    def __init__(
        self,
        world: World,
        truth: Truth,
        kinds: Sequence[AnomalyKind],
        *,
        habits: HabitPractice,
        presence: Presence,
        operation: Operation,
        sensors: Sensors,
    ) -> None:
        self._world = world
        self._truth = truth
        self._habits = habits
        self._presence = presence
        self._operation = operation
        self._sensors = sensors
        self._forgettable = [
            duration.entity_id for duration in truth.durations if duration.median_seconds <= _LONGEST_USE_S
        ]
        begin: dict[AnomalyKind, Callable[[int], None]] = {
            AnomalyKind.MISSED_ROUTINE: self._miss,
            AnomalyKind.LEFT_ON: self._leave_on,
            AnomalyKind.NIGHT_OPENING: self._open_at_night,
            AnomalyKind.STUCK_SENSOR: self._stick,
            AnomalyKind.FLAPPING: self._flap,
            AnomalyKind.NUMERIC: self._mislead,
        }
        self._kinds = [(kind, begin[kind]) for kind in AnomalyKind if kind in kinds]
        self._rngs = {kind: world.rng(f"anomaly {kind}") for kind in AnomalyKind}
        self._next = {kind: _FIRST_DAY + self._rngs[kind].randrange(_EVERY_DAYS[1]) for kind in AnomalyKind}

    def plan(self, day: int) -> None:
        """Plan a day's anomalies, before its habits are planned."""
        for kind, begin in self._kinds:
            if day < self._next[kind]:
                continue
            if self._world.almanac.is_away(day):
                self._next[kind] = day + 1
                continue
            self._next[kind] = day + self._rngs[kind].randint(*_EVERY_DAYS)
            begin(day)

    def _label(self, kind: AnomalyKind, entity_id: str, at: float, until: float) -> None:
        self._truth.anomalies.append(Oddity(kind, entity_id, at, until))

    def _moment(self, kind: AnomalyKind, day: int, earliest: float, latest: float) -> float:
        return self._world.calendar.moment(day, self._rngs[kind].uniform(earliest, latest))

    def _miss(self, day: int) -> None:
        """Leave out what is done almost every time."""
        due = [
            (habit, at)
            for habit in self._truth.habits
            if habit.probability >= _SURE
            and habit.spread_minutes <= _SHARP_MINUTES
            and (at := self._habits.due(habit, day)) is not None
        ]
        if due:
            habit, at = self._rngs[AnomalyKind.MISSED_ROUTINE].choice(due)
            self._habits.omit(habit, day)
            self._label(AnomalyKind.MISSED_ROUTINE, habit.action.entity_id, at, at + _ROUTINE_LASTS_S)

    def _leave_on(self, day: int) -> None:
        """Forget a device the next time it is used, if that is within some days."""
        rng = self._rngs[AnomalyKind.LEFT_ON]
        entity_id = rng.choice(self._forgettable)
        minutes = self._world.home_assistant.device(entity_id).minutes
        lasts_s = max(3600 * rng.uniform(*_LEFT_ON_HOURS), 60 * minutes * _LEFT_ON_AT_LEAST)
        told = partial(self._label, AnomalyKind.LEFT_ON, entity_id)
        self._operation.forget(entity_id, lasts_s, told)
        over = self._world.calendar.moment(day + _FORGETS_WITHIN_DAYS, 0)
        self._world.agenda.at(over, lambda _: self._operation.remember(entity_id))

    def _open_at_night(self, day: int) -> None:
        rng = self._rngs[AnomalyKind.NIGHT_OPENING]
        door, lasts_s = rng.choice(_DOORS), rng.uniform(20, 120)
        at = self._moment(AnomalyKind.NIGHT_OPENING, day, 110, 270)
        self._world.agenda.at(at, partial(self._open, door, lasts_s))

    def _open(self, door: str, lasts_s: float, at: float) -> None:
        home_assistant = self._world.home_assistant
        if not self._presence.awake() and home_assistant.report(at, door, "on"):
            self._world.agenda.at(at + lasts_s, lambda now: home_assistant.report(now, door, "off"))
            self._label(AnomalyKind.NIGHT_OPENING, door, at, at + lasts_s)

    def _stick(self, day: int) -> None:
        """Let a sensor stay at its reading, or a motion sensor at having seen somebody."""
        rng = self._rngs[AnomalyKind.STUCK_SENSOR]
        lasts_s = 3600 * rng.uniform(20, 40)
        at = self._moment(AnomalyKind.STUCK_SENSOR, day, 0, 1440)
        entity_id = rng.choice(_CLIMATE) if rng.random() < 0.6 else rng.choice(_MOTION)
        self._world.agenda.at(at, partial(self._freeze, entity_id, lasts_s))

    def _freeze(self, entity_id: str, lasts_s: float, at: float) -> None:
        if entity_id in _MOTION:
            self._world.home_assistant.report(at, entity_id, "on")
        self._world.home_assistant.freeze(entity_id, at + lasts_s)
        self._label(AnomalyKind.STUCK_SENSOR, entity_id, at, at + lasts_s)

    def _flap(self, day: int) -> None:
        """Let a contact bounce some dozen times within minutes."""
        rng = self._rngs[AnomalyKind.FLAPPING]
        entity_id = rng.choice((*_DOORS, *_MOTION))
        begin = at = self._moment(AnomalyKind.FLAPPING, day, 420, 1380)
        for number in range(2 * rng.randint(12, 30)):
            self._world.agenda.at(at, partial(self._set, entity_id, "off" if number % 2 else "on"))
            at += rng.uniform(0.8, 4)
        self._label(AnomalyKind.FLAPPING, entity_id, begin, at)

    def _set(self, entity_id: str, state: str, at: float) -> None:
        self._world.home_assistant.report(at, entity_id, state)

    def _mislead(self, day: int) -> None:
        """Let a reading be far from what the hour and the weather let expect."""
        rng = self._rngs[AnomalyKind.NUMERIC]
        entity_id = rng.choice(tuple(_STRANGE))
        earliest, latest = (60, 240) if entity_id == "sensor.outdoor_illuminance" else (120, 1200)
        at = self._moment(AnomalyKind.NUMERIC, day, earliest, latest)
        until = at + 3600 * rng.uniform(1.5, 4)
        if entity_id == "sensor.outdoor_illuminance":
            until = min(until, at + 5400)
        self._sensors.disturb(entity_id, at, until, rng.uniform(*_STRANGE[entity_id]))
        self._label(AnomalyKind.NUMERIC, entity_id, at, until)
