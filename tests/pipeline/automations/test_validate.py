"""Whether an automation can work in a home as it stands."""

import dataclasses

import pytest

from pipeline.automations.validate import is_entity_id, problems
from schemas.automations import (
    Action,
    Automation,
    InState,
    MqttTrigger,
    NumericTrigger,
    Requirement,
    StateTrigger,
    TemperatureOf,
    TimeTrigger,
    Trigger,
)
from schemas.catalogue import KnownEntity
from schemas.patterns import Dark, Hours, Weekday
from tests.fixtures.specimens import LAMP, call, specimens
from tests.recordings.reading import read_catalogue

HOME = read_catalogue()
MORNING = TimeTrigger(minute=390)


@pytest.mark.parametrize("name", specimens())
def test_what_fits_the_home_has_no_problem(name: str) -> None:
    """Everything that we can say works in a home that has what it names, with or without a catalogue."""
    assert problems(specimens()[name], HOME) == []
    assert problems(specimens()[name], None) == []


@pytest.mark.parametrize(
    ("trigger", "why"),
    [
        (NumericTrigger(entity_id="sensor.hall_temperature"), "is compared with nothing"),
        (
            NumericTrigger(entity_id="sensor.hall_temperature", above=5, below=5),
            "cannot be above 5 and below 5",
        ),
        (
            StateTrigger(entity_id="light.bed_light", to="unavailable"),
            "being unavailable is nothing to act on",
        ),
        (StateTrigger(entity_id="light.bed_light", to=""), "being nothing is nothing to act on"),
        (StateTrigger(entity_id="scene.movie", to="on"), "scene.movie is only ever activated"),
        (StateTrigger(entity_id="light._x", to="on"), "light._x is no entity id"),
    ],
)
def test_some_things_work_in_no_home(trigger: Trigger, why: str) -> None:
    """They are said without a catalogue, and with one."""
    automation = Automation(trigger=trigger, actions=(LAMP,))
    assert any(why in said for said in problems(automation, None))
    assert any(why in said for said in problems(automation, HOME))


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        (Weekday(days=()), "there is no weekday on which it may run"),
        (Hours(after=8, before=8), "the hours from 8 to 8 are none"),
        (
            InState(entity_id="button.push", state="activated"),
            "button.push is only ever activated, and in no state that lasts",
        ),
    ],
)
def test_a_condition_has_to_leave_some_time(condition: Requirement, why: str) -> None:
    """No day at all, and no hour at all, are no conditions: Home Assistant would run always."""
    assert problems(Automation(trigger=MORNING, conditions=(condition,), actions=(LAMP,)), None) == [why]


@pytest.mark.parametrize(
    ("trigger", "why"),
    [
        (StateTrigger(entity_id="light.nowhere", to="on"), "light.nowhere does not exist"),
        (StateTrigger(entity_id="light.bed_light", to="open"), "light.bed_light cannot be 'open'"),
        (StateTrigger(entity_id="climate.heatpump", to="cool"), "climate.heatpump cannot be 'cool'"),
        (StateTrigger(entity_id="select.speed", to="slow"), "select.speed cannot be 'slow'"),
        (StateTrigger(entity_id="sensor.thermostat", to="party"), "sensor.thermostat cannot be 'party'"),
        (StateTrigger(entity_id="cover.hall_window", to="on"), "cover.hall_window cannot be 'on'"),
        (NumericTrigger(entity_id="sensor.thermostat", above=1), "sensor.thermostat is not a number"),
        (NumericTrigger(entity_id="sensor.sun_next_dawn", above=1), "sensor.sun_next_dawn is not a number"),
        (NumericTrigger(entity_id="light.bed_light", below=1), "light.bed_light is not a number"),
    ],
)
def test_a_trigger_has_to_fit_what_is_there(trigger: Trigger, why: str) -> None:
    """What does not exist, or can never be so, is said."""
    assert problems(Automation(trigger=trigger, actions=(LAMP,)), HOME) == [why]


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        (TemperatureOf(entity_id="sensor.nowhere", below=3), "sensor.nowhere does not exist"),
        (TemperatureOf(entity_id="sensor.thermostat", below=3), "sensor.thermostat is not a number"),
        (
            TemperatureOf(entity_id="sensor.hall_temperature"),
            "sensor.hall_temperature is compared with nothing",
        ),
        (InState(entity_id="switch.fan", state="fast"), "switch.fan cannot be 'fast'"),
        (InState(entity_id="person.nobody", state="home"), "person.nobody does not exist"),
    ],
)
def test_a_condition_has_to_fit_what_is_there(condition: Requirement, why: str) -> None:
    """The same holds for conditions."""
    automation = Automation(trigger=MORNING, conditions=(condition,), actions=(LAMP,))
    assert problems(automation, HOME) == [why]


@pytest.mark.parametrize(
    ("action", "why"),
    [
        (call("light.turn_on", "light.nowhere"), "light.nowhere does not exist"),
        (call("light.explode", "light.bed_light"), "the service light.explode does not exist"),
        (call("light.turn_on", "light.plain", brightness=9), "light.plain cannot be dimmed"),
        (
            call("climate.set_hvac_mode", "climate.heatpump", hvac_mode="cool"),
            "climate.heatpump has no hvac_mode 'cool'",
        ),
        (call("select.select_option", "select.speed", option="slow"), "select.speed has no option 'slow'"),
        (
            call("media_player.select_source", "media_player.lounge_room", source="tape"),
            "media_player.lounge_room has no source 'tape'",
        ),
        (
            call("fan.set_preset_mode", "fan.preset_only_limited_fan", preset_mode="storm"),
            "fan.preset_only_limited_fan has no preset_mode 'storm'",
        ),
        (
            call("cover.set_cover_position", "cover.kitchen_window", position=3),
            "cover.kitchen_window does not support cover.set_cover_position",
        ),
        (
            call("cover.open_cover", "cover.pergola_roof"),
            "cover.pergola_roof does not support cover.open_cover",
        ),
        (
            call("vacuum.start", "vacuum.4_fourth_floor"),
            "vacuum.4_fourth_floor does not support vacuum.start",
        ),
    ],
)
def test_an_action_has_to_be_possible(action: Action, why: str) -> None:
    """Home Assistant would take each of these, and fail when it first ran."""
    plain = KnownEntity("light.plain", attributes={"supported_color_modes": ["onoff"]})
    home = dataclasses.replace(HOME, entities={**HOME.entities, "light.plain": plain})
    assert problems(Automation(trigger=MORNING, actions=(action,)), home) == [why]


def test_what_everything_rests_on_has_to_be_there() -> None:
    """Without the sun nobody knows when it is dark, and without a broker no message comes."""
    bare = dataclasses.replace(
        HOME,
        entities={name: entity for name, entity in HOME.entities.items() if name != "sun.sun"},
        services=HOME.services - {"mqtt.publish"},
    )
    automation = Automation(
        trigger=MqttTrigger(topic="ha-ai/events/pattern/detected"), conditions=(Dark(),), actions=(LAMP,)
    )
    assert problems(automation, HOME) == []
    assert problems(automation, bare) == [
        "Home Assistant is not connected to an MQTT broker",
        "sun.sun does not exist, so nothing tells when it is dark",
    ]


def test_a_position_that_is_not_known_yet_is_no_problem() -> None:
    """A player that is off lists no sources; that is not held against it."""
    silent = KnownEntity("media_player.tv", attributes={"supported_features": 2**20 - 1})
    home = dataclasses.replace(HOME, entities={**HOME.entities, "media_player.tv": silent})
    action = call("media_player.select_source", "media_player.tv", source="dvd")
    assert problems(Automation(trigger=MORNING, actions=(action,)), home) == []


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("light.hall", True),
        ("light.hall_2", True),
        ("2.2", True),
        ("light", False),
        ("light.hall.lamp", False),
        ("light.Hall", False),
        ("light._hall", False),
        ("light.hall_", False),
        ("light.hall__lamp", False),
        ("light.hall\n", False),
        ("", False),
    ],
)
def test_entity_ids_follow_home_assistants_rule(text: str, *, is_one: bool) -> None:
    """Small letters, digits and single underscores within, around one dot."""
    assert is_entity_id(text) == is_one
