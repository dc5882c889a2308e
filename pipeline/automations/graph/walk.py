"""Walk through an automation's actions, from its starts to all effects."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.automations.graph.effects import effects, scene
from pipeline.automations.graph.parts import Effect, Link, Reaches, Scope, Start
from pipeline.automations.graph.scopes import scope
from pipeline.automations.graph.starts import starts
from pipeline.automations.graph.values import DEEPEST, listed, mappings, seconds

Part = Mapping[str, Any]
CONDITIONS = frozenset({"condition", "and", "or", "not"})


@dataclass(frozen=True, slots=True)
class _Place:
    """Position of the walk: its starts, the scope so far, the seconds since the start, the nesting depth."""

    starts: tuple[tuple[str, Start], ...]
    scope: Scope
    after_seconds: float = 0.0
    depth: int = 0

    def under(self, conditions: Any) -> "_Place":
        """Return the position with further conditions."""
        return replace(self, scope=self.scope.within(scope(conditions)))

    def otherwise(self) -> "_Place":
        """Return the position of an else branch: its scope is unknown, as conditions are not negated."""
        return replace(self, scope=replace(self.scope, is_known=False))


def links(config: Mapping[str, Any]) -> list[Link]:
    """Return the links of a configuration, with old keys or new, one part or many, however nested.

    Parts that we cannot read are left out. What comes after a wait for a trigger starts from that one.

    Examples
    --------
    >>> (link,) = links({
    ...     "trigger": {"platform": "state", "entity_id": "binary_sensor.door", "to": "on"},
    ...     "action": [{"delay": 5}, {"service": "light.turn_on", "target": {"entity_id": "light.hall"}}],
    ... })
    >>> link.start.entity_id, link.start.state
    ('binary_sensor.door', 'on')
    >>> link.effect
    Effect(entity_id='light.hall', value='on', aspect='state', after_seconds=5.0)
    """
    given = tuple(starts(config.get("triggers", config.get("trigger"))))
    place = _Place(given, Scope()).under(config.get("conditions", config.get("condition")))
    return list(_walk(config.get("actions", config.get("action")), place))


def _walk(sequence: Any, place: _Place) -> Iterator[Link]:
    if place.depth > DEEPEST:
        return
    for step in listed(sequence):
        if isinstance(step, str):
            place = place.under(step)
        elif isinstance(step, Mapping) and step.get("enabled") is not False:
            yield from _links(step, place)
            place = _beyond(step, place)


def _beyond(step: Part, place: _Place) -> _Place:
    """Return the position behind a step."""
    if "delay" in step:
        return replace(place, after_seconds=place.after_seconds + seconds(step["delay"]))
    if "wait_template" in step:
        return replace(place, starts=())
    if "wait_for_trigger" in step:
        return replace(place, starts=tuple(starts(step["wait_for_trigger"])), after_seconds=0.0)
    return place.under(step) if CONDITIONS & step.keys() else place


def _links(step: Part, place: _Place) -> Iterator[Link]:
    inner = replace(place, depth=place.depth + 1)
    if "choose" in step:
        for option in mappings(step["choose"]):
            yield from _walk(option.get("sequence"), inner.under(option.get("conditions")))
        yield from _walk(step.get("default"), inner.otherwise())
    elif "if" in step:
        yield from _walk(step.get("then"), inner.under(step["if"]))
        yield from _walk(step.get("else"), inner.otherwise())
    elif "repeat" in step and isinstance(step["repeat"], Mapping):
        yield from _walk(step["repeat"].get("sequence"), inner)
    elif "parallel" in step or "sequence" in step:
        for branch in listed(step.get("parallel", [step])):
            yield from _walk(branch.get("sequence", branch) if isinstance(branch, Mapping) else branch, inner)
    elif "scene" in step:
        yield from _linked(scene(step["scene"], place.after_seconds), place)
    else:
        yield from _linked(effects(step, place.after_seconds), place)


def _linked(done: Iterator[Effect], place: _Place) -> Iterator[Link]:
    ids = place.scope.ids
    for effect in done:
        for name, start in place.starts:
            if ids is None or name in ids:
                yield from (Link(each, effect, place.scope) for each in _narrowed(start, place.scope))


def _narrowed(start: Start, within: Scope) -> Iterator[Start]:
    """Yield the start; for any change of an entity whose state is a condition, the change to that state."""
    if isinstance(start, Reaches) and start.state is None and start.entity_id in within.states:
        yield from (replace(start, state=each) for each in sorted(within.states[start.entity_id]))
    else:
        yield start
