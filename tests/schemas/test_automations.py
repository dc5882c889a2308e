import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.automations import (
    Action,
    Automation,
    InState,
    MqttTrigger,
    NumericTrigger,
    StateTrigger,
    SunTrigger,
    TemperatureOf,
    TimeTrigger,
    Trigger,
)
from schemas.patterns import AtHome, Dark, Hours, Weekday

LAMP = Action(service="light.turn_on", entity_id="light.hall")
TRIGGERS: list[Trigger] = [
    TimeTrigger(minute=420),
    SunTrigger(event="sunset", offset_minutes=-30),
    StateTrigger(entity_id="binary_sensor.door", to="on", for_seconds=300),
    NumericTrigger(entity_id="sensor.lux", below=40),
    MqttTrigger(topic="ha-ai/events/sports/team_scored"),
]
INJECTIONS = [
    "{{ states('lock.front') }}",
    "{% set x = 1 %}",
    "{# note #}",
    "on\nservice: lock.unlock",
    "on\x00",
    "\x7f",
    "x" * 256,
]


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: trigger.kind)
def test_reads_back(trigger: Trigger) -> None:
    """An automation in JSON is the same automation again, with each kind of trigger and condition."""
    conditions = (
        Dark(),
        Hours(after=22, before=6),
        Weekday(days=(0, 4)),
        TemperatureOf(entity_id="sensor.outside", below=5),
        AtHome(somebody=False),
        InState(entity_id="light.bath", state="off"),
    )
    dim = LAMP.model_copy(
        update={"data": {"brightness": 128.0, "preset_mode": "evening"}, "after_seconds": 5}
    )
    made = Automation(trigger=trigger, conditions=conditions, actions=(LAMP, dim))
    assert Automation.model_validate_json(made.model_dump_json()) == made


def test_every_entity_is_named() -> None:
    """Those of trigger, conditions and actions; what names none counts as nothing."""
    made = Automation(
        trigger=StateTrigger(entity_id="binary_sensor.door", to="on"),
        conditions=(InState(entity_id="light.bath", state="off"), Dark()),
        actions=(LAMP,),
    )
    assert made.entity_ids == {"binary_sensor.door", "light.bath", "light.hall"}
    assert Automation(trigger=TimeTrigger(minute=0), actions=(LAMP,)).entity_ids == {"light.hall"}


@pytest.mark.parametrize("text", INJECTIONS)
def test_nothing_that_means_more_than_text_is_taken(text: str) -> None:
    """Templates, control characters and endless texts are refused wherever a text may stand."""
    for make in (
        lambda: StateTrigger(entity_id="light.hall", to=text),
        lambda: InState(entity_id="light.hall", state=text),
        lambda: Action(service="light.turn_on", entity_id="light.hall", data={"preset_mode": text}),
        lambda: Action(service=text, entity_id="light.hall"),
        lambda: Action(service="light.turn_on", entity_id=text),
        lambda: NumericTrigger(entity_id=text, above=1),
        lambda: TemperatureOf(entity_id=text, above=1),
        lambda: MqttTrigger(topic=text),
    ):
        with pytest.raises(ValidationError):
            make()


@given(st.text())
def test_an_entity_id_is_plain_or_refused(text: str) -> None:
    """Whatever is taken consists of lower-case letters, digits, underscores and one dot."""
    try:
        taken = Action(service="light.turn_on", entity_id=text).entity_id
    except ValidationError:
        return
    assert taken == text
    domain, dot, name = text.partition(".")
    assert (domain and name, dot) == (name, ".")
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.")
    assert text.count(".") == 1


@pytest.mark.parametrize(
    "entity_id", ["light.hall\n", "light.Hall", "light.hällo", "light", ".hall", "light.", "a.b.c", "light.٣"]
)
def test_what_is_nearly_an_entity_id_is_refused(entity_id: str) -> None:
    """A line break at the end, capitals, and letters and digits of other scripts are refused."""
    with pytest.raises(ValidationError, match="expected an entity id"):
        Action(service="light.turn_on", entity_id=entity_id)


@pytest.mark.parametrize(
    "topic",
    [
        "ha-ai/events/sports/team_scored\n",
        "ha-ai/events/#",
        "ha-ai/events/+/scored",
        "ha-ai/commands/automation/deploy",
        "homeassistant/status",
        "a/b/ha-ai/events/sports/scored",
    ],
)
def test_only_events_of_ours_trigger(topic: str) -> None:
    """No wildcard, no command and nobody else's topic is a trigger."""
    with pytest.raises(ValidationError):
        MqttTrigger(topic=topic)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_are_finite(number: float) -> None:
    """Neither thresholds nor values that are set may be infinite or nothing."""
    for make in (
        lambda: NumericTrigger(entity_id="sensor.lux", above=number),
        lambda: Action(service="light.turn_on", entity_id="light.hall", data={"brightness": number}),
    ):
        with pytest.raises(ValidationError):
            make()


@pytest.mark.parametrize(
    "fields",
    [
        {"actions": ()},
        {"actions": (LAMP,) * 9},
        {"conditions": (Dark(),) * 9},
        {"trigger": TimeTrigger.model_construct(minute=1440).model_dump()},
    ],
)
def test_bounds(fields: dict[str, object]) -> None:
    """One action at least and eight at most, eight conditions, a minute of the day."""
    plain = {"trigger": TimeTrigger(minute=0), "actions": (LAMP,), **fields}
    with pytest.raises(ValidationError):
        Automation.model_validate(plain)


def test_what_a_newer_version_adds_is_passed_over_unless_somebody_commands_it() -> None:
    """In a suggestion of ours an unknown field is left out; in what people command it is refused."""
    plain = {"trigger": TimeTrigger(minute=0), "actions": (LAMP,), "name": "more than is known"}
    assert "name" not in Automation.model_validate(plain).model_dump()
    with pytest.raises(ValidationError, match="name"):
        Automation.model_validate(plain, extra="forbid")


def test_a_parameter_that_is_not_known_is_refused() -> None:
    """Only what is listed may be set: no code, no template, no other target."""
    for name in ("entity_id", "code", "command", "flash"):
        with pytest.raises(ValidationError):
            Action.model_validate({"service": "light.turn_on", "entity_id": "light.hall", "data": {name: 1}})
