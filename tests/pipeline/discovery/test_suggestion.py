"""A suggestion's device has its words, their proof, and the buttons that its status allows."""

import json
from datetime import timedelta
from typing import Any

import pytest

from pipeline.discovery.discovery import Discovery, Form
from pipeline.discovery.suggestion import (
    LONGEST_YAML,
    TOO_LONG,
    is_shown,
    is_waiting,
    suggestion_device,
    suggestion_state,
)
from schemas.commands import Press
from schemas.suggestions import Status, Suggestion
from schemas.topics import Topics
from tests.fixtures.discovery import HOSTILE, NOW, YAML, suggestion, trial

DISCOVERY = Discovery("homeassistant")
RECORDED_BYTES = 16_384


def buttons(shown: Suggestion) -> dict[str, dict[str, Any]]:
    """The buttons by the names that people see."""
    device = suggestion_device(shown, DISCOVERY, Topics())
    return {each.config["name"]: dict(each.config) for each in device.components if each.platform == "button"}


def attributes(shown: Suggestion) -> dict[str, Any]:
    """What its sensor shows beside the title."""
    found: dict[str, Any] = json.loads(suggestion_state(shown))["attributes"]
    return found


@pytest.mark.parametrize(
    ("status", "names"),
    [
        (Status.PENDING, ["Approve", "Not now", "Reject"]),
        (Status.APPROVED, ["Undo"]),
        (Status.DEPLOYED, ["Undo"]),
    ],
)
def test_the_buttons_follow_the_status(status: Status, names: list[str]) -> None:
    """What is not offered any more is removed from the device's one payload."""
    shown = suggestion(status=status)
    assert list(buttons(shown)) == names
    (payload,) = DISCOVERY.announce(suggestion_device(shown, DISCOVERY, Topics()), Form.DEVICE).values()
    gone = {key for key, each in json.loads(payload)["components"].items() if each == {"platform": "button"}}
    there = {name.lower().replace(" ", "_") for name in names}
    assert gone == {"approve", "not_now", "reject", "undo"} - there


def test_a_button_says_what_it_was_pressed_for() -> None:
    """Its message names suggestion, verb and the exact content; its id the beginning of that."""
    shown = suggestion()
    for name, button in buttons(shown).items():
        press = Press.model_validate_json(button["payload_press"])
        assert (press.suggestion_id, press.content_hash) == (shown.id, shown.content_hash)
        assert press.verb.value == name.lower().replace(" ", "_")
        assert button["unique_id"] == f"haai_{shown.id}_{shown.content_hash[:8]}_{press.verb}"
        assert button["command_topic"] == Topics().press


def test_another_content_has_other_entities_of_the_same_device() -> None:
    """A press of what was shown before it was changed is another button's."""
    one, other = (suggestion_device(suggestion(title=each), DISCOVERY, Topics()) for each in ("a", "b"))
    assert one.about["identifiers"] == other.about["identifiers"]
    ids = [{each.config["unique_id"] for each in device.components} for device in (one, other)]
    assert not ids[0] & ids[1]
    assert one.name != other.name


@pytest.mark.parametrize(
    ("status", "hours", "shown", "waiting"),
    [
        (Status.PENDING, None, True, True),
        (Status.PENDING, 1, False, False),
        (Status.PENDING, 0, True, True),
        (Status.PENDING, -1, True, True),
        (Status.APPROVED, None, True, False),
        (Status.DEPLOYED, None, True, False),
        (Status.DEPLOYED, 1, True, False),
        (Status.REJECTED, None, False, False),
        (Status.RETIRED, None, False, False),
    ],
)
def test_what_is_settled_or_put_off_is_not_shown(
    status: Status,
    hours: int | None,
    shown: bool,  # noqa: FBT001 a parameter
    waiting: bool,  # noqa: FBT001 a parameter
) -> None:
    """`Not now` lasts until its time, and only while nothing else was said."""
    until = None if hours is None else NOW + timedelta(hours=hours)
    found = suggestion(status=status, snoozed_until=until)
    assert (is_shown(found, NOW), is_waiting(found, NOW)) == (shown, waiting)


def test_the_state_tells_words_proof_figures_dates_and_yaml() -> None:
    """As people read them, and as they may copy it."""
    found = attributes(suggestion())
    assert found["description"] == "At 07:05 on weekdays, the automation turns on hall lamp."
    assert "27 times in the last 30 days: 25 as you did it yourself, 2 when you did not" in found["proof"]
    assert [found[name] for name in ("would_have_run", "wanted", "unwanted", "missed")] == [27, 25, 2, 3]
    assert found["wanted_dates"][0] == "2026-10-25"
    assert found["unwanted_dates"] == ["2026-10-02", "2026-10-01"]
    assert found["yaml"] == YAML
    assert found["conflicts"] == ["Evening lamp turns off hall lamp too."]
    assert (found["confidence"], found["status"]) == (0.9, "pending")
    assert json.loads(suggestion_state(suggestion()))["title"] == "Turn on hall lamp at 07:05 on weekdays"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_are_bounded_text(text: str) -> None:
    """Home Assistant takes the title as a state, the recorder keeps the attributes, the device has a name."""
    shown = suggestion(title=text, description=text, conflicts=(text,) * 50, trial=trial(365))
    said = json.loads(suggestion_state(shown))
    assert 0 < len(said["title"]) <= 255
    assert len(json.dumps(said["attributes"], ensure_ascii=False).encode()) < RECORDED_BYTES
    name = suggestion_device(shown, DISCOVERY, Topics()).about["name"]
    assert 0 < len(name) <= 100
    assert not [each for each in said["title"] + name if ord(each) < 32 or each in "\u202e\u2066"]


def test_yaml_is_whole_or_not_there() -> None:
    """Half an automation is worse than none."""
    assert attributes(suggestion(automation_yaml="a" * LONGEST_YAML))["yaml"] == "a" * LONGEST_YAML
    assert attributes(suggestion(automation_yaml="a" * (LONGEST_YAML + 1)))["yaml"] == TOO_LONG
