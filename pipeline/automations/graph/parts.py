"""The parts of a link: what starts it, under which conditions, and what is done."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

QUARTERS_A_DAY = 96
WEEK = frozenset(range(7))
DAY = frozenset(range(QUARTERS_A_DAY))


@dataclass(frozen=True, slots=True)
class Clock:
    """At a local minute of the day."""

    minute: float


@dataclass(frozen=True, slots=True)
class Sun:
    """At sunrise or sunset, or so many minutes later."""

    event: str
    offset_minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class Reaches:
    """An entity reaches a state, or any besides some if None, or has been in it for so long."""

    entity_id: str
    state: str | None = None
    for_seconds: float = 0.0
    besides: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Passes:
    """A number passes above or below a value; which value may not be known."""

    entity_id: str
    above: float | None = None
    below: float | None = None
    for_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Message:
    """Something is said on an MQTT topic."""

    topic: str


Start = Clock | Sun | Reaches | Passes | Message


@dataclass(frozen=True, slots=True)
class Effect:
    """What is done to an entity, so many seconds after the start.

    `aspect` is what of it changes: its state, or a setting such as temperature. `value` is what it becomes;
    None where that depends on what it was, as when it is toggled.
    """

    entity_id: str
    value: str | float | None
    aspect: str = "state"
    after_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Scope:
    """When something is done at all, as far as conditions say it in ways that we read.

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
        """Both at once."""
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
        """Whether there are times that lie in both."""
        both = replace(self, ids=None).within(replace(other, ids=None))
        return bool(both.days and both.quarters and all(both.states.values()))


@dataclass(frozen=True, slots=True)
class Link:
    """When this starts, and the scope allows it, that is done."""

    start: Start
    effect: Effect
    scope: Scope
