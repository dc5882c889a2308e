"""One state change of one entity, as everything behind ingest sees it."""

from enum import IntEnum
from hashlib import blake2b
from typing import NamedTuple

Attribute = tuple[str, float | str]
UNNAMED = ""
# What is taken up of a state's attributes. Of what was set a day keeps the times too; what a sensor measures
# is told by its class, or else by its unit.
SETTINGS = ("brightness", "temperature", "percentage", "current_position", "volume_level")
DESCRIPTIONS = ("device_class", "unit_of_measurement")
ATTRIBUTES = (*SETTINGS, "current_temperature", *DESCRIPTIONS)


class Cause(IntEnum):
    """Cause of a state change: who brought it about."""

    UNCERTAIN = 0
    USER = 1
    PHYSICAL = 2
    AUTOMATION = 3


class EventType(NamedTuple):
    """Event type that detectors count: one entity reaching one state."""

    entity_id: str
    state: str

    @property
    def key(self) -> str:
        """The type as one string, for the key of an aggregate: ``light.hall=on``."""
        return f"{self.entity_id}={self.state}"

    @classmethod
    def of_key(cls, key: str) -> "EventType":
        """Read back what `key` wrote; entity ids hold no ``=``."""
        entity_id, _, state = key.partition("=")
        return cls(entity_id, state)


class StateChange(NamedTuple):
    """An entity's state at the moment Home Assistant last updated it.

    `at_us` is Home Assistant's ``last_updated`` in UTC microseconds. `old` is None where the source does not
    tell it. A `mark` (an automation or script that ran without changing state) is evidence about causes, no
    behaviour.
    """

    at_us: int
    entity_id: str
    old: str | None
    new: str
    context_id: str | None = None
    parent_id: str | None = None
    user_id: str | None = None
    attributes: tuple[Attribute, ...] = ()
    mark: bool = False

    @property
    def key(self) -> bytes:
        """Identity of the change, 16 bytes: the same change delivered twice has the same key.

        Examples
        --------
        >>> first = StateChange(1_700_000_000_000_000, "light.hall", "off", "on", context_id="01")
        >>> first.key == first._replace(context_id=None).key, first.key == first._replace(new="off").key
        (True, False)
        """
        return blake2b(f"{self.at_us}\x00{self.entity_id}\x00{self.new}".encode(), digest_size=16).digest()


class ServiceCall(NamedTuple):
    """A commanded change: Home Assistant's ``call_service`` event, which carries neither time nor context.

    Where the target is not told by entities, the only one is `UNNAMED`.
    """

    at_us: int
    entity_ids: tuple[str, ...]
    service: str


# Why the home could not be seen.
NOT_RUNNING = "not_running"
BROKER = "broker"
HOME_ASSISTANT = "home_assistant"
PAUSED = "paused"


class Gap(NamedTuple):
    """An interval, in UTC microseconds, of which we know that we could not see the home."""

    from_us: int
    to_us: int
    reason: str
