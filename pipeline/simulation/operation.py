"""How a person operates a device: at the device, or through Home Assistant's interface."""

from collections.abc import Callable

from pipeline.simulation.truth import EntityState
from pipeline.simulation.world import World

Done = Callable[[float], None]

_INTERFACE_SHARE = 0.3
_DIM_SHARE = 0.12
_LASTS_SIGMA = 0.25


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
        self._agenda = world.agenda
        self._home_assistant = world.home_assistant
        self._rng = world.rng("operation")
        self._user_id = user_id
        self._uses: dict[str, int] = {}

    def by_interface(self) -> bool:
        """Decide whether the next operation is made in the interface, from any room."""
        return self._rng.random() < _INTERFACE_SHARE

    def operate(self, at: float, target: EntityState, *, interface: bool, done: Done | None = None) -> None:
        """Bring a device into a state; `done` hears when, if the stream shows it."""
        if self._home_assistant.state(target.entity_id) == target.state:
            return
        if not interface:
            self._settle(at, target, done)
            return
        context = self._home_assistant.context(at, user_id=self._user_id)
        if self._home_assistant.call(at, (target.entity_id, target.state), context):
            self._agenda.at(at + self._rng.uniform(0.04, 0.18), lambda now: self._settle(now, target, done))

    def _settle(self, at: float, target: EntityState, done: Done | None) -> None:
        """Let the device reach its state, and plan what people usually do with it next."""
        if self._home_assistant.report(at, target.entity_id, target.state) and done is not None:
            done(at)
        device = self._home_assistant.device(target.entity_id)
        self._uses[target.entity_id] = use = self._uses.get(target.entity_id, 0) + 1
        if target.state != device.active or not device.minutes:
            return
        lasts_s = 60 * device.minutes * self._rng.lognormvariate(0, _LASTS_SIGMA)
        back = EntityState(target.entity_id, device.idle)
        self._agenda.at(at + lasts_s, lambda now: self._switch_back(now, back, use))
        if target.entity_id.startswith("light.") and self._rng.random() < _DIM_SHARE:
            self._agenda.at(at + self._rng.uniform(10, 90), lambda now: self._dim(now, target))

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
