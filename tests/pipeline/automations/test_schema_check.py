"""Verdicts on automations that others wrote."""

import random
from datetime import date
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.mutations import KEYS, VALUES, mutants
from pipeline.automations.parser.reader import DEEPEST, MOST_PARTS
from pipeline.automations.render import as_yaml, render
from pipeline.automations.schema_check import Kind, judge
from tests.fixtures.specimens import specimens
from tests.profiles import examples

TIME = {"platform": "time", "at": "06:30:00"}
LAMP = {"service": "light.turn_on", "target": {"entity_id": "light.hall"}}
DARK = {"condition": "state", "entity_id": "sun.sun", "state": "below_horizon"}


def automation(trigger: Any = TIME, condition: Any = (), action: Any = LAMP, **others: Any) -> dict[str, Any]:
    """An automation with the parts that matter."""
    conditions = {} if condition == () else {"condition": condition}
    return {"alias": "Hall", "trigger": trigger, **conditions, "action": action, **others}


VALID = {
    "a single trigger and action": automation(),
    "lists": automation([TIME], [DARK], [LAMP]),
    "new keys": {
        "triggers": [{"trigger": "time", "at": "06:30"}],
        "conditions": [],
        "actions": [{"action": "light.turn_on", "target": {"entity_id": ["light.a", "light.b"]}}],
    },
    "everything about it": automation(
        id="1",
        description="x",
        mode="queued",
        max=3,
        max_exceeded="silent",
        initial_state=True,
        variables={"a": 1},
    ),
    "an old way to name the entity": automation(
        action={"service": "light.turn_on", "entity_id": "light.Hall"}
    ),
    "several entities in a line": automation(
        {"platform": "state", "entity_id": "light.a, light.b", "to": "on"}
    ),
    "states, from and for": automation(
        {
            "platform": "state",
            "entity_id": ["light.a"],
            "from": ["on", "off"],
            "not_to": "on",
            "for": "00:05:00",
        }
    ),
    "any change": automation({"platform": "state", "entity_id": "light.a", "to": None}),
    "an attribute": automation(
        {"platform": "state", "entity_id": "light.a", "attribute": "brightness", "to": 3}
    ),
    "a number": automation(
        {"platform": "numeric_state", "entity_id": "sensor.a", "above": "3.5", "below": 7}
    ),
    "another sensor's number": automation(
        {"platform": "numeric_state", "entity_id": "sensor.a", "above": "input_number.limit"}
    ),
    "the sun": automation({"platform": "sun", "event": "sunset", "offset": "-00:30:00"}),
    "the sun, in seconds": automation({"platform": "sun", "event": "sunrise", "offset": -90}),
    "several times": automation({"platform": "time", "at": ["06:30", "input_datetime.alarm", "7:5"]}),
    "a pattern of time": automation(
        {"platform": "time_pattern", "minutes": "/5", "hours": 3, "seconds": "*"}
    ),
    "a message": automation({"platform": "mqtt", "topic": "home/doorbell", "payload": "1", "qos": 1}),
    "an event": automation({"platform": "event", "event_type": ["a", "b"], "event_data": {"x": {"y": 1}}}),
    "its start": automation({"platform": "homeassistant", "event": "start"}),
    "a zone": automation(
        {"platform": "zone", "entity_id": "person.a", "zone": "zone.home", "event": "enter"}
    ),
    "a time of the day": automation(
        condition={"condition": "time", "after": "22:00", "weekday": ["mon", "sun"]}
    ),
    "by the sun": automation(condition={"condition": "sun", "after": "sunset", "after_offset": "00:30:00"}),
    "which trigger": automation(condition={"condition": "trigger", "id": ["a", "b"]}),
    "one of several": automation(condition={"condition": "or", "conditions": [DARK, {"not": DARK}]}),
    "in short": automation(condition=[{"and": [DARK]}, {"condition": [DARK]}]),
    "a choice": automation(
        action={"choose": [{"conditions": [DARK], "sequence": LAMP}], "default": [{"delay": {"minutes": 5}}]}
    ),
    "a condition on the way": automation(action=[DARK, {"if": DARK, "then": LAMP, "else": []}]),
    "a repetition": automation(action={"repeat": {"count": 3, "sequence": [LAMP, {"delay": 2.5}]}}),
    "side by side": automation(action={"parallel": [LAMP, {"sequence": [LAMP]}, [LAMP, LAMP], None]}),
    "waiting": automation(
        action={"wait_for_trigger": [TIME], "timeout": "00:01:00", "continue_on_timeout": False}
    ),
    "an end": automation(
        action=[{"event": "mine", "event_data": {}}, {"scene": "scene.a"}, {"stop": "done"}]
    ),
    "answers": automation(
        action={"action": "weather.get_forecasts", "response_variable": "x", "data": {"type": "daily"}}
    ),
    "nothing to do": automation([], [], []),
}


@pytest.mark.parametrize("name", VALID)
def test_what_we_know_is_valid(name: str) -> None:
    """Old and new keys, lists and single parts, and what nests."""
    verdict = judge(VALID[name])
    assert (verdict.kind, verdict.why) == (Kind.VALID, [])


@pytest.mark.parametrize("name", specimens())
def test_what_we_render_is_valid(name: str) -> None:
    """Also when it was copied as text and read again."""
    config = render(specimens()[name], title=name, description="")
    assert judge(yaml.safe_load(as_yaml(config))).kind == Kind.VALID


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (None, "an automation is a set of keys such as trigger and action"),
        ([automation()], "an automation is a set of keys such as trigger and action"),
        ({}, "there is no trigger"),
        ({"trigger": TIME}, "there is no action"),
        ({"triger": TIME, "action": LAMP}, "there is no trigger"),
        (automation(triggers=TIME), "trigger and triggers exclude each other"),
        (automation(mode="twice"), "mode: 'twice' is none of single, restart, queued, parallel"),
        (automation(max=1), "max: 1 is out of range"),
        (automation("time"), "trigger: 'time' is no trigger"),
        (automation({"at": "06:30"}), "trigger: it does not say what kind of trigger it is"),
        (automation([TIME, {"platform": "time"}]), "trigger, number 2: at is missing"),
        (automation({"platform": "time", "at": "25:00"}), "trigger, at: '25:00' is no time as in 06:30:00"),
        (
            automation({"platform": "time", "at": 23400}),
            "trigger, at: 23400 has to be a time in quotation marks",
        ),
        (automation({"platform": "time", "at": "noon"}), "trigger, at: 'noon' is no time as in 06:30:00"),
        (automation({"platform": "sun"}), "trigger: event is missing"),
        (
            automation({"platform": "sun", "event": "sunset", "offset": "later"}),
            "trigger, offset: 'later' is no time span as in 00:05:00",
        ),
        (automation({"platform": "state", "to": "on"}), "trigger: entity_id is missing"),
        (
            automation({"platform": "state", "entity_id": "hall"}),
            "trigger, entity_id: 'hall' is no entity id",
        ),
        (
            automation({"platform": "state", "entity_id": "light.a", "to": True}),
            "trigger, to: the state True has to be written in quotation marks",
        ),
        (
            automation({"platform": "state", "entity_id": "light.a", "to": "on", "not_to": "off"}),
            "trigger: to and not_to exclude each other",
        ),
        (
            automation({"platform": "numeric_state", "entity_id": "sensor.a"}),
            "trigger: one of above, below is missing",
        ),
        (
            automation({"platform": "numeric_state", "entity_id": "sensor.a", "above": "warm"}),
            "trigger, above: 'warm' is no number",
        ),
        (
            automation({"platform": "numeric_state", "entity_id": "sensor.a", "above": 5, "below": 3}),
            "trigger: nothing is above 5 and below 3",
        ),
        (automation({"platform": "mqtt", "topic": "a", "qos": 3}), "trigger, qos: 3 is out of range"),
        (
            automation({"platform": "time_pattern", "minutes": 60}),
            "trigger, minutes: 60 is no number from 0 to 59",
        ),
        (
            automation({"platform": "time_pattern", "hours": "/24"}),
            "trigger, hours: '/24' is no number from 0 to 23",
        ),
        (
            automation({"platform": "time_pattern", "hours": "all"}),
            "trigger, hours: 'all' is no pattern that we know",
        ),
        (automation(condition="dark"), "condition: 'dark' is no condition"),
        (automation(condition={"state": "on"}), "condition: it does not say what kind of condition it is"),
        (automation(condition={"condition": "or"}), "condition: conditions is missing"),
        (
            automation(condition={"or": [DARK, {"condition": "state", "state": "on"}]}),
            "condition, or, number 2: entity_id is missing",
        ),
        (
            automation(condition={"condition": "time", "weekday": ["monday"]}),
            "condition, weekday, number 1: 'monday' is none of mon, tue, wed, thu, fri, sat, sun",
        ),
        (automation(action="light.turn_on"), "action: 'light.turn_on' is no action"),
        (
            automation(action={"target": {"entity_id": "light.a"}}),
            "action: it does not say what is to be done",
        ),
        (
            automation(action={"service": "turn_on"}),
            "action, service: 'turn_on' does not name a service as in light.turn_on",
        ),
        (
            automation(action={"service": "light.turn_on", "action": "light.turn_on"}),
            "action: service and action exclude each other",
        ),
        (
            automation(action={"choose": [{"conditions": [DARK], "sequence": [{"if": DARK}]}]}),
            "action, choose, number 1, sequence, number 1: then is missing",
        ),
        (
            automation(action={"repeat": {"sequence": LAMP}}),
            "action, repeat: one of count, for_each, until, while is missing",
        ),
    ],
)
def test_what_no_release_takes_is_invalid(config: object, why: str) -> None:
    """It says where and what."""
    verdict = judge(config)
    assert verdict.kind == Kind.INVALID
    assert why in verdict.why


@pytest.mark.parametrize(
    "config",
    [
        {"use_blueprint": {"path": "motion_light.yaml"}},
        automation({"platform": "template", "value_template": "{{ true }}"}),
        automation({"platform": "device", "device_id": "x", "domain": "light", "type": "turned_on"}),
        automation({"trigger": "light.turned_on", "target": {"entity_id": "light.a"}}),
        automation({"trigger": "state", "target": {"entity_id": "light.a"}}),
        automation({**TIME, "enabled": False}),
        automation(condition="{{ is_state('light.a', 'on') }}"),
        automation(condition={"condition": "light.is_on"}),
        automation(action={"service": "{{ which }}"}),
        automation(action={"service": "notify.me", "data": {"deep": [{"message": "It is {{ now() }}"}]}}),
        automation(action={"delay": "{{ 5 }}"}),
        automation(action={"device_id": "x", "domain": "light", "type": "turn_on"}),
        automation(action={"servce": "light.turn_on"}),
        automation(action={"service": "light.turn_on", "frobnicate": 1}),
        automation(hidden=True),
        automation({"platform": "state", "entity_id": "0123456789abcdef0123456789abcdef"}),
        automation(date(2026, 11, 20)),
        automation(variables={1: 2}),
    ],
)
def test_what_we_do_not_know_is_outside(config: object) -> None:
    """Templates, devices, blueprints, and keys that a release may have and we do not know."""
    verdict = judge(config)
    assert verdict.kind == Kind.OUTSIDE
    assert verdict.why


def test_what_is_wrong_for_certain_outweighs_what_we_do_not_know() -> None:
    """A template elsewhere makes nothing wrong right."""
    verdict = judge(automation({"platform": "state"}, "{{ true }}"))
    assert (verdict.kind, verdict.why) == (Kind.INVALID, ["trigger: entity_id is missing"])


def test_circles_and_bombs_are_outside() -> None:
    """What never ends, is nested too deeply or is endlessly large is put aside at once."""
    circle = automation()
    circle["action"] = [circle]
    deep: Any = LAMP
    for _ in range(DEEPEST):
        deep = {"parallel": [deep]}
    bomb: Any = [LAMP] * 10
    for _ in range(30):
        bomb = [bomb] * 10
    for config in (circle, automation(action=deep), automation(action=bomb), automation([TIME] * MOST_PARTS)):
        assert judge(config).kind == Kind.OUTSIDE


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates()
STRANGE = SCALARS | st.sampled_from(VALUES) | st.binary(max_size=5) | st.just({1, 2}) | st.just((1,))
ANYTHING = st.recursive(
    STRANGE,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | SCALARS, inner, max_size=5)
    ),
    max_leaves=25,
)


@settings(max_examples=examples(300))
@given(ANYTHING, ANYTHING, ANYTHING)
def test_anything_gets_a_verdict(trigger: object, condition: object, action: object) -> None:
    """Whatever Python can hold: no exception, and a reason wherever it is not valid."""
    for config in (trigger, automation(trigger, condition, action)):
        verdict = judge(config)
        assert bool(verdict.why) == (verdict.kind != Kind.VALID)


def test_a_thousand_mutants_get_a_verdict() -> None:
    """Valid automations with one or two things changed are judged, some of each kind."""
    kinds = {judge(mutant).kind for mutant in mutants(random.Random(1), list(VALID.values()), 1000)}
    assert kinds == set(Kind)
