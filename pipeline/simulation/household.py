"""A generated household: its messages, and the truth of what was planted in it."""

from collections.abc import Iterator
from datetime import date
from random import Random

from pipeline.simulation.agenda import Agenda
from pipeline.simulation.automations import (
    Machines,
    automated_devices,
    automation_device,
    group_device,
    plant_automations,
    plant_groups,
)
from pipeline.simulation.days import Calendar
from pipeline.simulation.delivery import Delivery, Message
from pipeline.simulation.devices import Device, controls, followers, numeric_sensors
from pipeline.simulation.errands import Errands, RandomUse
from pipeline.simulation.habits import HabitPractice, habit_devices, plant_habits
from pipeline.simulation.instance import HomeAssistant
from pipeline.simulation.operation import Operation
from pipeline.simulation.pairs import PairPractice, pair_devices, plant_pairs
from pipeline.simulation.people import OCCUPANTS
from pipeline.simulation.presence import Presence
from pipeline.simulation.sensors import Sensors, sun_device
from pipeline.simulation.truth import Truth
from pipeline.simulation.world import World


class Household:
    """Two people, their rooms and devices, and a Home Assistant that tells of them.

    The same parameters give the same messages, byte for byte.

    Parameters
    ----------
    seed
        Of all randomness, and so of the habits' times.
    days
        How many local days to generate.
    start
        The first of them; the default's thirty days hold the end of daylight saving time.
    tz, lat, lon
        Where the household is.
    away
        Days, counted from 0, on which nobody is at home.
    noise
        Factor on how often devices are used for no reason.
    restarts_per_week
        How often Home Assistant is restarted.
    late_share, duplicate_share
        Shares of messages that arrive late, and twice.

    Raises
    ------
    ValueError
        If there is not at least one day.

    Examples
    --------
    >>> household = Household(seed=7, days=1)
    >>> arrival, payload = next(household.messages())
    >>> payload["event_type"], sorted(payload["event_data"])
    ('state_changed', ['entity_id', 'new_state', 'old_state'])
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        days: int = 30,
        start: date = date(2026, 10, 5),
        tz: str = "Europe/Berlin",
        lat: float = 52.52,
        lon: float = 13.405,
        away: range = range(17, 19),
        noise: float = 1.0,
        restarts_per_week: float = 0.5,
        late_share: float = 0.003,
        duplicate_share: float = 0.003,
    ) -> None:
        if days < 1:
            raise ValueError(f"expected at least one day, got {days}")
        self.seed = seed
        self.days = days
        self.tz = tz
        self.lat = lat
        self.lon = lon
        self.calendar = Calendar(start=start, days=days, tz=tz, lat=lat, lon=lon, away=away)
        self._noise = noise
        self._restarts_per_week = restarts_per_week
        self._shares = (late_share, duplicate_share)
        self.truth = self._plant()

    def messages(self) -> Iterator[Message]:
        """Generate eventstream messages as (arrival in epoch seconds, payload), in order of arrival.

        `truth` begins anew with the first message and is complete after the last. Payloads share what they
        hold, so readers must not change them.
        """
        self.truth = self._plant()
        agenda = Agenda()
        home_assistant = HomeAssistant(agenda, Random(f"{self.seed}/home assistant"))
        world = World(self.seed, self.calendar, agenda, home_assistant)
        home_assistant.add(self._devices(), self.calendar.moment(0, 0))
        delivery = Delivery(world.rng("delivery"), *self._shares)
        for day_end in self._days(world):
            while agenda.step(day_end):
                for fired, payload in home_assistant.fired:
                    yield from delivery.arrived(before=fired)
                    delivery.take(fired, payload)
                home_assistant.fired.clear()
        yield from delivery.arrived()

    def _days(self, world: World) -> Iterator[float]:
        """Plan one day after the other, and yield when it ends."""
        user_id = f"{world.rng('user').getrandbits(128):032x}"
        operation = Operation(world, user_id)
        presence = Presence(world, operation)
        errands = Errands(world, presence, operation)
        habits = HabitPractice(world, errands, self.truth.habits)
        uses = RandomUse(world, errands, self._devices(), self._noise)
        PairPractice(world, presence, operation, self.truth.pairs)
        machines = Machines(world, self.truth.automations, self.truth.derived)
        sensors = Sensors(world)
        self._plan_restarts(world)
        for day in range(self.days):
            self.truth.day_types[self.calendar.date(day).isoformat()] = self.calendar.day_type(day)
            presence.plan(day, habits.plan(day))
            uses.plan(day)
            machines.plan(day)
            sensors.plan(day)
            yield self.calendar.moment(day + 1, 0)

    def _plan_restarts(self, world: World) -> None:
        rng = world.rng("restarts")
        number = round(self.days * self._restarts_per_week / 7)
        for day in rng.sample(range(self.days), min(number, self.days)):
            moment = self.calendar.moment(day, rng.uniform(30, 1400))
            self.truth.restarts.append(moment)
            world.agenda.at(moment, world.home_assistant.restart)
        self.truth.restarts.sort()

    def _plant(self) -> Truth:
        """Draw what is to be found, with nothing of it come about yet."""
        rng = Random(f"{self.seed}/planted")
        habits, pairs = plant_habits(rng), plant_pairs(rng)
        return Truth(
            tz=self.tz,
            habits=habits,
            pairs=pairs,
            automations=plant_automations(rng),
            derived=plant_groups(),
            controls=[device.entity_id for device in controls()],
            followers=[device.entity_id for device in followers()],
            rooms={device.entity_id: device.room for device in _placed_devices()},
        )

    def _devices(self) -> list[Device]:
        """Return every entity of the household."""
        persons = [_person(occupant.entity_id) for occupant in OCCUPANTS]
        automations = [automation_device(a) for a in self.truth.automations if a.automation_id]
        return [*_placed_devices(), *persons, sun_device(), *automations]


def _placed_devices() -> list[Device]:
    """Return the entities that stand in a room."""
    return [
        *followers(),
        *habit_devices(),
        *pair_devices(),
        *automated_devices(),
        *controls(),
        *numeric_sensors(),
        group_device(),
    ]


def _person(entity_id: str) -> Device:
    name = entity_id.split(".")[1]
    fixed = {"editable": True, "id": name, "device_trackers": [f"device_tracker.{name}"], "user_id": None}
    return Device(
        entity_id, "", "home", "not_home", {**fixed, "friendly_name": name.capitalize()}, local=True
    )
