"""What people do on purpose: go to a device, or reach for the interface, and operate it."""

from functools import partial

from pipeline.simulation.devices import Device
from pipeline.simulation.operation import Done, Operation
from pipeline.simulation.presence import Presence
from pipeline.simulation.truth import EntityState
from pipeline.simulation.world import World, poisson

_DOOR_S = (4.0, 25.0)


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

    def _open(self, at: float, door: Device) -> None:
        """Open a door and let it fall shut."""
        self._presence.go(at, self._rng.choice(self._presence.awake()), door.room)
        opened = at + self._rng.uniform(1, 4)
        self._agenda.at(opened, lambda now: self._home_assistant.report(now, door.entity_id, door.active))
        self._agenda.at(
            opened + self._rng.uniform(*_DOOR_S),
            lambda now: self._home_assistant.report(now, door.entity_id, door.idle),
        )


class RandomUse:
    """Operate devices now and then for no reason that could be learned.

    Parameters
    ----------
    devices
        What is used, each as often as it says.
    noise
        Factor on how often.
    """

    def __init__(self, world: World, errands: Errands, devices: list[Device], noise: float) -> None:
        self._world = world
        self._errands = errands
        self._devices = devices
        self._noise = noise
        self._rng = world.rng("random use")

    def plan(self, day: int) -> None:
        """Plan a day's uses, at any time at which somebody may be awake."""
        for device in self._devices:
            target = EntityState(device.entity_id, device.active)
            for _ in range(poisson(self._rng, device.uses_per_day * self._noise)):
                moment = self._world.calendar.moment(day, self._rng.uniform(390, 1410))
                self._world.agenda.at(moment, partial(self._errands.run, target))
