"""Truth of a generated household: what was planted and what came about, the schema of ``truth.json``."""

from dataclasses import dataclass, field
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from schemas.anomalies import AnomalyKind
from schemas.patterns import Condition

Anchor = Literal["clock", "sunrise", "sunset"]
AutomationKind = Literal["state", "time", "hidden"]
DayType = Literal["work", "weekend", "holiday", "away", "sick", "guests"]
DerivedKind = Literal["group", "template", "power"]
Stretch = Literal["weekend", "evening"]


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
        Weekdays on which it is done, 0 is Monday; nothing is done on days away, and what belongs to work
        days alone not on holidays.
    probability
        Of being done on a day that is one of `days`.
    moved_on, moved_minute
        ISO date from which it is done at another minute, and that minute.
    dropped_on
        ISO date from which it is no longer done.
    occurrences
        Epoch seconds at which it showed in the stream.
    skipped
        Epoch seconds about which it was to be expected and did not come, for no reason or because the device
        was in that state already.
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
    moved_on: str | None = None
    moved_minute: float | None = None
    dropped_on: str | None = None
    occurrences: list[float] = field(default_factory=list)
    skipped: list[float] = field(default_factory=list)
    eligible_days: int = 0


@dataclass(slots=True)
class Pair:
    """Something that a person does shortly after something else has happened.

    Parameters
    ----------
    lag_seconds
        Median of the time from trigger to action.
    conditions
        What must hold at the trigger, as patterns say it.
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
    conditions: tuple[Condition, ...] = ()
    occurrences: list[tuple[float, float]] = field(default_factory=list)
    trials: int = 0


@dataclass(slots=True)
class Chain:
    """Three or four things that a person does one after the other, at no time in particular.

    Parameters
    ----------
    lag_seconds
        Median times between the steps, one fewer than there are steps.
    probability
        With which each step is followed by the next.
    trials
        How often it was begun.
    occurrences
        Epoch seconds of the steps of each complete run.
    """

    chain_id: str
    steps: tuple[EntityState, ...]
    lag_seconds: tuple[float, ...]
    probability: float
    trials: int = 0
    occurrences: list[tuple[float, ...]] = field(default_factory=list)


@dataclass(slots=True)
class Bundle:
    """Things done together for a cause that no sensor sees, in any order: none triggers another.

    Parameters
    ----------
    occurrences
        Epoch seconds of the cause.
    """

    bundle_id: str
    members: tuple[EntityState, ...]
    within_seconds: float
    occurrences: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Duration:
    """Typical time that a device stays in a state.

    Parameters
    ----------
    median_seconds, sigma
        Of the log-normal distribution of its length.
    stretch, stretch_seconds
        Where the length depends on when it begins: another median at weekends, or from 18:00 on.
    occurrences
        Epoch seconds of the begin, and seconds until it ended, of all but those labelled as left on.
    """

    entity_id: str
    state: str
    median_seconds: float
    sigma: float
    stretch: Stretch | None = None
    stretch_seconds: float | None = None
    occurrences: list[tuple[float, float]] = field(default_factory=list)


@dataclass(slots=True)
class Automation:
    """Something that a machine does: nothing to learn as a person's habit.

    Parameters
    ----------
    automation_id
        Home Assistant's entity, absent where the machine is outside of it (a direct binding of two devices,
        a plug with a timer of its own).
    anchor, minute
        Of a time trigger: local minutes after midnight, or from the sun's event.
    """

    kind: AutomationKind
    action: EntityState
    automation_id: str | None = None
    trigger: EntityState | None = None
    minute: int | None = None
    anchor: Anchor = "clock"
    occurrences: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Derived:
    """An entity that only repeats others: under their context (group, template) or its own (power)."""

    entity_id: str
    sources: tuple[str, ...]
    kind: DerivedKind


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something out of order, labelled.

    Parameters
    ----------
    entity_id
        What is out of order; of a missed routine the device that was not used.
    at, until
        Epoch seconds between which it is: of a routine from when it was due for four hours, of what was left
        on from its being switched on.
    """

    kind: AnomalyKind
    entity_id: str
    at: float
    until: float


@dataclass(slots=True)
class Truth:
    """All that a learner may find, and all that it may not.

    Parameters
    ----------
    tz
        IANA name of the household's time zone.
    controls
        Entities that people use at random: no habit, no pair.
    followers
        Entities that show where people are and how they light their way: regular at times, never planted.
    rooms
        Where each entity stands.
    day_types
        By ISO date.
    restarts
        Epoch seconds at which Home Assistant stopped.
    """

    tz: str
    habits: list[Habit] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)
    bundles: list[Bundle] = field(default_factory=list)
    durations: list[Duration] = field(default_factory=list)
    automations: list[Automation] = field(default_factory=list)
    derived: list[Derived] = field(default_factory=list)
    anomalies: list[Oddity] = field(default_factory=list)
    controls: list[str] = field(default_factory=list)
    followers: list[str] = field(default_factory=list)
    rooms: dict[str, str] = field(default_factory=dict)
    day_types: dict[str, DayType] = field(default_factory=dict)
    restarts: list[float] = field(default_factory=list)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone's rules."""
        return ZoneInfo(self.tz)

    def document(self) -> dict[str, Any]:
        """Return the truth as JSON values."""
        document: dict[str, Any] = _TRUTH.dump_python(self, mode="json")
        return document

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> "Truth":
        """Read back what `document` returned.

        Examples
        --------
        >>> Truth.of_document(Truth("Europe/Berlin").document()) == Truth("Europe/Berlin")
        True
        """
        return _TRUTH.validate_python(document)


_TRUTH = TypeAdapter(Truth)
