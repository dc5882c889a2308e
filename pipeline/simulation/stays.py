"""Time that devices stay active: what is typical, and what came about."""

from collections.abc import Sequence
from functools import partial

from pipeline.simulation.devices import Device
from pipeline.simulation.instance import Context, World
from pipeline.simulation.truth import Duration, Truth
from schemas.anomalies import AnomalyKind

_WIDEST_SIGMA = 0.35


def plant_durations(devices: Sequence[Device]) -> list[Duration]:
    """Return how long those devices stay active that people leave on for a typical time."""
    return [
        Duration(
            device.entity_id,
            device.active,
            60 * device.minutes,
            device.sigma,
            device.stretch,
            60 * device.stretch_minutes if device.stretch else None,
        )
        for device in devices
        if device.minutes and device.sigma <= _WIDEST_SIGMA
    ]


class StayLog:
    """Notes when a device came into its state and how long it stayed there."""

    def __init__(self, world: World, truth: Truth) -> None:
        self._anomalies = truth.anomalies
        self._begun: dict[str, float] = {}
        for duration in truth.durations:
            described = world.home_assistant.device(duration.entity_id)
            world.home_assistant.on_change(
                duration.entity_id, duration.state, partial(self._begin, duration.entity_id)
            )
            world.home_assistant.on_change(duration.entity_id, described.idle, partial(self._end, duration))

    def _begin(self, entity_id: str, at: float, _: Context) -> None:
        self._begun[entity_id] = at

    def _end(self, duration: Duration, at: float, _: Context) -> None:
        begun = self._begun.pop(duration.entity_id, None)
        if begun is not None and not self._is_odd(duration.entity_id, begun):
            duration.occurrences.append((begun, at - begun))

    def _is_odd(self, entity_id: str, begun: float) -> bool:
        return any(
            each.kind is AnomalyKind.LEFT_ON and each.entity_id == entity_id and each.at == begun
            for each in self._anomalies
        )
