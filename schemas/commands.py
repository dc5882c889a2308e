"""Commands of people and of the reviewer, and the answers to them."""

import json
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.automations import EntityId, Requirement
from schemas.payload import Instant, Schema, Strict
from schemas.suggestions import Reason

Digits16 = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Digits32 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Digits64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Who = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
LONGEST_VALIDITY_MS = 120_000


class Verb(StrEnum):
    """Verb of a command."""

    APPROVE = "approve"
    REJECT = "reject"
    NOT_NOW = "not_now"
    MODIFY = "modify"
    DEPLOY = "deploy"
    ROLLBACK = "rollback"


class Modification(Strict):
    """Changes to a suggestion: another time, another entity to act on, one more condition."""

    minute: Annotated[int, Field(ge=0, lt=1440)] | None = None
    offset_minutes: Annotated[int, Field(ge=-360, le=360)] | None = None
    entity_id: EntityId | None = None
    condition: Requirement | None = None


class SignedCommand(Strict):
    """A command of somebody who holds the key.

    The signature is an HMAC-SHA256 over `signed_bytes`, so over the topic's verb, the suggestion, the exact
    content that was seen, the approver, the nonce and the validity (at most 120 s).
    """

    schema_version: Literal[1] = 1
    verb: Verb
    suggestion_id: Digits16
    content_hash: Digits64
    approver: Who
    nonce: Digits32
    issued_at_ms: Annotated[int, Field(ge=0)]
    expires_at_ms: Annotated[int, Field(ge=0)]
    text: Reason = ""
    change: Modification | None = None
    version: Annotated[int, Field(ge=0)] | None = None
    signature: Digits64 = "0" * 64

    @property
    def signed_bytes(self) -> bytes:
        """Everything but the signature, in one form only."""
        plain: dict[str, Any] = self.model_dump(mode="json", round_trip=True, exclude={"signature"})
        return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


class PressVerb(StrEnum):
    """The buttons that a suggestion has in Home Assistant."""

    APPROVE = "approve"
    NOT_NOW = "not_now"
    REJECT = "reject"
    UNDO = "undo"


class Press(Strict):
    """A button's own message: anybody may publish it, so Home Assistant has to confirm the press."""

    suggestion_id: Digits16
    verb: PressVerb
    content_hash: Digits64


class SuggestionAnswer(Schema):
    """Outcome of a command or a press; `nonce` is the command's own."""

    schema_version: Literal[1] = 1
    message_id: str
    at: Instant
    suggestion_id: str
    verb: str
    nonce: str = ""
    accepted: bool
    text: str


class AutomationExecuted(Schema):
    """An automation of ours was deployed, rolled back, or ran."""

    schema_version: Literal[1] = 1
    message_id: str
    at: Instant
    what: Literal["deployed", "rolled_back", "removed", "ran"]
    suggestion_id: str
    automation_id: str
    entity_id: str | None = None
    version: int
    text: str


class AutomationFailed(Schema):
    """Something could not be done in Home Assistant: at which step, why, and whether it is tried again."""

    schema_version: Literal[1] = 1
    message_id: str
    at: Instant
    suggestion_id: str
    automation_id: str
    step: str
    retried: bool
    text: str


class Question(Strict):
    """Question asked on ``ha-ai/query/ask``; the answer goes to the message's response topic.

    ``suggestions`` wants those of the named statuses, all if none is named; ``backtest`` wants one
    suggestion tried again, changed where `change` says so.
    """

    ask: Literal["suggestions", "backtest"]
    statuses: tuple[str, ...] = ()
    suggestion_id: str | None = None
    change: Modification | None = None


class Answer(Schema):
    """The answer to a question: what was asked for, or why there is none."""

    schema_version: Literal[1] = 1
    ok: bool
    text: str = ""
    suggestions: tuple[dict[str, Any], ...] = ()
