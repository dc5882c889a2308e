"""Any automation's configuration, read as what starts what."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.automations.graph import Clock, Effect, Message, Passes, Reaches, Start, Sun, links
from tests.profiles import examples

RECORDED = Path(__file__).parents[4] / "shared" / "data" / "ha_automations_open.jsonl.gz"
MOTION = "binary_sensor.hall_motion"
LAMP = "light.hall"
ON_MOTION = {"platform": "state", "entity_id": MOTION, "to": "on"}
TURN_ON = {"service": "light.turn_on", "target": {"entity_id": LAMP}}
TURN_OFF = {"service": "light.turn_off", "target": {"entity_id": LAMP}}
LIT, DARKENED = Effect(LAMP, "on"), Effect(LAMP, "off")


def starts(*triggers: object) -> list[Start]:
    """Return what starts an automation with these triggers."""
    return [link.start for link in links({"trigger": list(triggers), "action": TURN_ON})]


def effects(*actions: object) -> list[Effect]:
    """Return what an automation with these actions does."""
    return [link.effect for link in links({"trigger": ON_MOTION, "action": list(actions)})]


TRIGGERS: list[tuple[dict[str, Any], list[Start]]] = [
    ({"platform": "time", "at": "06:30:00"}, [Clock(390)]),
    ({"trigger": "time", "at": ["06:30", "22:15:30"]}, [Clock(390), Clock(1335.5)]),
    ({"platform": "time", "at": "input_datetime.alarm"}, []),
    ({"platform": "time", "at": {"entity_id": "sensor.alarm"}}, []),
    ({"platform": "time_pattern", "minutes": "/5"}, []),
    ({"platform": "sun", "event": "sunset"}, [Sun("sunset")]),
    ({"trigger": "sun", "event": "sunrise", "offset": "-00:45:00"}, [Sun("sunrise", -45)]),
    ({"platform": "sun", "event": "sunset", "offset": 1800}, [Sun("sunset", 30)]),
    ({"platform": "state", "entity_id": "sun.sun", "to": "below_horizon"}, [Sun("sunset")]),
    (ON_MOTION, [Reaches(MOTION, "on")]),
    (
        {"trigger": "state", "entity_id": [MOTION, "binary_sensor.door"], "to": ["on", "off"]},
        [
            Reaches(MOTION, "on"),
            Reaches(MOTION, "off"),
            Reaches("binary_sensor.door", "on"),
            Reaches("binary_sensor.door", "off"),
        ],
    ),
    ({"platform": "state", "entity_id": f"{MOTION}, {LAMP}"}, [Reaches(MOTION), Reaches(LAMP)]),
    (
        {"platform": "state", "entity_id": MOTION, "from": "off"},
        [Reaches(MOTION, besides=frozenset({"off"}))],
    ),
    (
        {"platform": "state", "entity_id": MOTION, "not_to": ["unknown", "off"]},
        [Reaches(MOTION, besides=frozenset({"off", "unknown"}))],
    ),
    ({"platform": "state", "entity_id": MOTION, "to": "off", "for": "00:05"}, [Reaches(MOTION, "off", 300)]),
    (
        {"platform": "state", "entity_id": MOTION, "to": "off", "for": {"minutes": 2, "seconds": 5}},
        [Reaches(MOTION, "off", 125)],
    ),
    ({"platform": "state", "entity_id": MOTION, "to": "off", "for": 90}, [Reaches(MOTION, "off", 90)]),
    ({"platform": "state", "entity_id": LAMP, "attribute": "brightness"}, []),
    ({"platform": "numeric_state", "entity_id": "sensor.lux", "below": 20}, [Passes("sensor.lux", below=20)]),
    (
        {"platform": "numeric_state", "entity_id": ["sensor.a", "sensor.b"], "above": "21.5", "for": 60},
        [Passes("sensor.a", 21.5, for_seconds=60), Passes("sensor.b", 21.5, for_seconds=60)],
    ),
    (
        {"platform": "numeric_state", "entity_id": "sensor.lux", "above": "input_number.bound"},
        [Passes("sensor.lux", float("-inf"))],
    ),
    ({"platform": "numeric_state", "entity_id": LAMP, "attribute": "brightness", "above": 3}, []),
    ({"platform": "mqtt", "topic": "home/doorbell"}, [Message("home/doorbell")]),
    (
        {"platform": "zone", "entity_id": "person.ann", "zone": "zone.home", "event": "leave"},
        [Reaches("person.ann", "not_home")],
    ),
    (
        {"platform": "device", "domain": "binary_sensor", "type": "no_motion", "entity_id": MOTION},
        [Reaches(MOTION, "off")],
    ),
    (
        {"trigger": "device", "domain": "light", "type": "turned_on", "entity_id": LAMP},
        [Reaches(LAMP, "on")],
    ),
    (
        {"platform": "device", "domain": "cover", "type": "opened", "entity_id": "cover.a"},
        [Reaches("cover.a", "open")],
    ),
    ({"platform": "device", "domain": "light", "type": "changed_states", "entity_id": LAMP}, [Reaches(LAMP)]),
    ({"trigger": "light.turned_off", "target": {"entity_id": LAMP}}, [Reaches(LAMP, "off")]),
    ({"trigger": "motion.detected", "target": {"entity_id": [MOTION]}}, [Reaches(MOTION, "on")]),
    (
        {"triggers": [ON_MOTION, {"triggers": {"trigger": "sun", "event": "sunset"}}]},
        [Reaches(MOTION, "on"), Sun("sunset")],
    ),
    ({**ON_MOTION, "enabled": False}, []),
    ({"platform": "event", "event_type": "x"}, []),
    ({"platform": "template", "value_template": "{{ true }}"}, []),
]
ACTIONS: list[tuple[object, list[Effect]]] = [
    (TURN_ON, [LIT]),
    ({"action": "light.turn_off", "entity_id": LAMP}, [DARKENED]),
    (
        {"service": "homeassistant.turn_on", "data": {"entity_id": [LAMP, "cover.a"]}},
        [LIT, Effect("cover.a", "open")],
    ),
    ({"service": "light.toggle", "entity_id": LAMP}, [Effect(LAMP, None)]),
    ({"service": "light.turn_on", "entity_id": "all"}, []),
    ({"service": "light.turn_on", "target": {"entity_id": "{{ lamp }}"}}, []),
    ({"service": "{{ service }}", "target": {"entity_id": LAMP}}, []),
    ({"type": "turn_off", "domain": "light", "device_id": "d", "entity_id": LAMP}, [DARKENED]),
    (
        {"service": "scene.turn_on", "target": {"entity_id": "scene.film"}},
        [Effect("scene.film", "activated")],
    ),
    ({"scene": "scene.film"}, [Effect("scene.film", "activated")]),
    (
        {"service": "cover.set_cover_position", "entity_id": "cover.a", "data": {"position": 0}},
        [Effect("cover.a", "closed")],
    ),
    (
        {"service": "fan.set_percentage", "entity_id": "fan.a", "data": {"percentage": 40}},
        [Effect("fan.a", "on")],
    ),
    ({"service": "lock.unlock", "entity_id": "lock.door"}, [Effect("lock.door", "unlocked")]),
    (
        {
            "service": "climate.set_temperature",
            "entity_id": "climate.a",
            "data": {"temperature": 21, "hvac_mode": "heat"},
        },
        [Effect("climate.a", "heat"), Effect("climate.a", 21.0, "temperature")],
    ),
    ({"service": "climate.turn_off", "entity_id": "climate.a"}, [Effect("climate.a", "off")]),
    (
        {"service": "input_number.set_value", "entity_id": "input_number.a", "data": {"value": "5"}},
        [Effect("input_number.a", 5.0)],
    ),
    (
        {"service": "input_select.select_option", "entity_id": "input_select.a", "data": {"option": "Away"}},
        [Effect("input_select.a", "Away")],
    ),
    (
        {"service": "media_player.select_source", "entity_id": "media_player.a", "data": {"source": "dvd"}},
        [Effect("media_player.a", "dvd", "source")],
    ),
    ({"service": "notify.phone", "data": {"message": "light.hall"}}, []),
    ({"service": "script.good_night"}, []),
    ({**TURN_ON, "enabled": False}, []),
    ({"if": "{{ x }}", "then": TURN_ON, "else": [TURN_OFF]}, [LIT, DARKENED]),
    ({"choose": {"conditions": [], "sequence": TURN_ON}, "default": TURN_OFF}, [LIT, DARKENED]),
    ({"choose": [{"conditions": [], "sequence": [TURN_ON, TURN_OFF]}]}, [LIT, DARKENED]),
    (
        {"parallel": [TURN_ON, {"sequence": [{"delay": 5}, TURN_OFF]}]},
        [LIT, Effect(LAMP, "off", after_seconds=5)],
    ),
    ({"repeat": {"count": 3, "sequence": [TURN_ON]}}, [LIT]),
    ({"sequence": [TURN_ON]}, [LIT]),
]


@pytest.mark.parametrize(("trigger", "expected"), TRIGGERS)
def test_what_starts_it(trigger: dict[str, Any], expected: list[Start]) -> None:
    """Triggers of every kind that we read are told; of others nothing is."""
    assert starts(trigger) == expected


@pytest.mark.parametrize(("action", "expected"), ACTIONS)
def test_what_it_does(action: object, expected: list[Effect]) -> None:
    """Services are told by what comes of them; what nobody knows beforehand is not told."""
    assert effects(action) == expected


def test_delays_add_up() -> None:
    """What comes after a wait is done so much later."""
    waits = [{"delay": "00:01:00"}, TURN_ON, {"delay": {"minutes": 4}}, TURN_OFF]
    assert effects(*waits) == [Effect(LAMP, "on", after_seconds=60), Effect(LAMP, "off", after_seconds=300)]


def test_what_comes_after_a_wait_for_a_trigger_starts_from_that() -> None:
    """The usual lamp that goes out when nobody moves any more."""
    quiet = {"platform": "state", "entity_id": MOTION, "to": "off", "for": 120}
    waits = [TURN_ON, {"delay": 10}, {"wait_for_trigger": quiet}, TURN_OFF]
    found = links({"trigger": ON_MOTION, "action": waits})
    assert [(link.start, link.effect) for link in found] == [
        (Reaches(MOTION, "on"), LIT),
        (Reaches(MOTION, "off", 120), DARKENED),
    ]


def test_nothing_is_known_of_what_comes_after_a_template() -> None:
    """Nobody knows when a template holds."""
    assert effects(TURN_ON, {"wait_template": "{{ x }}"}, TURN_OFF) == [LIT]


def test_triggers_are_told_apart_by_their_ids() -> None:
    """An option for one trigger is no link from another, be it chosen or a condition on the way."""
    triggers = [{**ON_MOTION, "id": "on"}, {**ON_MOTION, "to": "off", "id": "off"}]
    only = [{"condition": "trigger", "id": each} for each in ("on", "off")]
    options = [
        {"conditions": [only[0]], "sequence": [TURN_ON]},
        {"conditions": only[1], "sequence": [TURN_OFF]},
    ]
    expected = {("on", "on"), ("off", "off")}
    for actions in ({"choose": options}, [TURN_ON | {"enabled": False}, {"choose": options}]):
        found = links({"triggers": triggers, "actions": actions})
        assert {(getattr(link.start, "state", ""), link.effect.value) for link in found} == expected
    found = links({"triggers": triggers, "actions": [only[1], TURN_OFF]})
    assert [getattr(link.start, "state", "") for link in found] == ["off"]


def test_any_change_is_the_one_that_a_condition_asks_for() -> None:
    """A trigger on every state with a condition on that entity waits for that state."""
    config = {
        "trigger": {"platform": "state", "entity_id": MOTION},
        "condition": {"condition": "state", "entity_id": MOTION, "state": "on"},
        "action": TURN_ON,
    }
    assert [link.start for link in links(config)] == [Reaches(MOTION, "on")]


def test_conditions_limit_when_it_is_done() -> None:
    """Days, hours and states are read, joined or nested; a template makes them unknown, not smaller."""
    config = {
        "trigger": ON_MOTION,
        "condition": [
            {"and": [{"condition": "time", "weekday": ["sat", "sun"]}]},
            {"condition": "time", "after": "22:00:00", "before": "05:50:00"},
        ],
        "action": [
            {"condition": "state", "entity_id": "input_boolean.guests", "state": "off"},
            TURN_ON,
            {"condition": "template", "value_template": "{{ x }}"},
            TURN_OFF,
        ],
    }
    before, after = (link.scope for link in links(config))
    assert before.days == {5, 6}
    assert (len(before.quarters), 22 * 4 in before.quarters, 6 * 4 in before.quarters) == (32, True, False)
    assert before.states == {"input_boolean.guests": {"off"}}
    assert (before.is_known, after.is_known) == (True, False)


KEYS = (
    "trigger triggers platform to from for id entity_id at offset event above condition conditions weekday "
    "after before state action actions service target data choose sequence default if then else repeat "
    "parallel delay wait_for_trigger scene enabled and"
).split()
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=30,
)


@settings(max_examples=examples(300))
@given(st.dictionaries(st.sampled_from(["trigger", "triggers", "condition", "action", "actions"]), ANYTHING))
def test_nothing_that_stands_there_is_a_failure(config: dict[str, Any]) -> None:
    """Whatever JSON a file holds, it is read or left out."""
    assert isinstance(links(config), list)


def test_endless_nesting_has_an_end() -> None:
    """What no person writes is left out, and what comes after it is read."""
    deep: Any = TURN_ON
    for _ in range(5_000):
        deep = {"sequence": [deep]}
    assert effects(deep, TURN_OFF) == [DARKENED]
    conditions: Any = {"condition": "state", "entity_id": LAMP, "state": "on"}
    triggers: Any = ON_MOTION
    for _ in range(5_000):
        conditions, triggers = {"and": [conditions]}, {"triggers": [triggers]}
    assert [
        link.scope.is_known
        for link in links({"trigger": ON_MOTION, "condition": conditions, "action": TURN_ON})
    ] == [False]
    assert starts(triggers) == []


@pytest.mark.shared
@pytest.mark.skipif(not RECORDED.exists(), reason="what people wrote is not beside the checkout")
def test_what_people_wrote_is_read() -> None:
    """Of several hundred automations a third acts on entities by name, and each of those is read."""
    with gzip.open(RECORDED) as lines:
        found = [links(json.loads(line)["automation"]) for line in lines]
    assert len(found) == 358
    assert sum(map(bool, found)) > 100
