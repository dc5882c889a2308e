"""Base of all payloads, and the types of their figures and times.

A payload has two forms. What is published says each figure with the digits that mean something, and adds the
clock times that people would work out of minutes. What is kept, signed, hashed or given to another process of
ours is exact (`Schema.exact`): learning must not go on from rounded figures.
"""

from collections.abc import Callable
from datetime import datetime, tzinfo
from math import floor
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, SerializationInfo, WrapSerializer
from pydantic.json_schema import JsonSchemaMode

from schemas.circular_day import MINUTES_A_DAY

ZONE = "zone"


class Schema(BaseModel):
    """A payload: frozen; what a newer version has added to it is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def exact(self) -> str:
        """Return the payload as JSON with every figure as it was computed, to be read back by us."""
        return self.model_dump_json(round_trip=True)

    def published(self, zone: tzinfo | None = None) -> bytes:
        """Return the payload as it is published; its instants have the offset of `zone`, UTC without one."""
        return self.model_dump_json(context={ZONE: zone}).encode()

    def told(self, zone: tzinfo | None = None) -> dict[str, Any]:
        """Return the payload as it is published, as part of another one."""
        return self.model_dump(mode="json", context={ZONE: zone})


class Strict(Schema):
    """A payload that people and tools send us: what its schema does not name is refused."""

    model_config = ConfigDict(extra="forbid")

    def published(self, zone: tzinfo | None = None) -> bytes:
        """Return the payload exact, as it was signed: nothing is added that would be refused."""
        del zone
        return self.exact().encode()

    @classmethod
    def read(cls, payload: bytes, *, strict: bool | None = None) -> Self:
        """Read a payload; unknown fields are refused in all of its parts, types are not bent if `strict`."""
        return cls.model_validate_json(payload, strict=strict, extra="forbid")


def schema_mode(payload: type[BaseModel]) -> JsonSchemaMode:
    """Return of which side a payload's JSON schema is: of who reads what we say, or sends us what we read."""
    return "validation" if issubclass(payload, Strict) else "serialization"


def _said_as(rounded: Callable[[float], float]) -> PlainSerializer:
    """Return what rounds a figure as it is published; a return type would cost its JSON schema the bounds."""
    return PlainSerializer(lambda value, info: value if info.round_trip else rounded(value), when_used="json")


def decimals(number: int) -> PlainSerializer:
    """Publish a figure with so many decimals."""
    return _said_as(lambda value: round(value, number))


def digits(number: int) -> PlainSerializer:
    """Publish a figure with so many significant digits."""
    return _said_as(lambda value: float(f"{value:.{number}g}"))


def _at_home(value: datetime, info: SerializationInfo) -> datetime:
    zone = None if info.round_trip else (info.context or {}).get(ZONE)
    return value if zone is None else value.astimezone(zone)


Instant = Annotated[
    datetime,
    WrapSerializer(lambda value, handler, info: handler(_at_home(value, info)), when_used="json"),
]
Finite = Annotated[float, Field(allow_inf_nan=False)]
"""A figure that somebody set, or that is approved as it stands: it is published as it is."""
Positive = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), decimals(3)]
SmallProbability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), digits(3)]
"""The probability of something seldom: 0.000123 is not 0."""
Ratio = Annotated[Positive, digits(3)]
Score = Annotated[Positive, decimals(2)]
Rate = Annotated[Positive, decimals(3)]
"""How often a day."""
Cost = Annotated[Finite, decimals(3)]
Seconds = Annotated[Finite, decimals(1)]
Minutes = Annotated[Finite, decimals(1)]
MinuteOfDay = Annotated[
    float, Field(ge=0, lt=MINUTES_A_DAY), _said_as(lambda minute: round(minute, 1) % MINUTES_A_DAY)
]


def clock(minute: float) -> str:
    """Return a local minute of the day as clock time, to the nearest minute of what is published.

    Examples
    --------
    >>> clock(425.4), clock(425.5), clock(1439.7)
    ('07:05', '07:06', '00:00')
    """
    whole = floor(round(minute, 1) + 0.5) % MINUTES_A_DAY
    return f"{whole // 60:02d}:{whole % 60:02d}"
