"""Typed tree of an automation's configuration, the same whichever release or person wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Fields = Mapping[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a configuration: a trigger, a condition, an action, or an option of a choice.

    Two parts are equal if they say the same, in old keys or new, alone or in a list.

    Parameters
    ----------
    fields
        What the part says besides its kind, by the newest names of the keys; entity ids are always a list.
    branches
        The parts inside, by the newest names of the keys; each name that the kind has is there.
    enabled
        Whether the part counts; None if only Home Assistant can tell, as of a template.
    source
        What was read; it does not count in a comparison.
    """

    fields: Fields = field(default_factory=dict)
    branches: Mapping[str, tuple["Part", ...]] = field(default_factory=dict)
    enabled: bool | None = True
    source: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Trigger(Part):
    """A trigger; of kind `triggers` it is a list of others, in the branch of that name."""

    kind: str


@dataclass(frozen=True, slots=True)
class Condition(Part):
    """A condition, among the conditions or the actions; `and`, `or` and `not` have a branch `conditions`.

    A text that is a template is of kind `template`, as one that is written out.
    """

    kind: str


@dataclass(frozen=True, slots=True)
class Targets:
    """What a call acts on: entities by their ids, all else as pairs of its key and a value.

    That is devices, areas, floors and labels, `all`, and templates.
    """

    entity_ids: tuple[str, ...] = ()
    others: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Call(Part):
    """A call of a service; its data are without what is acted on, and `service` may be a template."""

    service: str
    targets: Targets = field(default_factory=Targets)
    data: Fields = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Action(Part):
    """An action other than a call or a condition; its kind is the key that says it.

    `choose` has branches `choose`, whose parts are options, and `default`; `if` has `if`, `then` and `else`;
    `repeat` has `while`, `until` and `sequence`; `parallel`, `sequence` and `wait_for_trigger` have one of
    their own name. All others stand in the field of that name.
    """

    kind: str


@dataclass(frozen=True, slots=True)
class Option(Part):
    """An option of a choice, with its branches `conditions` and `sequence`."""


@dataclass(frozen=True, slots=True)
class Opaque(Part):
    """What cannot be read, in `fields` as it stands where that is known; `why` says so in plain words.

    `is_refused` is what no release of Home Assistant takes; what is not may be a later release's.
    """

    why: str
    is_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A whole automation; `opaque` is why it cannot be read as a whole, None if it can.

    Parts that cannot be read are `Opaque` parts in their places. `fields` are all other keys but the id.
    """

    triggers: tuple[Part, ...] = ()
    conditions: tuple[Part, ...] = ()
    actions: tuple[Part, ...] = ()
    fields: Fields = field(default_factory=dict)
    opaque: Opaque | None = None
    source: Any = field(default=None, compare=False, repr=False)

    def is_whole(self) -> bool:
        """Return whether all of it that is in use can be read; templates count as read."""
        waiting = [*self.triggers, *self.conditions, *self.actions]
        while waiting:
            part = waiting.pop()
            if part.enabled is not False:
                if isinstance(part, Opaque):
                    return False
                waiting += [inner for branch in part.branches.values() for inner in branch]
        return self.opaque is None
