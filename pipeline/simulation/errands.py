"""Errands of people: they go to a device, or reach for the interface, and operate it."""

from collections.abc import Sequence
from functools import partial

from pipeline.simulation.devices import VISITED_ROOMS, Device
from pipeline.simulation.instance import World, poisson
from pipeline.simulation.operation import Done, Operation
from pipeline.simulation.presence import Presence
from pipeline.simulation.truth import EntityState

_DOOR_S = (4.0, 25.0)
_WISH_SHARE = 0.6
_WISH_LASTS_S = (600.0, 9000.0)
_USED_AFTER_S = (8.0, 300.0)


class Errands:
    """Let somebody who is awake at home operate a device."""

    def __init__(self, world: World, presence: Presence, operation: Operation) -> None:
        self._agenda = world.agenda
        self._home_assistant = world.home_assistant
        self._rng = world.rng("errands")
        self._presence = presence
        self._operation = operation

    def run(self, target: EntityState, at: float, *, by: str | None = None, done: Done | None = None) -> None:
        """Operate a device now, or not at all where nobody is there to do it."""
        awake = self._presence.awake()
        if not awake:
            return
        device = self._home_assistant.device(target.entity_id)
        if target.entity_id.startswith("binary_sensor."):
            self._open(at, device)
        elif self._operation.by_interface():
            self._operation.operate(at, target, interface=True, done=done)
        else:
            self._presence.go(at, by if by in awake else self._rng.choice(awake), device.room)
            reach_s = self._rng.uniform(3, 18)
            self._agenda.at(
                at + reach_s, lambda now: self._operation.operate(now, target, interface=False, done=done)
            )

    def use(self, device: Device, at: float) -> None:
        """Operate a device in passing, if somebody is still there."""
        if not self._presence.awake():
            return
        if device.entity_id.startswith("binary_sensor."):
            self.open(at, device)
        else:
            target = EntityState(device.entity_id, device.active)
            self._operation.operate(at, target, interface=self._operation.by_interface())

    def open(self, at: float, door: Device) -> None:
        """Open a door and let it fall shut."""
        self._agenda.at(at, lambda now: self._home_assistant.report(now, door.entity_id, door.active))
        self._agenda.at(
            at + self._rng.uniform(*_DOOR_S),
            lambda now: self._home_assistant.report(now, door.entity_id, door.idle),
        )

    def _open(self, at: float, door: Device) -> None:
        """Go to a door and open it."""
        self._presence.go(at, self._rng.choice(self._presence.awake()), door.room)
        self.open(at + self._rng.uniform(1, 4), door)


class RandomUse:
    """Operate devices now and then for no reason that could be learned, mostly in rooms where people are.

    Parameters
    ----------
    devices
        What is used, each as often as it says.
    noise
        Factor on how often.
    """

    def __init__(self, world: World, errands: Errands, devices: Sequence[Device], noise: float) -> None:
        self._world = world
        self._errands = errands
        self._devices = devices
        self._noise = noise
        self._rng = world.rng("random use")
        self._wishes: dict[str, list[tuple[float, Device]]] = {}

    def plan(self, day: int) -> None:
        """Plan a day's uses, at any time at which somebody may be awake."""
        for device in self._devices:
            for _ in range(poisson(self._rng, device.uses_per_day * self._noise)):
                moment = self._world.calendar.moment(day, self._rng.uniform(390, 1410))
                wishes = self._rng.random() < _WISH_SHARE and device.room in VISITED_ROOMS
                target = EntityState(device.entity_id, device.active)
                use = partial(self._wish, device) if wishes else partial(self._errands.run, target)
                self._world.agenda.at(moment, use)

    def visit(self, room: str, at: float) -> None:
        """Use one of the devices of a room that somebody came into and wanted to use."""
        wishes = [wish for wish in self._wishes.pop(room, []) if wish[0] >= at]
        if not wishes:
            return
        _, device = wishes.pop(0)
        self._wishes[room] = wishes
        moment = at + self._rng.uniform(*_USED_AFTER_S)
        self._world.agenda.at(moment, partial(self._errands.use, device))

    def _wish(self, device: Device, at: float) -> None:
        until = at + self._rng.uniform(*_WISH_LASTS_S)
        self._wishes.setdefault(device.room, []).append((until, device))
