"""Types that ingest takes in and gives out."""

from enum import StrEnum
from typing import NamedTuple

from schemas.events import ServiceCall, StateChange


class Message(NamedTuple):
    """A raw MQTT message and when it was received, UTC microseconds."""

    topic: str
    payload: bytes
    received_us: int
    retain: bool = False


class Signal(StrEnum):
    """Signals that Home Assistant gives of itself."""

    STARTED = "started"
    STOPPED = "stopped"
    # What its status topic retained when we subscribed: since when is not said.
    ONLINE = "online"


class Reason(StrEnum):
    """Reasons for which a message is a dead letter."""

    OVERSIZE = "oversize"
    TOO_DEEP = "too_deep"
    NOT_JSON = "not_json"
    WRONG_SHAPE = "wrong_shape"
    FUTURE = "future"
    TOO_OLD = "too_old"
    FREE_TEXT = "free_text"
    THINNED = "thinned"
    TOO_MANY_ENTITIES = "too_many_entities"
    TOO_MANY_CHANGES = "too_many_changes"


class PoisonError(ValueError):
    """A message that cannot be taken: says what was expected and what came."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class UntimelyError(PoisonError):
    """An event whose time cannot be true by our clock; once the clock says otherwise it can be taken."""

    entry: StateChange | ServiceCall | None = None


Decoded = StateChange | ServiceCall | Signal
