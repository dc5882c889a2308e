"""Habits: what an occupant does at its time, by the clock or by the sun."""

from functools import partial
from random import Random

from pipeline.simulation.devices import Device, device
from pipeline.simulation.errands import Errands
from pipeline.simulation.truth import Anchor, EntityState, Habit
from pipeline.simulation.world import World

_EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
_WORKDAYS = (0, 1, 2, 3, 4)
_WEEKEND = (5, 6)

# entity, state, who, anchor, earliest and latest minute to draw from, spread, days
_Row = tuple[str, str, str, Anchor, float, float, float, tuple[int, ...]]
_PLANTED: tuple[_Row, ...] = (
    ("switch.coffee_maker", "on", "robin", "clock", 405, 430, 5, _WORKDAYS),
    ("media_player.kitchen_radio", "playing", "robin", "clock", 540, 590, 10, _WEEKEND),
    ("media_player.living_room_tv", "playing", "robin", "clock", 1185, 1230, 8, _EVERY_DAY),
    ("switch.dishwasher", "on", "robin", "clock", 1265, 1310, 10, _EVERY_DAY),
    ("light.reading_lamp", "on", "robin", "clock", 1235, 1290, 18, _EVERY_DAY),
    ("switch.bedroom_humidifier", "on", "alex", "clock", 1432, 1444, 9, _EVERY_DAY),
    ("switch.cat_feeder", "on", "robin", "clock", 420, 450, 5, _EVERY_DAY),
    ("switch.cat_feeder", "on", "robin", "clock", 1080, 1120, 5, _EVERY_DAY),
    ("light.window_candles", "on", "robin", "sunset", 5, 25, 6, _EVERY_DAY),
    ("cover.bedroom_blind", "open", "robin", "sunrise", -5, 20, 6, _EVERY_DAY),
)


def habit_devices() -> list[Device]:
    """Return the entities with habits; each is used at random, too."""
    return [
        device("switch.coffee_maker", "kitchen", minutes=25, uses_per_day=0.3),
        device("media_player.kitchen_radio", "kitchen", minutes=50, uses_per_day=0.25),
        device("media_player.living_room_tv", "living_room", minutes=95, uses_per_day=0.3, device_class="tv"),
        device("switch.dishwasher", "kitchen", minutes=80, uses_per_day=0.15),
        device("light.reading_lamp", "living_room", minutes=60, uses_per_day=0.3),
        device("switch.bedroom_humidifier", "bedroom", minutes=240, uses_per_day=0.1),
        device("switch.cat_feeder", "kitchen", minutes=2, uses_per_day=0.15),
        device("light.window_candles", "living_room", minutes=150, uses_per_day=0.15),
        device("cover.bedroom_blind", "bedroom", minutes=640, uses_per_day=0.05, device_class="blind"),
    ]


def plant_habits(rng: Random) -> list[Habit]:
    """Draw the habits: the same devices for every seed, times and regularity of its own."""
    habits = []
    for number, (entity_id, state, by, anchor, earliest, latest, spread, days) in enumerate(_PLANTED, 1):
        minute = round(rng.uniform(earliest, latest), 1)
        probability = round(rng.uniform(0.9, 0.98), 3)
        action = EntityState(entity_id, state)
        habits.append(Habit(f"habit-{number}", action, by, anchor, minute, spread, days, probability))
    return habits


class HabitPractice:
    """Do the habits on their days, with their probability and spread."""

    def __init__(self, world: World, errands: Errands, habits: list[Habit]) -> None:
        self._world = world
        self._errands = errands
        self._habits = habits
        self._rng = world.rng("habits")

    def plan(self, day: int) -> dict[str, list[float]]:
        """Plan a day's habits, and return by person when they mean to do them."""
        appointments: dict[str, list[float]] = {}
        if self._world.calendar.day_type(day) == "away":
            return appointments
        weekday = self._world.calendar.date(day).weekday()
        for habit in self._habits:
            moment = self._moment(habit, day) + 60 * self._rng.gauss(0, habit.spread_minutes)
            done = self._rng.random() < habit.probability
            if weekday not in habit.days:
                continue
            habit.eligible_days += 1
            if done:
                appointments.setdefault(habit.by, []).append(moment)
                self._world.agenda.at(moment, partial(self._do, habit))
        return appointments

    def _do(self, habit: Habit, at: float) -> None:
        self._errands.run(habit.action, at, by=habit.by, done=habit.occurrences.append)

    def _moment(self, habit: Habit, day: int) -> float:
        """Return the habit's own time on a day."""
        if habit.anchor == "clock":
            return self._world.calendar.moment(day, habit.minute)
        sunrise, sunset = self._world.calendar.sun(day)
        return (sunrise if habit.anchor == "sunrise" else sunset) + 60 * habit.minute
