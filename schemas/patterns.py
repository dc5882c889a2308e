"""Learned patterns, as published on the topics and kept in the store."""

from datetime import date
from enum import StrEnum
from hashlib import blake2b
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, computed_field, model_validator

from schemas.circular_day import apart
from schemas.payload import (
    Finite,
    Instant,
    MinuteOfDay,
    Minutes,
    Probability,
    Ratio,
    Schema,
    Seconds,
    SmallProbability,
    clock,
)

# From which change on a pattern counts as another one: what is less wavers from night to night.
MINUTES_THAT_MATTER = 5.0
SHARE_THAT_MATTERS = 0.2


class PatternType(StrEnum):
    """The kinds of pattern there are."""

    TIME_OF_DAY = "time_of_day"
    CO_OCCURRENCE = "co_occurrence"
    SEQUENCE = "sequence"
    DURATION = "duration"


class Subject(StrEnum):
    """Subjects of a pattern: one entity, a room with all in it, or the whole home."""

    ENTITY = "entity"
    AREA = "area"
    HOME = "home"


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
    base_rate: SmallProbability
    lift: Ratio
    interval: tuple[Probability, Probability]
    e_value: Ratio


class Target(Schema):
    """One entity reaching one state."""

    entity_id: str
    state: str


class Quantiles(Schema):
    """The tenth, the half and nine tenths of the times that were measured lie below; in seconds."""

    p10: Seconds
    p50: Seconds
    p90: Seconds


class Dark(Schema):
    """Only while the sun is down."""

    kind: Literal["dark"] = "dark"


class Hours(Schema):
    """Only between two local hours; `after` may be later than `before`, across midnight."""

    kind: Literal["hours"] = "hours"
    after: Annotated[float, Field(ge=0, le=24)]
    before: Annotated[float, Field(ge=0, le=24)]

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no property below a decorator
    @property
    def after_time(self) -> str:
        """`after` on the clock: 22.5 is 22:30."""
        return clock(self.after * 60)

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no property below a decorator
    @property
    def before_time(self) -> str:
        """`before` on the clock: 24 is 00:00."""
        return clock(self.before * 60)


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


class PatternDetail(Schema):
    """Base of the details of a kind of pattern. Each kind names itself in `pattern_type`."""

    is_forecast: ClassVar[bool] = False
    """A hit is a forecast that came true, not a habit that showed."""

    def has_moved(self, before: "PatternDetail") -> bool:
        """Tell whether it says something else than `before`, and not merely figures that waver."""
        del before
        return False


class OneStateDetail(Target, PatternDetail):
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
    """A habit of the clock or of the sun; `days` counts from 0 = Monday.

    `minute` is a local minute of the day, `time` the same on the clock.
    """

    minute: MinuteOfDay
    spread_minutes: Annotated[Minutes, Field(ge=0)]
    days: tuple[Annotated[int, Field(ge=0, le=6)], ...]
    anchor: Literal["clock", "sunrise", "sunset", "undetermined"]
    offset_minutes: Minutes | None = None
    automated: bool = False
    pattern_type: Literal[PatternType.TIME_OF_DAY] = PatternType.TIME_OF_DAY

    def has_moved(self, before: PatternDetail) -> bool:
        """Tell whether time, days or anchor are others."""
        return isinstance(before, TimeOfDayDetail) and (
            apart(self.minute, before.minute) >= MINUTES_THAT_MATTER
            or (self.days, self.anchor) != (before.days, before.anchor)
        )

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no property below a decorator
    @property
    def time(self) -> str:
        """`minute` on the clock: 425.4 is 07:05."""
        return clock(self.minute)


class CoOccurrenceDetail(PatternDetail):
    """A directed habit: after the trigger, somebody brings the action about."""

    trigger: Target
    action: Target
    lag_seconds: Quantiles
    probability: Probability
    conditions: tuple[Condition, ...] = ()
    automated: bool = False
    pattern_type: Literal[PatternType.CO_OCCURRENCE] = PatternType.CO_OCCURRENCE

    def has_moved(self, before: PatternDetail) -> bool:
        """Tell whether it holds under other conditions."""
        return isinstance(before, CoOccurrenceDetail) and self.conditions != before.conditions

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


class SequenceDetail(PatternDetail):
    """A chain: when the first step happens, the others follow in order.

    `support` counts the complete runs that were seen, `within_seconds` is the time that nine of ten of them
    take from the first step to the last.
    """

    steps: tuple[Step, ...] = Field(min_length=3)
    support: int = Field(ge=0)
    within_seconds: Annotated[Seconds, Field(ge=0)]
    automated: bool = False
    pattern_type: Literal[PatternType.SEQUENCE] = PatternType.SEQUENCE

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

    is_forecast = True

    seconds: Quantiles
    typical_hours: tuple[Annotated[int, Field(ge=0, le=23)], ...]
    conditions: tuple[Condition, ...] = ()
    automated: bool = False
    pattern_type: Literal[PatternType.DURATION] = PatternType.DURATION

    def has_moved(self, before: PatternDetail) -> bool:
        """Tell whether the typical time is another, or the conditions are."""
        return isinstance(before, DurationDetail) and (
            abs(before.seconds.p50 - self.seconds.p50) > SHARE_THAT_MATTERS * before.seconds.p50
            or self.conditions != before.conditions
        )


Detail = Annotated[
    TimeOfDayDetail | CoOccurrenceDetail | SequenceDetail | DurationDetail,
    Field(discriminator="pattern_type"),
]


class Change(Schema):
    """Difference between a pattern and its previous version: local minutes of the day, and on the clock."""

    what: Literal["moved"] = "moved"
    since: date
    minute_before: Minutes
    minute_after: Minutes

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no property below a decorator
    @property
    def time_before(self) -> str:
        """`minute_before` on the clock."""
        return clock(self.minute_before)

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no property below a decorator
    @property
    def time_after(self) -> str:
        """`minute_after` on the clock."""
        return clock(self.minute_after)


class Pattern(Schema):
    """A habit with its evidence. Confidence is the probability that the next opportunity is a hit.

    `detail` says by the same `pattern_type` of which kind it is. `subject` says what its `principal`
    names: an entity, an area, or the home.
    """

    id: str
    home: str
    pattern_type: PatternType
    subject: Subject = Subject.ENTITY
    status: Literal["active", "retired"] = "active"
    change: Change | None = None
    confidence: Probability
    occurrences: int = Field(ge=0)
    first_seen: Instant
    last_seen: Instant
    evidence: Evidence
    detail: Detail

    @model_validator(mode="before")
    @classmethod
    def _name_kind(cls, data: Any) -> Any:
        """Take up what was written when the pattern alone named its kind."""
        detail = data.get("detail") if isinstance(data, dict) else None
        if not isinstance(detail, dict) or "pattern_type" in detail:
            return data
        return {**data, "detail": {**detail, "pattern_type": data.get("pattern_type")}}

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if self.detail.pattern_type != self.pattern_type:
            kind = self.detail.pattern_type
            raise ValueError(f"expected a detail of the kind {self.pattern_type}, got one of {kind}")
        return self

    @classmethod
    def of(cls, detail: Detail, *, home: str, slot: int = 0, **fields: Any) -> "Pattern":
        """Make a pattern whose id follows from what it speaks of, not from its figures."""
        kind = detail.pattern_type
        identity = identify(home, kind, *detail.subject, str(slot))
        return cls(id=identity, home=home, pattern_type=kind, detail=detail, **fields)


def identify(*parts: str) -> str:
    """Sixteen hexadecimal digits that follow from the parts."""
    return blake2b("\x00".join(parts).encode(), digest_size=8).hexdigest()
