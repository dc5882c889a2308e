"""Statuses that the service publishes of itself."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.anomalies import Anomaly
from schemas.patterns import Pattern
from schemas.payload import Instant, Probability, Schema, digits


class PatternDetected(Schema):
    """A pattern was found, changed materially, or is no more; `text` says it in words."""

    schema_version: Literal[1] = 1
    message_id: str
    at: Instant
    what: Literal["detected", "updated", "retired"]
    pattern: Pattern
    text: str = ""


class AnomalyDetected(Schema):
    """Something is out of order; said once, as it happens; `text` says it in words."""

    schema_version: Literal[1] = 1
    message_id: str
    at: Instant
    anomaly: Anomaly
    text: str = ""


class AnalysisComplete(Schema):
    """A local day was closed and judged."""

    schema_version: Literal[1] = 1
    message_id: str
    home: str
    day: date
    events: int = Field(ge=0)
    patterns_active: int = Field(ge=0)
    patterns_changed: int = Field(ge=0)
    duration_ms: int = Field(ge=0)


class ServiceStatus(Schema):
    """Status of the service, online or offline; retained, and the last will says ``offline``."""

    schema_version: Literal[1] = 1
    state: Literal["online", "degraded", "offline"]
    version: str
    since: datetime | None = None


class SessionSign(Schema):
    """Holder of the durable session of a client id; said every `every_s` while that is so, and retained.

    `instance` is new with every start; `store` tells installations apart without saying where they keep it.
    """

    schema_version: Literal[1] = 1
    client_id: str = Field(max_length=64)
    instance: str = Field(max_length=64)
    host: str = Field(max_length=64, pattern=r"^[\x20-\x7e]*$")
    process: int
    store: str = Field(max_length=64)
    since: datetime
    every_s: Annotated[float, Field(gt=0, allow_inf_nan=False), digits(3)]


class DeadLetter(Schema):
    """A message that could not be taken, with the beginning of its payload in base64.

    In a flood one letter stands for many: `count` of them, of which it shows the first.
    """

    schema_version: Literal[1] = 1
    message_id: str
    reason: str
    detail: str
    topic: str
    received_at: datetime
    size_bytes: int = Field(ge=0)
    payload_base64: str
    count: int = Field(1, ge=1)


class HubState(Schema):
    """State of our device in Home Assistant; retained. Gaps are those of the last seven days."""

    schema_version: Literal[1] = 1
    patterns: int = Field(ge=0)
    pending: int = Field(ge=0)
    deployed: int = Field(ge=0)
    gaps: int = Field(ge=0)
    learning: Literal["ON", "OFF"]
    minimum_confidence: Probability


class SuggestionState(Schema):
    """State of a suggestion's device in Home Assistant: its title, and what else is told of it; retained."""

    title: str
    attributes: dict[str, Any]
