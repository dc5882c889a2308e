"""A generated household: its messages in order of arrival, and the truth of what was planted in it."""

from collections.abc import Collection, Iterator
from datetime import date
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

from pipeline.simulation.almanac import Almanac
from pipeline.simulation.automations import Machines, automation_device
from pipeline.simulation.chains import ChainPractice
from pipeline.simulation.dates import Dates
from pipeline.simulation.days import Agenda, Calendar
from pipeline.simulation.derived import Repetition
from pipeline.simulation.devices import Device
from pipeline.simulation.errands import Errands, RandomUse
from pipeline.simulation.habits import HabitPractice
from pipeline.simulation.instance import HomeAssistant, Payload, World
from pipeline.simulation.oddities import Oddities
from pipeline.simulation.operation import Operation
from pipeline.simulation.pairs import PairPractice
from pipeline.simulation.people import DIFFICULTIES, MOST, Level, draw_occupants
from pipeline.simulation.planting import own_devices, placed_devices, plant
from pipeline.simulation.presence import Presence
from pipeline.simulation.sensors import Sensors
from pipeline.simulation.stays import StayLog
from pipeline.simulation.truth import Truth
from schemas.anomalies import AnomalyKind
from schemas.home import check_zone

# Ingest takes times before 2100 in UTC, which west of Greenwich comes hours before the local year's end.
_FIRST, _LAST = date(1970, 1, 1), date(2099, 12, 30)

Message = tuple[float, Payload]

_LATE_S = (5.0, 600.0)
_AGAIN_S = (0.05, 60.0)


class Delivery:
    """Put fired events into the order of their arrival.

    Parameters
    ----------
    rng
        Source of delays.
    late_share
        Share of messages that arrive 5 to 600 seconds after they were fired.
    duplicate_share
        Share of messages that arrive a second time within a minute.
    """

    def __init__(self, rng: Random, late_share: float, duplicate_share: float) -> None:
        self._rng = rng
        self._late_share = late_share
        self._duplicate_share = duplicate_share
        self._under_way: list[tuple[float, int, Payload]] = []
        self._numbers = count()
        self._last_arrival = 0.0

    def take(self, fired: float, payload: Payload) -> None:
        """Send a message on its way."""
        if self._rng.random() < self._late_share:
            arrival = fired + self._rng.uniform(*_LATE_S)
        else:
            arrival = self._last_arrival = max(self._last_arrival, fired + self._rng.uniform(0.012, 0.05))
        heappush(self._under_way, (arrival, next(self._numbers), payload))
        if self._rng.random() < self._duplicate_share:
            again = arrival + self._rng.uniform(*_AGAIN_S)
            heappush(self._under_way, (again, next(self._numbers), payload))

    def arrived(self, before: float = float("inf")) -> Iterator[Message]:
        """Yield what has arrived before a moment at which all that comes is fired later."""
        while self._under_way and self._under_way[0][0] < before:
            arrival, _, payload = heappop(self._under_way)
            yield arrival, payload


class Household:
    """People, their rooms and devices, and a Home Assistant that tells of them.

    The same parameters give the same messages, byte for byte, and more days begin with the same ones.

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
    occupants
        How many people live there, 1 to 4.
    away
        Days, counted from 0, on which nobody is at home; None draws journeys.
    difficulty
        How regular people are, and how often they use devices for no reason.
    noise
        Factor on the latter.
    anomalies
        Which kinds may occur.
    restarts_per_week
        How often Home Assistant is restarted.
    late_share, duplicate_share
        Shares of messages that arrive late, and twice.

    Raises
    ------
    ValueError
        If a parameter is outside of its bounds.

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
        occupants: int = 2,
        away: Collection[int] | None = None,
        difficulty: Level = "normal",
        noise: float = 1.0,
        anomalies: Collection[AnomalyKind] = tuple(AnomalyKind),
        restarts_per_week: float = 0.5,
        late_share: float = 0.003,
        duplicate_share: float = 0.003,
    ) -> None:
        _check("at least one day", days, holds=days >= 1)
        _check(f"days from {_FIRST} to {_LAST}", f"{days} from {start}", holds=_are_known(start, days))
        _check(f"1 to {MOST} occupants", occupants, holds=1 <= occupants <= MOST)
        _check(f"a difficulty of {', '.join(DIFFICULTIES)}", difficulty, holds=difficulty in DIFFICULTIES)
        _check("noise of 0 or more", noise, holds=noise >= 0)
        _check("up to 7 restarts per week", restarts_per_week, holds=0 <= restarts_per_week <= 7)
        for share in (late_share, duplicate_share):
            _check("shares between 0 and 1", share, holds=0 <= share <= 1)
        _check("a latitude between -90 and 90", lat, holds=-90 <= lat <= 90)
        _check("a longitude between -180 and 180", lon, holds=-180 <= lon <= 180)
        check_zone(tz)
        self.seed = seed
        self.days = days
        self.tz = tz
        self.lat = lat
        self.lon = lon
        self.calendar = Calendar(start=start, days=days, tz=tz, lat=lat, lon=lon)
        self._almanac = Almanac(seed=seed, start=start, occupants=occupants, away=away)
        self._occupants = draw_occupants(Random(f"{seed}/occupants"), occupants)
        self._difficulty = DIFFICULTIES[difficulty]
        self._noise = noise * self._difficulty.noise
        self._anomalies = [AnomalyKind(kind) for kind in anomalies]
        self._restart_share = restarts_per_week / 7
        self._shares = (late_share, duplicate_share)
        self._has_run = False
        self.truth = self._plant()

    def messages(self) -> Iterator[Message]:
        """Generate eventstream messages as (arrival in epoch seconds, payload), in order of arrival.

        `truth` is complete after the last; another run begins with a new one. Payloads share what they hold,
        so readers must not change them.
        """
        if self._has_run:
            self.truth = self._plant()
        self._has_run = True
        agenda = Agenda()
        home_assistant = HomeAssistant(agenda, Random(f"{self.seed}/home assistant"))
        world = World(self.seed, self.calendar, self._almanac, agenda, home_assistant)
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
        truth = self.truth
        operation = Operation(world, f"{world.rng('user').getrandbits(128):032x}")
        presence = Presence(world, operation, self._occupants)
        errands = Errands(world, presence, operation)
        habits = HabitPractice(world, errands, truth.habits)
        uses = RandomUse(world, errands, placed_devices(), self._noise)
        presence.on_visit(uses.visit)
        pairs = PairPractice(world, presence, operation, truth.pairs)
        chains = ChainPractice(world, presence, operation, truth.chains, truth.bundles)
        machines, sensors, dates = Machines(world, truth.automations), Sensors(world), Dates(world)
        Repetition(world, truth.derived)
        StayLog(world, truth)
        oddities = Oddities(
            world,
            truth,
            self._anomalies,
            habits=habits,
            presence=presence,
            operation=operation,
            sensors=sensors,
        )
        restarts = world.rng("restarts")
        for day in range(self.days):
            truth.day_types[self.calendar.date(day).isoformat()] = self._almanac.day_type(day)
            oddities.plan(day)
            presence.plan(day, habits.plan(day))
            for part in (uses, pairs, chains, machines, sensors, dates):
                part.plan(day)
            self._plan_restart(world, restarts, day)
            yield self.calendar.moment(day + 1, 0)

    def _plan_restart(self, world: World, rng: Random, day: int) -> None:
        due, minute = rng.random() < self._restart_share, rng.uniform(30, 1400)
        if due:
            moment = self.calendar.moment(day, minute)
            self.truth.restarts.append(moment)
            world.agenda.at(moment, world.home_assistant.restart)

    def _plant(self) -> Truth:
        """Draw what is to be found, with nothing of it come about yet."""
        return plant(
            Random(f"{self.seed}/planted"),
            self.calendar,
            occupants=self._occupants,
            difficulty=self._difficulty,
            devices=placed_devices(),
        )

    def _devices(self) -> list[Device]:
        """Return every entity of the household."""
        automations = [automation_device(a) for a in self.truth.automations if a.automation_id]
        return [*placed_devices(), *own_devices(self._occupants), *automations]


def _are_known(start: date, days: int) -> bool:
    """Tell whether logs of these days can be learned."""
    return _FIRST.toordinal() <= start.toordinal() <= _LAST.toordinal() - days + 1


def _check(expected: str, got: Any, *, holds: bool) -> None:
    if not holds:
        raise ValueError(f"expected {expected}, got {got}")
