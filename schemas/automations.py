"""An automation as small typed parts: never text, never a template."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, computed_field

from schemas.patterns import AtHome, Dark, Hours, Temperature, Weekday
from schemas.payload import Finite, Schema, clock

_ENTITY_ID = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+", re.ASCII)
_SERVICE = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+", re.ASCII)
_UNSAFE = re.compile(r"\{\{|\{%|\{#|[\x00-\x1f\x7f]")
LONGEST_STATE = 255
LONGEST_WAIT_S = 86_400


def check_entity_id(text: str) -> str:
    """Return `text` if it is an entity id, else say what was expected."""
    if not _ENTITY_ID.fullmatch(text) or len(text) > LONGEST_STATE:
        raise ValueError(f"expected an entity id such as light.hall, got {text[:80]!r}")
    return text


def check_service(text: str) -> str:
    """Return `text` if it names a service, else say what was expected."""
    if not _SERVICE.fullmatch(text):
        raise ValueError(f"expected a service such as light.turn_on, got {text[:80]!r}")
    return text


def check_plain(text: str) -> str:
    """Return `text` if Home Assistant takes it for nothing but text, else say what was expected."""
    if _UNSAFE.search(text):
        raise ValueError(f"expected text without templates and control characters, got {text[:80]!r}")
    return text


EntityId = Annotated[str, AfterValidator(check_entity_id)]
Service = Annotated[str, AfterValidator(check_service)]
PlainText = Annotated[str, StringConstraints(max_length=LONGEST_STATE), AfterValidator(check_plain)]
Wait = Annotated[int, Field(ge=0, le=LONGEST_WAIT_S)]


class TimeTrigger(Schema):
    """At a local minute of the day, 0 = midnight; `time` is the same on the clock."""

    kind: Literal["time"] = "time"
    minute: Annotated[int, Field(ge=0, lt=1440)]

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no property below a decorator
    @property
    def time(self) -> str:
        """`minute` on the clock: 425 is 07:05."""
        return clock(self.minute)


class SunTrigger(Schema):
    """At sunrise or sunset, or so many minutes after it (before it, where negative)."""

    kind: Literal["sun"] = "sun"
    event: Literal["sunrise", "sunset"]
    offset_minutes: Annotated[int, Field(ge=-360, le=360)] = 0


class StateTrigger(Schema):
    """When an entity reaches a state, or has been in it for so long."""

    kind: Literal["state"] = "state"
    entity_id: EntityId
    to: PlainText
    for_seconds: Wait = 0


class NumericTrigger(Schema):
    """When a number passes above or below a value, or has been there for so long."""

    kind: Literal["numeric"] = "numeric"
    entity_id: EntityId
    above: Finite | None = None
    below: Finite | None = None
    for_seconds: Wait = 0


class MqttTrigger(Schema):
    """When anything is said on one of our event topics."""

    kind: Literal["mqtt"] = "mqtt"
    topic: Annotated[str, Field(pattern=r"^([A-Za-z0-9_-]{1,64}/)?ha-ai/events/[a-z0-9_]+/[a-z0-9_]+$")]


Trigger = Annotated[
    TimeTrigger | SunTrigger | StateTrigger | NumericTrigger | MqttTrigger, Field(discriminator="kind")
]


class InState(Schema):
    """Only while an entity is in a state."""

    kind: Literal["state"] = "state"
    entity_id: EntityId
    state: PlainText


class TemperatureOf(Temperature):
    """Only while a sensor reads below or above a value; its id is one that Home Assistant takes."""

    entity_id: EntityId


Requirement = Annotated[
    Dark | Hours | Weekday | TemperatureOf | AtHome | InState, Field(discriminator="kind")
]
Parameter = Literal[
    "brightness",
    "hvac_mode",
    "temperature",
    "percentage",
    "position",
    "preset_mode",
    "option",
    "value",
    "volume_level",
    "source",
]


class Action(Schema):
    """One service on one entity, so many seconds after what came before it."""

    service: Service
    entity_id: EntityId
    data: dict[Parameter, Finite | PlainText] = Field(default_factory=dict)
    after_seconds: Wait = 0


class Automation(Schema):
    """Automation to run: triggers, conditions, actions; all that Home Assistant is told, except words."""

    trigger: Trigger
    conditions: tuple[Requirement, ...] = Field(default=(), max_length=8)
    actions: tuple[Action, ...] = Field(min_length=1, max_length=8)

    @property
    def entity_ids(self) -> frozenset[str]:
        """Every entity that it names."""
        parts = (self.trigger, *self.conditions, *self.actions)
        return frozenset(found for part in parts if (found := getattr(part, "entity_id", None)))

    @property
    def domain(self) -> str:
        """The domain of the entity that it acts on first.

        Examples
        --------
        >>> lamp = Action(service="light.turn_on", entity_id="light.hall")
        >>> Automation(trigger=TimeTrigger(minute=0), actions=(lamp,)).domain
        'light'
        """
        return self.actions[0].entity_id.partition(".")[0]

    @property
    def weekdays(self) -> frozenset[int]:
        """The days of the week, 0 = Monday, on which all of its conditions let it run."""
        allowed = (each.days for each in self.conditions if isinstance(each, Weekday))
        return frozenset(range(7)).intersection(*allowed)
