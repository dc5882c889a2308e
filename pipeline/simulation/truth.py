"""What was planted in a generated household, and what of it came about."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Anchor = Literal["clock", "sunrise", "sunset"]
AutomationKind = Literal["state", "time", "hidden"]
DayType = Literal["work", "weekend", "away"]


@dataclass(frozen=True, slots=True)
class EntityState:
    """An entity in a state: what a habit, a pair or an automation brings about or waits for."""

    entity_id: str
    state: str


@dataclass(slots=True)
class Habit:
    """Something that a person does at about the same time of the day.

    Parameters
    ----------
    by
        Who does it, or somebody else where they are not at home.
    minute
        Local minutes after midnight, beyond 1440 where it falls after the next one; or from the sun's event.
    spread_minutes
        Standard deviation of the time.
    days
        Weekdays on which it is done, 0 is Monday; nothing is done on days away.
    probability
        Of being done on a day that is one of `days`.
    occurrences
        Epoch seconds at which it showed in the stream.
    eligible_days
        Days of the run on which it could have been done.
    """

    habit_id: str
    action: EntityState
    by: str
    anchor: Anchor
    minute: float
    spread_minutes: float
    days: tuple[int, ...]
    probability: float
    occurrences: list[float] = field(default_factory=list)
    eligible_days: int = 0


@dataclass(slots=True)
class Pair:
    """Something that a person does shortly after something else has happened.

    Parameters
    ----------
    conditions
        Kinds of condition that must hold at the trigger, as patterns name them: ``dark``.
    trials
        Triggers with the conditions met, the action's entity in another state and somebody there to act.
    occurrences
        Epoch seconds of trigger and action.
    """

    pair_id: str
    trigger: EntityState
    action: EntityState
    lag_seconds: float
    probability: float
    conditions: tuple[str, ...] = ()
    occurrences: list[tuple[float, float]] = field(default_factory=list)
    trials: int = 0


@dataclass(slots=True)
class Automation:
    """Something that a machine does: nothing to learn as a person's habit.

    Parameters
    ----------
    automation_id
        Home Assistant's entity, absent where the machine is outside of it (a direct binding of two devices).
    minute
        Local minutes after midnight of a time trigger.
    """

    kind: AutomationKind
    action: EntityState
    automation_id: str | None = None
    trigger: EntityState | None = None
    minute: int | None = None
    occurrences: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Group:
    """An entity that only repeats what its members do."""

    entity_id: str
    members: tuple[str, ...]


@dataclass(slots=True)
class Truth:
    """All that a learner may find, and all that it may not.

    Parameters
    ----------
    controls
        Entities that people use at random: no habit, no pair.
    followers
        Entities that show where people are and how they light their way: regular at times, never planted.
    """

    habits: list[Habit]
    pairs: list[Pair]
    automations: list[Automation]
    groups: list[Group]
    controls: list[str]
    followers: list[str]
    rooms: dict[str, str]
    day_types: dict[str, DayType] = field(default_factory=dict)
    restarts: list[float] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return the truth as JSON values."""
        return asdict(self)
