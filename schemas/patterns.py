"""What is learned, as it is said on the topics and kept in the store."""

from collections.abc import Sequence
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


class Evidence(Schema):
    """Why a pattern is believed.

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


class TimeOfDayDetail(Schema):
    """A habit of the clock or of the sun; `days` counts from 0 = Monday."""

    entity_id: str
    state: str
    minute: Annotated[float, Field(ge=0, lt=1440)]
    spread_minutes: Annotated[float, Field(ge=0)]
    days: tuple[Annotated[int, Field(ge=0, le=6)], ...]
    anchor: Literal["clock", "sunrise", "sunset", "undetermined"]
    offset_minutes: Finite | None = None
    automated: bool = False


class LagSeconds(Schema):
    """Quantiles of the time from trigger to action."""

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


class CoOccurrenceDetail(Schema):
    """A directed habit: after the trigger, somebody brings the action about."""

    trigger: Target
    action: Target
    lag_seconds: LagSeconds
    probability: Probability
    conditions: tuple[Condition, ...] = ()
    automated: bool = False


class Change(Schema):
    """How a pattern differs from what it was."""

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
    detail: TimeOfDayDetail | CoOccurrenceDetail

    @classmethod
    def of(
        cls, detail: TimeOfDayDetail | CoOccurrenceDetail, *, home: str, slot: int = 0, **fields: Any
    ) -> "Pattern":
        """Make a pattern whose id follows from what it speaks of, not from its figures."""
        if isinstance(detail, TimeOfDayDetail):
            kind = PatternType.TIME_OF_DAY
            subject: Sequence[str] = (detail.entity_id, detail.state)
        else:
            kind = PatternType.CO_OCCURRENCE
            subject = (
                detail.trigger.entity_id,
                detail.trigger.state,
                detail.action.entity_id,
                detail.action.state,
            )
        text = "\x00".join((home, kind, *subject, str(slot)))
        identity = blake2b(text.encode(), digest_size=8).hexdigest()
        return cls(id=identity, home=home, pattern_type=kind, detail=detail, **fields)
