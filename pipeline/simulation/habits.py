"""Habits: what an occupant does at its time, by the clock or by the sun."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from pipeline.simulation.devices import Device, device
from pipeline.simulation.errands import Errands
from pipeline.simulation.instance import World
from pipeline.simulation.people import Difficulty, Occupant
from pipeline.simulation.truth import Anchor, EntityState, Habit

_EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
_WORKDAYS = (0, 1, 2, 3, 4)
_WEEKEND = (5, 6)
# Every now and then people are far from their usual time.
_FAR_SHARE, _FAR_FACTOR = 0.05, 2.5

# entity, state, whose, anchor, earliest and latest minute to draw from, spread, days
_Row = tuple[str, str, int, Anchor, float, float, float, tuple[int, ...]]
_PLANTED: tuple[_Row, ...] = (
    ("switch.coffee_maker", "on", 0, "clock", 405, 430, 5, _WORKDAYS),
    ("media_player.kitchen_radio", "playing", 0, "clock", 540, 590, 10, _WEEKEND),
    ("media_player.living_room_tv", "playing", 0, "clock", 1185, 1230, 8, _EVERY_DAY),
    ("switch.dishwasher", "on", 0, "clock", 1265, 1310, 10, _EVERY_DAY),
    ("light.reading_lamp", "on", 0, "clock", 1235, 1290, 18, _EVERY_DAY),
    ("switch.bedroom_humidifier", "on", 1, "clock", 1432, 1444, 9, _EVERY_DAY),
    ("switch.cat_feeder", "on", 0, "clock", 420, 450, 5, _EVERY_DAY),
    ("switch.cat_feeder", "on", 0, "clock", 1080, 1120, 5, _EVERY_DAY),
    ("light.window_candles", "on", 0, "sunset", 5, 25, 6, _EVERY_DAY),
    ("cover.bedroom_blind", "open", 0, "sunrise", -5, 20, 6, _EVERY_DAY),
)


@dataclass(frozen=True, slots=True)
class _Variety:
    """A kind of habit that each household has on a device of its own.

    Parameters
    ----------
    change
        What becomes of it after two weeks or more.
    one_day
        Whether it belongs to a single day of the week.
    """

    spread: float
    usual: tuple[float, float] = (0.9, 0.98)
    days: tuple[int, ...] = _EVERY_DAY
    change: str | None = None
    one_day: bool = False


_VARIETIES = (
    _Variety(2.0),
    _Variety(25.0),
    _Variety(45.0),
    _Variety(6.0, days=_WORKDAYS),
    _Variety(12.0, (0.55, 0.68)),
    _Variety(9.0, one_day=True),
    _Variety(8.0, change="moved"),
    _Variety(8.0, change="dropped"),
)
# When those at home are awake, on days of work too.
_AT_HOME = ((430.0, 505.0), (860.0, 1010.0), (1095.0, 1330.0))
_MOVES_BY_MINUTES = (50.0, 110.0)
_CHANGES_AFTER_DAYS = (14, 26)


def habit_devices() -> list[Device]:
    """Return the entities of the habits that every household has; each is used at random, too."""
    return [
        device("switch.coffee_maker", "kitchen", minutes=25, uses_per_day=0.32),
        device("media_player.kitchen_radio", "kitchen", minutes=50, uses_per_day=0.28),
        device(
            "media_player.living_room_tv",
            "living_room",
            minutes=95,
            stretch=("weekend", 160),
            uses_per_day=0.32,
            device_class="tv",
        ),
        device("switch.dishwasher", "kitchen", minutes=80, sigma=0.06, uses_per_day=0.16),
        device("light.reading_lamp", "living_room", minutes=60, uses_per_day=0.4),
        device("switch.bedroom_humidifier", "bedroom", minutes=240, uses_per_day=0.08),
        device("switch.cat_feeder", "kitchen", minutes=2, sigma=0.1, uses_per_day=0.2),
        device("light.window_candles", "living_room", minutes=150, uses_per_day=0.2),
        device("cover.bedroom_blind", "bedroom", minutes=640, uses_per_day=0.04, device_class="blind"),
    ]


def optional_devices() -> list[Device]:
    """Return what has a habit in some households, and is used at random in the others."""
    return [
        device("switch.air_purifier", "bedroom", minutes=55, uses_per_day=0.8),
        device("light.bed_lamp", "bedroom", minutes=25, sigma=0.5, uses_per_day=1.0),
        device("media_player.bathroom_radio", "bathroom", minutes=18, uses_per_day=0.8),
        device("switch.towel_dryer", "bathroom", minutes=45, sigma=0.1, uses_per_day=0.6),
        device("switch.espresso_grinder", "kitchen", minutes=3, sigma=0.15, uses_per_day=0.8),
        device("switch.oven", "kitchen", minutes=38, sigma=0.3, uses_per_day=0.7),
        device("light.plant_lamp", "office", minutes=120, sigma=0.1, uses_per_day=0.4),
        device("fan.office", "office", minutes=50, sigma=0.8, uses_per_day=0.8),
        device("switch.treadmill", "garage", minutes=32, uses_per_day=0.5),
        device("light.hobby_table", "garage", minutes=60, uses_per_day=0.6),
        device("media_player.record_player", "living_room", minutes=42, uses_per_day=0.7),
        device("switch.aquarium_light", "living_room", minutes=200, sigma=0.1, uses_per_day=0.3),
    ]


def plant_habits(
    rng: Random, occupants: Sequence[Occupant], difficulty: Difficulty, date_of: Callable[[int], str]
) -> list[Habit]:
    """Draw the habits: some that every household has, and one of every variety on a device of its own."""
    habits: list[Habit] = []
    for entity_id, state, who, anchor, earliest, latest, spread, days in _PLANTED:
        minute = round(rng.uniform(earliest, latest), 1)
        habits.append(
            Habit(
                f"habit-{len(habits) + 1}",
                EntityState(entity_id, state),
                occupants[who % len(occupants)].name,
                anchor,
                minute,
                round(spread * difficulty.spread, 2),
                days,
                difficulty.probability(rng.uniform(0.9, 0.98)),
            )
        )
    chosen = rng.sample(optional_devices(), len(_VARIETIES))
    for variety, on in zip(_VARIETIES, chosen, strict=True):
        habit = _draw(rng, f"habit-{len(habits) + 1}", variety, on, difficulty)
        habit.by = rng.choice(occupants).name
        _plan_change(rng, habit, variety, date_of)
        habits.append(habit)
    return habits


def _draw(rng: Random, habit_id: str, variety: _Variety, on: Device, difficulty: Difficulty) -> Habit:
    """Draw a habit of a variety at a time at which somebody is at home."""
    days = (rng.randrange(7),) if variety.one_day else variety.days
    minute = round(rng.uniform(*rng.choice(_AT_HOME)), 1)
    probability = difficulty.probability(rng.uniform(*variety.usual))
    spread = round(variety.spread * difficulty.spread, 2)
    return Habit(
        habit_id, EntityState(on.entity_id, on.active), "", "clock", minute, spread, days, probability
    )


def _plan_change(rng: Random, habit: Habit, variety: _Variety, date_of: Callable[[int], str]) -> None:
    day = rng.randrange(*_CHANGES_AFTER_DAYS)
    later = rng.uniform(*_MOVES_BY_MINUTES)
    if variety.change == "moved":
        habit.moved_on = date_of(day)
        # Never into the hours in which everybody may be out: mornings and evenings move earlier.
        habit.moved_minute = round(habit.minute + (later if 720 < habit.minute < 1080 else -later), 1)
    elif variety.change == "dropped":
        habit.dropped_on = date_of(day)


class HabitPractice:
    """Do the habits on their days, with their probability and spread."""

    def __init__(self, world: World, errands: Errands, habits: list[Habit]) -> None:
        self._world = world
        self._errands = errands
        self._habits = habits
        self._rng = world.rng("habits")
        self._omitted: set[tuple[str, int]] = set()

    def due(self, habit: Habit, day: int) -> float | None:
        """Return when the habit belongs to a day, or None if it does not."""
        calendar, on = self._world.calendar, self._world.calendar.date(day)
        for_work = habit.days == _WORKDAYS and not self._world.almanac.is_workday(day)
        dropped = habit.dropped_on is not None and on.isoformat() >= habit.dropped_on
        if self._world.almanac.is_away(day) or on.weekday() not in habit.days or for_work or dropped:
            return None
        moved = habit.moved_on is not None and on.isoformat() >= habit.moved_on
        minute = habit.moved_minute if moved and habit.moved_minute is not None else habit.minute
        if habit.anchor == "clock":
            return calendar.moment(day, minute)
        sunrise, sunset = calendar.sun(day)
        return (sunrise if habit.anchor == "sunrise" else sunset) + 60 * minute

    def omit(self, habit: Habit, day: int) -> None:
        """Let a habit not be done on a day that is still to be planned."""
        self._omitted.add((habit.habit_id, day))

    def plan(self, day: int) -> dict[str, list[float]]:
        """Plan a day's habits, and return by person when they mean to do them."""
        appointments: dict[str, list[float]] = {}
        for habit in self._habits:
            far = _FAR_FACTOR if self._rng.random() < _FAR_SHARE else 1.0
            off_s = 60 * self._rng.gauss(0, habit.spread_minutes) * far
            done = self._rng.random() < habit.probability
            due = self.due(habit, day)
            if due is None:
                continue
            habit.eligible_days += 1
            if (habit.habit_id, day) in self._omitted:
                self._omitted.remove((habit.habit_id, day))
                continue
            habit.skipped.append(due)
            if done:
                appointments.setdefault(habit.by, []).append(due + off_s)
                self._world.agenda.at(due + off_s, partial(self._do, habit, due))
        return appointments

    def _do(self, habit: Habit, due: float, at: float) -> None:
        def done(when: float) -> None:
            habit.occurrences.append(when)
            habit.skipped.remove(due)

        self._errands.run(habit.action, at, by=habit.by, done=done)
