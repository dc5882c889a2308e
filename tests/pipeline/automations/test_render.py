"""Automations as Home Assistant's configuration."""

from typing import Any

import pytest
import yaml

from pipeline.automations.render import NAMELESS, as_yaml, render
from pipeline.wording.plain_text import harmless
from schemas.automations import Automation
from tests.fixtures.specimens import ACTIONS, CONDITIONS, TRIGGERS, specimens

SPECIMENS = specimens()
EXPECTED_TRIGGERS: dict[str, dict[str, Any]] = {
    "at a time": {"platform": "time", "at": "06:30:00"},
    "at midnight": {"platform": "time", "at": "00:00:00"},
    "at the last minute": {"platform": "time", "at": "23:59:00"},
    "at sunset": {"platform": "sun", "event": "sunset"},
    "after sunset": {"platform": "sun", "event": "sunset", "offset": "+01:35:00"},
    "before sunrise": {"platform": "sun", "event": "sunrise", "offset": "-06:00:00"},
    "in a state": {
        "platform": "state",
        "entity_id": "binary_sensor.hall_motion",
        "to": "on",
        "not_from": ["unavailable", "unknown"],
    },
    "in a state for a while": {
        "platform": "state",
        "entity_id": "binary_sensor.hall_motion",
        "to": "off",
        "not_from": ["unavailable", "unknown"],
        "for": {"hours": 1, "minutes": 2, "seconds": 5},
    },
    "in a state for a day": {
        "platform": "state",
        "entity_id": "binary_sensor.hall_motion",
        "to": "off",
        "not_from": ["unavailable", "unknown"],
        "for": {"hours": 24, "minutes": 0, "seconds": 0},
    },
    "pressed": {
        "platform": "state",
        "entity_id": "input_button.wall",
        "not_from": ["unavailable"],
        "not_to": ["unavailable", "unknown"],
    },
    "a while after a scene": {
        "platform": "state",
        "entity_id": "scene.movie",
        "not_from": ["unavailable"],
        "not_to": ["unavailable", "unknown"],
        "for": {"hours": 0, "minutes": 10, "seconds": 0},
    },
    "above a number": {"platform": "numeric_state", "entity_id": "sensor.hall_temperature", "above": 21.5},
    "below a number": {"platform": "numeric_state", "entity_id": "sensor.hall_temperature", "below": -3},
    "between numbers": {
        "platform": "numeric_state",
        "entity_id": "sensor.hall_temperature",
        "above": 18,
        "below": 19.25,
        "for": {"hours": 0, "minutes": 1, "seconds": 0},
    },
    "on a message": {"platform": "mqtt", "topic": "ha-ai/events/pattern/detected"},
    "on another home's message": {"platform": "mqtt", "topic": "home-2/ha-ai/events/sports/team_scored"},
}
WARMTH = {"condition": "numeric_state", "entity_id": "sensor.hall_temperature"}
HOME = {"condition": "numeric_state", "entity_id": "zone.home"}
DARK = {"condition": "state", "entity_id": "sun.sun", "state": "below_horizon"}
EXPECTED_CONDITIONS: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "dark": [DARK],
    "somebody home": [{**HOME, "above": 0}],
    "nobody home": [{**HOME, "below": 1}],
    "hours": [{"condition": "time", "after": "06:30:00", "before": "09:15:00"}],
    "hours across midnight": [{"condition": "time", "after": "22:00:00", "before": "05:30:36"}],
    "hours until midnight": [{"condition": "time", "after": "18:00:00", "before": "00:00:00"}],
    "hours from midnight": [{"condition": "time", "after": "00:00:00", "before": "06:00:00"}],
    "weekdays": [{"condition": "time", "weekday": ["mon", "tue", "wed", "thu", "fri"]}],
    "weekend": [{"condition": "time", "weekday": ["sat", "sun"]}],
    "warm": [{**WARMTH, "above": 20}],
    "cool": [{**WARMTH, "below": 17.5}],
    "in between": [{**WARMTH, "above": -1.5, "below": 0}],
    "in a state": [{"condition": "state", "entity_id": "input_boolean.guest_mode", "state": "off"}],
    "all at once": [
        DARK,
        {**HOME, "above": 0},
        {"condition": "time", "after": "17:00:00", "before": "23:00:00"},
        {"condition": "time", "weekday": ["fri"]},
        {**WARMTH, "below": 10},
        {"condition": "state", "entity_id": "input_boolean.guest_mode", "state": "on"},
    ],
}


def rendered(automation: Automation) -> dict[str, Any]:
    """Render with words that do not matter."""
    return render(automation, title="A title", description="A description")


def test_every_kind_of_trigger_and_condition_is_expected_of_something() -> None:
    """No specimen is left out of the two tables."""
    assert EXPECTED_TRIGGERS.keys() == TRIGGERS.keys()
    assert EXPECTED_CONDITIONS.keys() == CONDITIONS.keys()


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_trigger_has_the_keys_of_every_release(name: str) -> None:
    """What starts it is said with `platform`."""
    assert rendered(SPECIMENS[f"trigger: {name}"])["trigger"] == [EXPECTED_TRIGGERS[name]]


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_is_one_that_home_assistant_evaluates(name: str) -> None:
    """Darkness, presence, hours, days, numbers and states need no template."""
    assert rendered(SPECIMENS[f"condition: {name}"])["condition"] == EXPECTED_CONDITIONS[name]


def test_what_comes_later_comes_after_a_delay() -> None:
    """The partner that switches off waits, and being triggered anew begins the waiting anew."""
    config = rendered(SPECIMENS["action: on, later off"])
    target = {"entity_id": "light.hall_lamp"}
    assert config["action"] == [
        {"service": "light.turn_on", "target": target},
        {"delay": {"hours": 1, "minutes": 30, "seconds": 0}},
        {"service": "light.turn_off", "target": target},
    ]
    assert config["mode"] == "restart"
    assert rendered(SPECIMENS["action: on"])["mode"] == "single"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("on, dimmed", {"brightness": 128}),
        ("to a position", {"position": 30}),
        ("to a temperature", {"temperature": 20.5}),
        ("to a mode and a temperature", {"temperature": 19, "hvac_mode": "heat"}),
        ("to a speed", {"percentage": 66}),
        ("to a value", {"value": 0.5}),
        ("to a volume", {"volume_level": 0.3}),
    ],
)
def test_whole_numbers_are_written_without_a_point(name: str, data: dict[str, Any]) -> None:
    """Brightness, percentage and position are always whole; others where they are."""
    (call,) = rendered(SPECIMENS[f"action: {name}"])["action"]
    assert call["data"] == data
    assert [type(value) for value in call["data"].values()] == [type(value) for value in data.values()]


def test_a_service_without_values_has_no_data() -> None:
    """Nothing empty is sent."""
    (call,) = rendered(SPECIMENS["action: on"])["action"]
    assert call.keys() == {"service", "target"}


@pytest.mark.parametrize("name", SPECIMENS)
def test_what_people_copy_says_what_is_deployed(name: str) -> None:
    """The text gives back the same dictionary, without anchors."""
    config = rendered(SPECIMENS[name])
    text = as_yaml(config)
    assert yaml.safe_load(text) == config
    assert "&" not in text


def test_the_body_has_no_id() -> None:
    """One in the body would win over the one in the address."""
    assert all("id" not in rendered(automation) for automation in SPECIMENS.values())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Hall lamp at 6:30", "Hall lamp at 6:30"),
        ("  two\n\tlines\r\n", "two lines"),
        ("{{ evil }} {% evil %} {# evil #}", "｛｛ evil ｝｝ ｛% evil %｝ ｛# evil #｝"),
        ("{\x00{ evil }\x1b}", "｛ ｛ evil ｝ ｝"),
        ("{\u200b{ evil }\u2060}", "｛｛ evil ｝｝"),
        ("abc\u202edef\u2066ghi\u2069", "abcdefghi"),
        ("broken \ud800 half", "broken half"),
        ("👩\u200d👧 Küche 厨房 مطبخ", "👩\u200d👧 Küche 厨房 مطبخ"),
        ("x" * 41, "x" * 39 + "…"),
        ("\u2028\u2029\x7f\x85", ""),
    ],
)
def test_words_are_made_harmless(words: str, said: str) -> None:
    """Templates, control characters, turned directions and length go; languages stay."""
    assert harmless(words, 40) == said


def test_an_automation_always_has_a_name() -> None:
    """Where nothing of a title remains, a plain one stands in."""
    assert render(SPECIMENS["action: on"], title="\x00\u202e", description="")["alias"] == NAMELESS


def test_every_action_is_rendered_somewhere() -> None:
    """Each specimen's services are called in its order."""
    for name, actions in ACTIONS.items():
        steps = rendered(SPECIMENS[f"action: {name}"])["action"]
        assert [step["service"] for step in steps if "service" in step] == [each.service for each in actions]
