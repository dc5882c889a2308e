"""Typical values that people set: brightness, temperature, speed, position."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np

from pipeline.automations.service_map import HEATED, POSITIONED
from schemas.automations import Action
from schemas.events import EventType, StateChange

Attribute = Literal["brightness", "temperature", "percentage", "current_position"]
ATTRIBUTES: tuple[Attribute, ...] = ("brightness", "temperature", "percentage", "current_position")
SPREAD: Mapping[Attribute, float] = {
    "brightness": 13.0,
    "temperature": 0.5,
    "percentage": 5.0,
    "current_position": 5.0,
}
"""How far from the usual value one is still the same, in the attribute's unit (brightness is 0 to 255)."""

STEADY_SHARE = 0.8
FEWEST = 4
FULL = 100.0


@dataclass(frozen=True, slots=True)
class UsualValues:
    """The steady values of attributes, by entity and state.

    A value is usual where at least four changes carry one and four of five are about the same.
    """

    values: Mapping[EventType, Mapping[Attribute, float]]

    @classmethod
    def of(cls, changes: Iterable[StateChange]) -> "UsualValues":
        """Return the steady values that people set; those that automations set do not count.

        Examples
        --------
        >>> evenings = [
        ...     StateChange(at, "light.sofa", "off", "on", attributes=(("brightness", 96.0),))
        ...     for at in range(5)
        ... ]
        >>> UsualValues.of(evenings).values
        {EventType(entity_id='light.sofa', state='on'): {'brightness': 96.0}}
        """
        seen: dict[EventType, dict[Attribute, list[float]]] = defaultdict(lambda: defaultdict(list))
        for change in changes:
            if change.mark or change.parent_id or change.old == change.new:
                continue
            attributes = dict(change.attributes)
            for name in ATTRIBUTES:
                value = attributes.get(name)
                if isinstance(value, float | int) and np.isfinite(value):
                    seen[EventType(change.entity_id, change.new)][name].append(float(value))
        return cls({event_type: found for event_type, each in seen.items() if (found := _steady(each))})

    def apply(self, action: Action, state: str) -> Action:
        """Return the action with the typical values of the state, if there are any.

        Examples
        --------
        >>> usual = UsualValues({EventType("cover.bed", "open"): {"current_position": 40.0}})
        >>> usual.apply(Action(service="cover.open_cover", entity_id="cover.bed"), "open").data
        {'position': 40.0}
        """
        found = self.values.get(EventType(action.entity_id, state), {})
        match action.service:
            case "light.turn_on" if found.get("brightness", 0.0) > 0:
                return _with(action, brightness=float(round(found["brightness"])))
            case "fan.turn_on" if found.get("percentage", 0.0) > 0:
                return _with(action, percentage=float(round(found["percentage"])))
            case "cover.open_cover" if 0 < found.get("current_position", FULL) < FULL:
                return _with(action, POSITIONED, position=float(round(found["current_position"])))
            case "climate.set_hvac_mode" if "temperature" in found and state != "off":
                return _with(action, HEATED, temperature=found["temperature"])
        return action


NOTHING_USUAL = UsualValues({})


def _with(action: Action, service: str | None = None, **values: float) -> Action:
    return action.model_copy(
        update={
            "service": service or action.service,
            "data": dict(chain(action.data.items(), values.items())),
        }
    )


def _steady(by_name: Mapping[Attribute, list[float]]) -> dict[Attribute, float]:
    """Return the median of each attribute that is about the same most times."""
    found: dict[Attribute, float] = {}
    for name, values in by_name.items():
        middle = float(np.median(values))
        near = np.count_nonzero(np.abs(np.array(values) - middle) <= SPREAD[name])
        if len(values) >= FEWEST and near >= STEADY_SHARE * len(values):
            found[name] = middle
    return found
