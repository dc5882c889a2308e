"""Suggestions: automations proposed with their proof, and what people said to them."""

import hashlib
import json
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from schemas.automations import Automation
from schemas.patterns import PatternType, identify
from schemas.payload import Cost, Instant, Probability, Rate, Schema

LONGEST_REASON = 500
# Farther no setting lets `Not now` go.
LONGEST_SNOOZE = timedelta(days=366)
Reason = Annotated[str, Field(max_length=LONGEST_REASON)]


class Status(StrEnum):
    """Status of a suggestion."""

    PENDING = "pending"
    APPROVED = "approved"
    DEPLOYED = "deployed"
    REJECTED = "rejected"
    RETIRED = "retired"


STANDING = frozenset({Status.PENDING, Status.APPROVED, Status.DEPLOYED})
"""What is not settled: it waits for somebody, or is what somebody wanted."""


class Category(StrEnum):
    """Category of a suggestion: what it is good for."""

    ENERGY = "energy"
    COMFORT = "comfort"
    SECURITY = "security"
    CONVENIENCE = "convenience"


class Priority(StrEnum):
    """Priority of a suggestion."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Trial(Schema):
    """Backtest of an automation on the home's own past, and the precision to expect of it.

    It would have fired `fired` times: `wanted` as somebody did it then anyway, `unwanted` when nobody did;
    `missed` times somebody did it without it. Of each kind the local dates, with one entry an occasion.
    `wanted_per_day` and `unwanted_per_day` forecast the days to come. `regret` is what it is expected to
    cost a day, in unwanted runs, less what it saves: the lower the better, below 0 it is worth having.
    """

    first_day: date
    last_day: date
    days: int = Field(ge=0)
    fired: int = Field(ge=0)
    wanted: int = Field(ge=0)
    unwanted: int = Field(ge=0)
    missed: int = Field(ge=0)
    wanted_dates: tuple[date, ...] = ()
    unwanted_dates: tuple[date, ...] = ()
    missed_dates: tuple[date, ...] = ()
    wanted_per_day: Rate
    unwanted_per_day: Rate
    missed_per_day: Rate = 0.0
    regret: Cost


class Experience(Schema):
    """Record of suggestions like it: of so many, so many were kept, and what that lets expect."""

    kept: int = Field(ge=0, default=0)
    undone: int = Field(ge=0, default=0)
    probability: Probability = 0.5


class Suggestion(Schema):
    """An automation that is proposed, in words, with its proof.

    `version` grows with every change of what is proposed; `content_hash` is what a person approves.
    `automation_yaml` is what they may copy. `conflicts` tells what else touches it.
    """

    id: str
    home: str
    pattern_id: str
    pattern_type: PatternType
    status: Status = Status.PENDING
    version: int = Field(ge=1, default=1)
    title: str
    description: str
    automation: Automation
    automation_yaml: str
    category: Category
    priority: Priority
    confidence: Probability
    trial: Trial
    experience: Experience = Experience()
    conflicts: tuple[str, ...] = ()
    created_at: Instant
    updated_at: Instant
    snoozed_until: Instant | None = None
    reason: Reason = ""
    ha_automation_id: str | None = None
    ha_entity_id: str | None = None

    @property
    def content_hash(self) -> str:
        """SHA-256 of exactly what would be deployed and what is said of it, as 64 hexadecimal digits."""
        content = {
            "automation": self.automation.model_dump(mode="json", round_trip=True),
            "description": self.description,
            "id": self.id,
            "title": self.title,
            "yaml": self.automation_yaml,
        }
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def automation_id(self) -> str:
        """Id of the automation in Home Assistant: ours by its prefix, and the same for every version."""
        return f"haai_{self.id}"

    def is_snoozed(self, now: datetime) -> bool:
        """Return whether it was put off until later than now; one put off too far by a fast clock was not."""
        return self.snoozed_until is not None and now < self.snoozed_until <= now + LONGEST_SNOOZE


def suggestion_id(home: str, *subject: str) -> str:
    """The id of a suggestion: it follows from what is proposed, not from its figures or times."""
    return identify(home, "suggestion", *subject)


class Opinion(StrEnum):
    """Opinion that a person gives of a suggestion."""

    APPROVED = "approved"
    REJECTED = "rejected"
    NOT_NOW = "not_now"
    MODIFIED = "modified"
    UNDONE = "undone"
    REMOVED = "removed_by_hand"
    DISABLED = "disabled_by_hand"


class UserFeedback(Schema):
    """Feedback of a `person` on a suggestion, with their own words where there are any.

    `device_class` is the domain of what would have been acted on.
    """

    schema_version: Literal[1] = 1
    message_id: str
    at: Instant
    suggestion_id: str
    opinion: Opinion
    pattern_type: PatternType
    device_class: str
    person: str
    text: Reason = ""


class SuggestionGenerated(Schema):
    """A suggestion is there to be looked at; `text` says it with its proof."""

    schema_version: Literal[1] = 1
    message_id: str
    at: Instant
    suggestion: Suggestion
    text: str


class SuggestionChanged(Schema):
    """Change of a suggestion's status, and the reason."""

    schema_version: Literal[1] = 1
    message_id: str
    at: Instant
    suggestion_id: str
    status: Status
    version: int
    text: str
