"""Parts of a link: its start, its conditions (scope) and its effect."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

QUARTERS_A_DAY = 96
WEEK = frozenset(range(7))
DAY = frozenset(range(QUARTERS_A_DAY))


@dataclass(frozen=True, slots=True)
class Clock:
    """Start at a local minute of the day."""

    minute: float


@dataclass(frozen=True, slots=True)
class Sun:
    """Start at sunrise or sunset, shifted by `offset_minutes`."""

    event: str
    offset_minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class Reaches:
    """Start when an entity has been in a state for `for_seconds`; None is any state not in `besides`."""

    entity_id: str
    state: str | None = None
    for_seconds: float = 0.0
    besides: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Passes:
    """Start when a number passes above or below a value; both are None if the value is not known."""

    entity_id: str
    above: float | None = None
    below: float | None = None
    for_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Message:
    """Start by a message on an MQTT topic."""

    topic: str


Start = Clock | Sun | Reaches | Passes | Message


@dataclass(frozen=True, slots=True)
class Effect:
    """Change of an entity, `after_seconds` after the start.

    `aspect` is what of it changes: its state, or a setting such as temperature. `value` is what it becomes;
    None where that depends on what it was, as when it is toggled.
    """

    entity_id: str
    value: str | float | None
    aspect: str = "state"
    after_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Scope:
    """Times and states that conditions allow, as far as they can be read.

    `days` counts from 0 = Monday, `quarters` are those of the hours of the local day, `states` those that an
    entity must be in, `ids` those of the triggers, all if None. `is_known` is false where there are
    conditions that only Home Assistant can judge, such as templates.
    """

    days: frozenset[int] = WEEK
    quarters: frozenset[int] = DAY
    states: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ids: frozenset[str] | None = None
    is_known: bool = True

    def within(self, other: "Scope") -> "Scope":
        """Return the scope in which both hold."""
        states = dict(self.states)
        for entity_id, allowed in other.states.items():
            states[entity_id] = allowed & states.get(entity_id, allowed)
        ids = other.ids if self.ids is None else self.ids if other.ids is None else self.ids & other.ids
        return Scope(
            self.days & other.days,
            self.quarters & other.quarters,
            states,
            ids,
            self.is_known and other.is_known,
        )

    def meets(self, other: "Scope") -> bool:
        """Return whether both can hold at once."""
        both = replace(self, ids=None).within(replace(other, ids=None))
        return bool(both.days and both.quarters and all(both.states.values()))


@dataclass(frozen=True, slots=True)
class Link:
    """One edge of the graph: the start causes the effect if the scope allows it."""

    start: Start
    effect: Effect
    scope: Scope
