"""Learned patterns, as published on the topics and kept in the store."""

from datetime import date, datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Schema(BaseModel):
    """A payload: frozen, and nothing in it that the schema does not name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PatternType(StrEnum):
    """The kinds of pattern there are."""

    TIME_OF_DAY = "time_of_day"
    CO_OCCURRENCE = "co_occurrence"
    SEQUENCE = "sequence"
    DURATION = "duration"


class Evidence(Schema):
    """Evidence for a pattern.

    An opportunity is an occasion on which the habit could have shown; a hit is one on which it did.
    `base_rate` is the probability of a hit if there were no habit, `lift` the hit rate over it, `interval` a
    90 % credible interval of the hit rate, `e_value` the evidence against chance (1: none; valid however
    often one looks).
    """

    opportunities: int = Field(ge=0)
    hits: int = Field(ge=0)
    misses: int = Field(ge=0)
    recent_hits: tuple[date, ...] = ()
    recent_misses: tuple[date, ...] = ()
    base_rate: Probability
    lift: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    interval: tuple[Probability, Probability]
    e_value: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Target(Schema):
    """One entity reaching one state."""

    entity_id: str
    state: str


class Quantiles(Schema):
    """The tenth, the half and nine tenths of what was measured lie below."""

    p10: Finite
    p50: Finite
    p90: Finite


class Dark(Schema):
    """Only while the sun is down."""

    kind: Literal["dark"] = "dark"


class Hours(Schema):
    """Only between two local hours; `after` may be later than `before`, across midnight."""

    kind: Literal["hours"] = "hours"
    after: Annotated[float, Field(ge=0, le=24)]
    before: Annotated[float, Field(ge=0, le=24)]


class Weekday(Schema):
    """Only on these days, 0 = Monday."""

    kind: Literal["weekday"] = "weekday"
    days: tuple[Annotated[int, Field(ge=0, le=6)], ...]


class Temperature(Schema):
    """Only while a sensor reads below or above a value in its own unit."""

    kind: Literal["temperature"] = "temperature"
    entity_id: str
    below: Finite | None = None
    above: Finite | None = None


class AtHome(Schema):
    """Only while somebody is, or nobody is, at home."""

    kind: Literal["home"] = "home"
    somebody: bool = True


Condition = Annotated[Dark | Hours | Weekday | Temperature | AtHome, Field(discriminator="kind")]


class OneStateDetail(Target):
    """Details of an entity in a state."""

    @property
    def subject(self) -> tuple[str, ...]:
        """Subject of the pattern: what it speaks of, whatever its figures are."""
        return (self.entity_id, self.state)

    @property
    def principal(self) -> str:
        """The entity that the pattern is about."""
        return self.entity_id


class TimeOfDayDetail(OneStateDetail):
    """A habit of the clock or of the sun; `days` counts from 0 = Monday."""

    minute: Annotated[float, Field(ge=0, lt=1440)]
    spread_minutes: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    days: tuple[Annotated[int, Field(ge=0, le=6)], ...]
    anchor: Literal["clock", "sunrise", "sunset", "undetermined"]
    offset_minutes: Finite | None = None
    automated: bool = False


class CoOccurrenceDetail(Schema):
    """A directed habit: after the trigger, somebody brings the action about."""

    trigger: Target
    action: Target
    lag_seconds: Quantiles
    probability: Probability
    conditions: tuple[Condition, ...] = ()
    automated: bool = False

    @property
    def subject(self) -> tuple[str, ...]:
        """Subject of the pattern: what it speaks of, whatever its figures are."""
        return (
            self.trigger.entity_id,
            self.trigger.state,
            self.action.entity_id,
            self.action.state,
        )

    @property
    def principal(self) -> str:
        """The entity that the pattern is about."""
        return self.action.entity_id


class Step(Target):
    """One step of a chain, and how long after the step before it comes; the first one follows nothing."""

    lag_seconds: Quantiles | None = None


class SequenceDetail(Schema):
    """A chain: when the first step happens, the others follow in order.

    `support` counts the complete runs that were seen, `within_seconds` is the time that nine of ten of them
    take from the first step to the last.
    """

    steps: tuple[Step, ...] = Field(min_length=3)
    support: int = Field(ge=0)
    within_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    automated: bool = False

    @property
    def subject(self) -> tuple[str, ...]:
        """Subject of the pattern: what it speaks of, whatever its figures are."""
        return tuple(part for step in self.steps for part in (step.entity_id, step.state))

    @property
    def principal(self) -> str:
        """The entity that the pattern is about."""
        return self.steps[-1].entity_id


class DurationDetail(OneStateDetail):
    """Typical time an entity stays in a state, once it is in it; under the conditions, if there are any.

    `typical_hours` are the local hours, 0 to 23, at which nine of ten of these stays begin.
    """

    seconds: Quantiles
    typical_hours: tuple[Annotated[int, Field(ge=0, le=23)], ...]
    conditions: tuple[Condition, ...] = ()
    automated: bool = False


Detail = TimeOfDayDetail | CoOccurrenceDetail | SequenceDetail | DurationDetail
TYPES: dict[type[Detail], PatternType] = {
    TimeOfDayDetail: PatternType.TIME_OF_DAY,
    CoOccurrenceDetail: PatternType.CO_OCCURRENCE,
    SequenceDetail: PatternType.SEQUENCE,
    DurationDetail: PatternType.DURATION,
}


class Change(Schema):
    """Difference between a pattern and its previous version."""

    what: Literal["moved"] = "moved"
    since: date
    minute_before: Finite
    minute_after: Finite


class Pattern(Schema):
    """A habit with its evidence. Confidence is the probability that the next opportunity is a hit."""

    id: str
    home: str
    pattern_type: PatternType
    status: Literal["active", "retired"] = "active"
    change: Change | None = None
    confidence: Probability
    occurrences: int = Field(ge=0)
    first_seen: datetime
    last_seen: datetime
    evidence: Evidence
    detail: Detail

    @classmethod
    def of(cls, detail: Detail, *, home: str, slot: int = 0, **fields: Any) -> "Pattern":
        """Make a pattern whose id follows from what it speaks of, not from its figures."""
        kind = TYPES[type(detail)]
        identity = identify(home, kind, *detail.subject, str(slot))
        return cls(id=identity, home=home, pattern_type=kind, detail=detail, **fields)


def identify(*parts: str) -> str:
    """Sixteen hexadecimal digits that follow from the parts."""
    return blake2b("\x00".join(parts).encode(), digest_size=8).hexdigest()
