"""Operation of a device by a person: at the device, or through Home Assistant's interface."""

from collections.abc import Callable

from pipeline.simulation.devices import Device
from pipeline.simulation.instance import World
from pipeline.simulation.truth import EntityState

Done = Callable[[float], None]
Forgotten = Callable[[float, float], None]

_INTERFACE_SHARE = 0.3
_DIM_SHARE = 0.12
_EVENING_MINUTE = 18 * 60
# What is on for longer than so many times the usual was forgotten, and that is labelled.
_LONGEST = 4.0


class Operation:
    """Bring devices into states, and switch back what people do not leave on.

    Parameters
    ----------
    world
        Where it happens.
    user_id
        Whose account the interface is signed in with.
    """

    def __init__(self, world: World, user_id: str) -> None:
        self._world = world
        self._agenda = world.agenda
        self._home_assistant = world.home_assistant
        self._rng = world.rng("operation")
        self._user_id = user_id
        self._uses: dict[str, int] = {}
        self._forgotten: dict[str, tuple[float, Forgotten]] = {}

    def by_interface(self) -> bool:
        """Decide whether the next operation is made in the interface, from any room."""
        return self._rng.random() < _INTERFACE_SHARE

    def forget(self, entity_id: str, lasts_s: float, told: Forgotten) -> None:
        """Leave a device on for much longer the next time; `told` hears from when to when."""
        self._forgotten[entity_id] = (lasts_s, told)

    def remember(self, entity_id: str) -> None:
        """Take back what `forget` asked for, if it has not come about."""
        self._forgotten.pop(entity_id, None)

    def operate(self, at: float, target: EntityState, *, interface: bool, done: Done | None = None) -> None:
        """Bring a device into a state; `done` hears when, if the stream shows it."""
        if self._home_assistant.state(target.entity_id) == target.state:
            return
        context = self._home_assistant.context(at, user_id=self._user_id)
        if interface and self._home_assistant.call(at, (target.entity_id, target.state), context):
            self._agenda.at(at + self._rng.uniform(0.04, 0.18), lambda now: self._settle(now, target, done))
        else:
            self._settle(at, target, done)

    def _settle(self, at: float, target: EntityState, done: Done | None) -> None:
        """Let the device reach its state, and plan what people usually do with it next."""
        if self._home_assistant.report(at, target.entity_id, target.state) and done is not None:
            done(at)
        device = self._home_assistant.device(target.entity_id)
        self._uses[target.entity_id] = use = self._uses.get(target.entity_id, 0) + 1
        if target.state != device.active or not device.minutes:
            return
        lasts_s = self._lasts_s(device, at)
        if target.entity_id in self._forgotten:
            lasts_s, told = self._forgotten.pop(target.entity_id)
            told(at, at + lasts_s)
        back = EntityState(target.entity_id, device.idle)
        self._agenda.at(at + lasts_s, lambda now: self._switch_back(now, back, use))
        if target.entity_id.startswith("light.") and self._rng.random() < _DIM_SHARE:
            self._agenda.at(at + self._rng.uniform(10, 90), lambda now: self._dim(now, target))

    def _lasts_s(self, device: Device, at: float) -> float:
        """Draw how long a device is left active."""
        calendar = self._world.calendar
        special = {
            None: False,
            "weekend": calendar.date(calendar.day(at)).weekday() >= 5,
            "evening": calendar.minute(at) >= _EVENING_MINUTE,
        }[device.stretch]
        minutes = device.stretch_minutes if special else device.minutes
        return 60 * minutes * min(_LONGEST, self._rng.lognormvariate(0, device.sigma))

    def _switch_back(self, at: float, target: EntityState, use: int) -> None:
        if self._uses[target.entity_id] == use:
            self.operate(at, target, interface=self.by_interface())

    def _dim(self, at: float, target: EntityState) -> None:
        """Change the brightness only."""
        if self._home_assistant.state(target.entity_id) != target.state:
            return
        brightness = self._rng.choice((38, 77, 128, 255))
        context = self._home_assistant.context(at, user_id=self._user_id)
        if self._home_assistant.call(at, (target.entity_id, target.state), context, brightness=brightness):
            self._agenda.at(at + 0.09, lambda now: self._set_brightness(now, target, brightness))

    def _set_brightness(self, at: float, target: EntityState, brightness: int) -> None:
        if self._home_assistant.state(target.entity_id) == target.state:
            self._home_assistant.report(at, target.entity_id, target.state, brightness=brightness)
