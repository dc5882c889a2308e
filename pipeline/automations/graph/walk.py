"""Walk through an automation's actions, from its starts to all effects."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from pipeline.automations.graph.effects import effects
from pipeline.automations.graph.parts import Effect, Link, Reaches, Scope, Start
from pipeline.automations.graph.scopes import UNKNOWN, scope
from pipeline.automations.graph.starts import starts
from pipeline.automations.parser import Action, Condition, Configuration, Opaque, Part, parse
from pipeline.automations.parser.values import seconds
from pipeline.automations.render import render
from schemas.automations import Automation
from schemas.catalogue import KnownAutomation

# More than any automation that a person wrote; what has more is not read.
MOST_LINKS = 20_000


@dataclass(frozen=True, slots=True)
class _Place:
    """Position of the walk: its starts, the scope so far, the seconds since the start."""

    starts: tuple[tuple[str, Start], ...]
    scope: Scope
    after_seconds: float = 0.0

    def under(self, conditions: Sequence[Part]) -> "_Place":
        """Return the position with further conditions."""
        return replace(self, scope=self.scope.within(scope(conditions)))

    def otherwise(self) -> "_Place":
        """Return the position of an else branch: its scope is unknown, as conditions are not negated."""
        return replace(self, scope=self.scope.within(UNKNOWN))


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
    return list(islice(_links_of(parse(config)), MOST_LINKS))


def links_of_ours(automation: Automation) -> list[Link]:
    """Return the links of an automation that ha-ai proposes."""
    # What Home Assistant will be told is read as others' automations are: one reading for all.
    return links(render(automation, title="", description=""))


def links_of_theirs(automation: KnownAutomation) -> tuple[list[Link], bool]:
    """Return the links of an automation in Home Assistant, and whether that is all of it."""
    tree = parse(automation.config)
    found = [] if tree.opaque else list(islice(_links_of(tree), MOST_LINKS + 1))
    return found[:MOST_LINKS], tree.is_whole() and len(found) <= MOST_LINKS


def _links_of(tree: Configuration) -> Iterator[Link]:
    place = _Place(tuple(starts(tree.triggers)), Scope()).under(tree.conditions)
    return _walk(tree.actions, place)


def _walk(sequence: Sequence[Part], place: _Place) -> Iterator[Link]:
    for part in sequence:
        if part.enabled is not False:
            yield from _links(part, place)
            place = _beyond(part, place)


def _beyond(part: Part, place: _Place) -> _Place:
    """Return the position behind an action."""
    match part:
        case Action("delay"):
            return replace(place, after_seconds=place.after_seconds + seconds(part.fields["delay"]))
        case Action("wait_template"):
            return replace(place, starts=())
        case Action("wait_for_trigger"):
            waited = tuple(starts(part.branches["wait_for_trigger"]))
            return replace(place, starts=waited, after_seconds=0.0)
        case Condition():
            return place.under([part])
        case Opaque(source=str()):
            return place.otherwise()
    return place


def _links(part: Part, place: _Place) -> Iterator[Link]:
    inside = part.branches
    match part:
        case Action("choose"):
            for option in inside["choose"]:
                if option.enabled is not False:
                    chosen = place.under(option.branches.get("conditions", ()))
                    yield from _walk(option.branches.get("sequence", ()), chosen)
            yield from _walk(inside["default"], place.otherwise())
        case Action("if"):
            yield from _walk(inside["then"], place.under(inside["if"]))
            yield from _walk(inside["else"], place.otherwise())
        case Action("repeat"):
            yield from _walk(inside["sequence"], place.under(inside["while"]))
        case Action("parallel"):
            for branch in inside["parallel"]:
                yield from _walk([branch], place)
        case Action("sequence"):
            yield from _walk(inside["sequence"], place)
        case _:
            yield from _linked(effects(part, place.after_seconds), place)


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
