"""What is one automation, whose it is, and what is concluded from how a deployed one was found."""

from typing import Any

import pytest

from pipeline.automations.render import is_same
from pipeline.suggestions.drift import ConfigOwner, drift_of, owner_of
from schemas.deployments import Drift

STANDING: dict[str, Any] = {"alias": "A", "trigger": [], "action": []}
OLDER = STANDING | {"alias": "Older"}
THEIRS = STANDING | {"alias": "Theirs"}
ON, OFF = {"state": "on"}, {"state": "off"}


@pytest.mark.parametrize(
    ("found", "entity", "look"),
    [
        (STANDING, ON, Drift.FINE),
        (STANDING, OFF, Drift.OFF),
        (STANDING, None, Drift.OFF),
        (STANDING, {"state": "unavailable"}, Drift.FINE),
        (THEIRS, ON, Drift.EDITED),
        (THEIRS, OFF, Drift.EDITED),
        (OLDER, ON, Drift.STRAY),
        (None, None, Drift.GONE),
        (None, ON, Drift.FINE),
    ],
)
def test_what_stands_is_judged(
    found: dict[str, Any] | None, entity: dict[str, Any] | None, look: Drift
) -> None:
    """By configuration and entity together."""
    assert drift_of(found, entity, STANDING, [OLDER, STANDING]) is look


@pytest.mark.parametrize(
    ("found", "look"),
    [(None, Drift.FINE), (STANDING, Drift.STRAY), (OLDER, Drift.STRAY), (THEIRS, Drift.FINE)],
)
def test_where_nothing_is_to_stand_only_ours_is_a_stray(found: dict[str, Any] | None, look: Drift) -> None:
    """Somebody's own automation is not our business."""
    assert drift_of(found, None, None, [OLDER, STANDING]) is look


OLD: dict[str, Any] = {
    "alias": "Hall",
    "description": "",
    "trigger": [
        {"platform": "state", "entity_id": "binary_sensor.a", "to": "on", "not_from": ["unknown"]},
    ],
    "condition": [{"condition": "state", "entity_id": "light.a", "state": "off"}],
    "action": [
        {"delay": {"hours": 0, "minutes": 1, "seconds": 0}},
        {"service": "light.turn_on", "target": {"entity_id": "light.a"}, "data": {"brightness": 128}},
    ],
    "mode": "single",
}
NEW: dict[str, Any] = {
    "id": "haai_1",
    "alias": "Hall",
    "description": "",
    "triggers": [
        {"trigger": "state", "entity_id": ["binary_sensor.a"], "to": "on", "not_from": ["unknown"]},
    ],
    "conditions": [{"condition": "state", "entity_id": "light.a", "state": "off"}],
    "actions": [
        {"delay": {"hours": 0, "minutes": 1, "seconds": 0}},
        {"action": "light.turn_on", "target": {"entity_id": ["light.a"]}, "data": {"brightness": 128.0}},
    ],
    "mode": "single",
}
BY_HAND: list[tuple[tuple[Any, ...], Any]] = [
    (("alias",), "Other"),
    (("description",), "Other"),
    (("mode",), "restart"),
    (("triggers", 0, "to"), "off"),
    (("triggers", 0, "trigger"), "numeric_state"),
    (("triggers", 0, "not_from"), []),
    (("conditions",), []),
    (("conditions", 0, "state"), "on"),
    (("actions", 0, "delay", "minutes"), 2),
    (("actions", 1, "action"), "light.turn_off"),
    (("actions", 1, "target", "entity_id"), ["light.a", "light.b"]),
    (("actions", 1, "data", "brightness"), 129),
    (("actions", 1, "enabled"), False),
    (("variables",), {"a": 1}),
]


def changed(path: tuple[Any, ...], value: Any, config: Any) -> Any:
    """Return a configuration in which one thing is another."""
    if not path:
        return value
    if isinstance(config, list):
        return [changed(path[1:], value, each) if at == path[0] else each for at, each in enumerate(config)]
    return {**config, path[0]: changed(path[1:], value, config.get(path[0]))}


def test_old_and_new_keys_are_one_automation() -> None:
    """Home Assistant renames them while it writes them down."""
    assert is_same(OLD, NEW)


@pytest.mark.parametrize(("path", "value"), BY_HAND, ids=lambda each: str(each)[:30])
def test_every_change_by_hand_is_seen(path: tuple[Any, ...], value: Any) -> None:
    """Nothing that changes what it does, or what it is called, is taken for ours."""
    edited = changed(path, value, NEW)
    assert not is_same(OLD, edited)
    assert owner_of(edited, OLD, [OLD]) is ConfigOwner.SOMEBODYS


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("triggers",), NEW["triggers"][0]),
        (("triggers", 0, "entity_id"), "binary_sensor.A"),
        (("triggers", 0, "enabled"), True),
        (("conditions", 0, "entity_id"), ["light.a"]),
        (("actions", 1, "target"), {"entity_id": "Light.A"}),
        (("actions", 1), {"action": "light.turn_on", "data": {"brightness": 128, "entity_id": "light.a"}}),
    ],
)
def test_another_way_of_writing_is_no_change(path: tuple[Any, ...], value: Any) -> None:
    """What it does and what it is called is as it was."""
    assert is_same(OLD, changed(path, value, NEW))


def test_what_stands_is_told_apart() -> None:
    """Nothing, what is wanted, an older one of ours, or somebody's."""
    newer = changed(("alias",), "Newer", OLD)
    assert owner_of(None, OLD, []) is ConfigOwner.NOTHING
    assert owner_of(NEW, OLD, []) is ConfigOwner.WANTED
    assert owner_of(NEW, newer, [OLD, newer]) is ConfigOwner.OURS
    assert owner_of(NEW, newer, [newer]) is ConfigOwner.SOMEBODYS


@pytest.mark.parametrize(
    "config", [{}, {"triggers": None}, {"triggers": "x", "actions": 3}, {"triggers": [None, ["a"]]}]
)
def test_whatever_stands_there_can_be_judged(config: dict[str, Any]) -> None:
    """People write all kinds of things into automations.yaml."""
    assert owner_of(config, OLD, [NEW]) is ConfigOwner.SOMEBODYS
