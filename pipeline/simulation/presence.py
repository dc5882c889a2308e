"""Presence of people, and what of it shows: motion, doors, persons, ceiling lights."""

from collections.abc import Callable, Sequence
from functools import partial

from pipeline.simulation.devices import CEILING_ROOMS, MOTION_ROOMS, VISITED_ROOMS
from pipeline.simulation.instance import World, poisson
from pipeline.simulation.operation import Operation
from pipeline.simulation.people import GUEST, Occupant, Rhythm, Stay, guest_stay, joint_outing
from pipeline.simulation.truth import EntityState

_UPSTAIRS = ("bedroom", "bathroom", "office")
# How much a room is liked, and the minutes that people stay and that pass between movements.
_LIKING = {
    "hall": (0.8, 2.0, 1.0),
    "kitchen": (3.0, 12.0, 2.5),
    "living_room": (4.0, 28.0, 7.0),
    "bedroom": (1.2, 10.0, 5.0),
    "bathroom": (1.6, 8.0, 3.0),
    "office": (2.0, 35.0, 8.0),
    "garage": (0.4, 8.0, 3.0),
}
_CLIMBING = 0.5
_PASSING = (0.0, 3.0, 3.0)
_CAT_WALKS_PER_DAY = 3.0

Visit = Callable[[str, float], None]


class Presence:
    """Move the occupants through their days.

    Parameters
    ----------
    world
        Where it happens.
    operation
        How they switch their lights.
    occupants
        Who lives here.
    """

    def __init__(self, world: World, operation: Operation, occupants: Sequence[Occupant]) -> None:
        self._world = world
        self._agenda = world.agenda
        self._home_assistant = world.home_assistant
        self._operation = operation
        self._occupants = occupants
        self._rng = world.rng("presence")
        self._rhythm = Rhythm(world.calendar, world.almanac, self._rng)
        self._rooms: dict[str, str] = {}
        self._moves = dict.fromkeys([GUEST, *(occupant.name for occupant in occupants)], 0)
        self._visits: list[Visit] = []
        self._quiet: dict[str, float] = {}

    def awake(self) -> list[str]:
        """Name the occupants who are at home and awake."""
        return [name for name in self._rooms if name != GUEST]

    def on_visit(self, visit: Visit) -> None:
        """Call `visit` with the room and the time whenever somebody comes into one."""
        self._visits.append(visit)

    def plan(self, day: int, appointments: dict[str, list[float]]) -> None:
        """Plan a day around what the occupants mean to do at given times."""
        calendar, almanac = self._world.calendar, self._world.almanac
        outing = joint_outing(self._rng, free=almanac.is_free(day))
        for occupant in self._occupants:
            meant = appointments.get(occupant.name, [])
            for stay in self._rhythm.stays(occupant, day, outing, meant):
                self._agenda.at(stay.begin, partial(self._begin, occupant.name, stay))
                self._agenda.at(stay.end, partial(self._end, occupant.name, stay))
        if almanac.has_guests(day):
            stay = guest_stay(calendar, day, self._rng)
            self._agenda.at(stay.begin, partial(self._receive, stay))
        for _ in range(poisson(self._rng, _CAT_WALKS_PER_DAY)):
            moment = calendar.moment(day, self._rng.uniform(0, 1440))
            self._agenda.at(moment, partial(self._stir, self._rng.choice(MOTION_ROOMS)))

    def go(self, at: float, name: str, room: str) -> None:
        """Move somebody into a room, with the motion and the lights that this brings."""
        self._moves[name] += 1
        stays_s = 60 * _LIKING.get(room, _PASSING)[1] * self._rng.lognormvariate(0, 0.6)
        self._agenda.at(at + max(20.0, stays_s), partial(self._wander, name, self._moves[name]))
        before = self._rooms.get(name)
        self._rooms[name] = room
        if before is not None and (before in _UPSTAIRS) != (room in _UPSTAIRS):
            self._stir("stairs", at)
        self._move_about(name, self._moves[name], at)
        if before is not None and before != room:
            self._leave_dark(at, before)
        for visit in self._visits:
            visit(room, at)
        lamp = EntityState(f"light.{room}_ceiling", "on")
        if room in CEILING_ROOMS and self._world.calendar.is_dark(at) and self._rng.random() < 0.8:
            self._switch(at + self._rng.uniform(1.5, 7), lamp)

    def _receive(self, stay: Stay, at: float) -> None:
        """Let a guest in, if somebody is there to do so."""
        if self.awake():
            self._begin(GUEST, stay, at)
            self._agenda.at(stay.end, partial(self._end, GUEST, stay))

    def _begin(self, name: str, stay: Stay, at: float) -> None:
        if stay.arrives:
            self._open_front_door(at)
            self._agenda.at(at + self._rng.uniform(5, 70), partial(self._track, name, "home"))
        self.go(at + 0.5, name, "hall" if stay.arrives else "bedroom")

    def _end(self, name: str, stay: Stay, at: float) -> None:
        self.go(at, name, "hall" if stay.leaves else "bedroom")
        lingers_s = 25.0 if stay.leaves else self._rng.uniform(120, 600)
        self._agenda.at(at + lingers_s, partial(self._vanish, name))
        if stay.leaves:
            self._agenda.at(at + 15, self._open_front_door)
            self._agenda.at(at + self._rng.uniform(90, 240), partial(self._track, name, "not_home"))

    def _vanish(self, name: str, at: float) -> None:
        """Let somebody be asleep or out; the last one leaves no light on."""
        self._moves[name] += 1
        room = self._rooms.pop(name, None)
        for dark in CEILING_ROOMS if not self._rooms else [room]:
            if dark is not None:
                self._leave_dark(at, dark, forget=0.3 if self._rooms else 0.0)

    def _wander(self, name: str, number: int, at: float) -> None:
        """Go to another room, unless another move was made meanwhile."""
        if self._moves[name] == number:
            self.go(at, name, self._next_room(self._rooms[name], self._world.calendar.minute(at)))

    def _next_room(self, room: str, minute: float) -> str:
        weights = []
        for other in VISITED_ROOMS:
            weight = 0.0 if other == room else _LIKING[other][0]
            if (other in _UPSTAIRS) != (room in _UPSTAIRS):
                weight *= _CLIMBING
            if minute < 600 and other in {"kitchen", "bathroom"}:
                weight *= 2
            if minute > 1140:
                weight *= {"living_room": 3.0, "office": 0.3}.get(other, 1.0)
            weights.append(weight)
        return self._rng.choices(VISITED_ROOMS, weights)[0]

    def _move_about(self, name: str, number: int, at: float) -> None:
        """Be seen by the room's motion sensor now and again until the next move."""
        if self._moves[name] != number:
            return
        room = self._rooms[name]
        self._stir(room, at)
        pause_s = 60 * _LIKING.get(room, _PASSING)[2]
        self._agenda.at(at + self._rng.expovariate(1 / pause_s), partial(self._move_about, name, number))

    def _stir(self, room: str, at: float) -> None:
        """Let a motion sensor see somebody."""
        if room not in MOTION_ROOMS:
            return
        entity_id = f"binary_sensor.{room}_motion"
        self._quiet[room] = at + self._rng.uniform(45, 95)
        self._home_assistant.report(at, entity_id, "on")
        self._agenda.at(self._quiet[room], partial(self._calm, room))

    def _calm(self, room: str, at: float) -> None:
        if at >= self._quiet[room]:
            self._home_assistant.report(at, f"binary_sensor.{room}_motion", "off")

    def _leave_dark(self, at: float, room: str, forget: float = 0.3) -> None:
        """Switch a room's light off once nobody is in it."""
        if room in CEILING_ROOMS and room not in self._rooms.values() and self._rng.random() > forget:
            self._switch(at + self._rng.uniform(0.5, 5), EntityState(f"light.{room}_ceiling", "off"))

    def _switch(self, at: float, target: EntityState) -> None:
        self._agenda.at(
            at,
            lambda now: self._operation.operate(now, target, interface=self._operation.by_interface()),
        )

    def _open_front_door(self, at: float) -> None:
        self._home_assistant.report(at, "binary_sensor.front_door", "on")
        self._agenda.at(
            at + self._rng.uniform(4, 12),
            lambda now: self._home_assistant.report(now, "binary_sensor.front_door", "off"),
        )

    def _track(self, name: str, state: str, at: float) -> None:
        if name != GUEST:
            self._home_assistant.report(at, f"person.{name}", state)
