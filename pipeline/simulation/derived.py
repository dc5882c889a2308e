"""Entities that only repeat others: groups, templates, and what a plug's power tells."""

from collections.abc import Sequence
from functools import partial

from pipeline.simulation.devices import Device, device
from pipeline.simulation.instance import Context, World
from pipeline.simulation.truth import Derived

_POWER_TELLS_S = (1.2, 6.0)
_ACTIVE = ("on", "open", "playing")


def derived() -> list[Derived]:
    """Return the entities that repeat others."""
    return [
        Derived("light.living_room_lights", ("light.floor_lamp", "light.living_room_ceiling"), "group"),
        Derived("binary_sensor.tv_running", ("media_player.living_room_tv",), "template"),
        Derived("binary_sensor.dishwasher_running", ("switch.dishwasher",), "power"),
        Derived("binary_sensor.washing_machine_running", ("switch.washing_machine",), "power"),
    ]


def derived_devices() -> list[Device]:
    """Return how Home Assistant describes them."""
    fixed = {
        "entity_id": list(derived()[0].sources),
        "friendly_name": "Living room lights",
        "supported_features": 40,
    }
    group = Device("light.living_room_lights", "living_room", "off", "on", fixed, local=True)
    rooms = ("living_room", "kitchen", "bathroom")
    others = [
        device(each.entity_id, room, device_class="running")
        for each, room in zip(derived()[1:], rooms, strict=True)
    ]
    return [group, *others]


class Repetition:
    """Keeps what is derived in step with its sources."""

    def __init__(self, world: World, repeated: Sequence[Derived]) -> None:
        self._agenda = world.agenda
        self._home_assistant = world.home_assistant
        self._rng = world.rng("derived")
        for each in repeated:
            for source in each.sources:
                described = world.home_assistant.device(source)
                for state in (described.idle, described.active):
                    self._home_assistant.on_change(source, state, partial(self._follow, each))

    def _follow(self, repeated: Derived, at: float, context: Context) -> None:
        """Repeat at once under the source's context, or see some seconds later that power flows."""
        if repeated.kind == "power":
            self._agenda.at(
                at + self._rng.uniform(*_POWER_TELLS_S), lambda now: self._show(repeated, now, None)
            )
        else:
            self._show(repeated, at, context)

    def _show(self, repeated: Derived, at: float, context: Context | None) -> None:
        states = [self._home_assistant.state(source) for source in repeated.sources]
        state = "on" if any(each in _ACTIVE for each in states) else "off"
        self._home_assistant.report(at, repeated.entity_id, state, context=context)
