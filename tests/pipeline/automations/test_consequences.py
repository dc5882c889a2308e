"""What somebody's automations would do after ours."""

from typing import Any

import pytest

from pipeline.automations.safety import refusals
from schemas.automations import Action, Automation, TimeTrigger
from schemas.catalogue import Catalogue, KnownAutomation, KnownEntity
from tests.fixtures.specimens import call

ARRIVED = call("input_boolean.turn_on", "input_boolean.arrived")
UNLOCK = {"service": "lock.unlock", "target": {"entity_id": "lock.front"}}


def when(entity_id: str, to: str | None, *actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Somebody's automation that acts once an entity changes."""
    trigger = {"platform": "state", "entity_id": entity_id} | ({} if to is None else {"to": to})
    return {"trigger": [trigger], "action": list(actions), **more}


def known(name: str, config: dict[str, Any] | None, **more: Any) -> KnownAutomation:
    """An automation of somebody's as the catalogue tells it."""
    return KnownAutomation(f"automation.{name}", name, name.replace("_", " "), config=config, **more)


def refused(
    action: Action, *automations: KnownAutomation, entities: tuple[KnownEntity, ...] = ()
) -> list[str]:
    """What is said against an action in a home with these automations."""
    home = Catalogue((2026, 11), {each.entity_id: each for each in entities}, frozenset(), automations)
    return refusals(Automation(trigger=TimeTrigger(minute=390), actions=(action,)), home)


@pytest.mark.parametrize(
    "deed",
    [
        UNLOCK,
        {"service": "lock.lock", "target": {"entity_id": "lock.front"}},
        {"action": "lock.open", "target": {"entity_id": "lock.front"}},
        {"service": "alarm_control_panel.alarm_disarm", "target": {"entity_id": "alarm_control_panel.home"}},
        {"service": "alarm_control_panel.alarm_trigger", "target": {"entity_id": "alarm_control_panel.home"}},
        {"service": "valve.open_valve", "target": {"entity_id": "valve.garden"}},
        {"service": "siren.turn_on", "target": {"entity_id": "siren.yard"}},
        {"service": "cover.open_cover", "target": {"entity_id": "cover.garage"}},
        {"service": "cover.toggle", "target": {"entity_id": "cover.relay"}},
        {"service": "switch.turn_on", "target": {"entity_id": "switch.gate"}},
        {"service": "button.press", "target": {"entity_id": "button.open_gate"}},
        {"service": "scene.turn_on", "target": {"entity_id": "scene.welcome"}},
        {"choose": [{"conditions": "{{ x }}", "sequence": [{"delay": 5}, UNLOCK]}]},
    ],
    ids=str,
)
def test_what_would_unlock_by_way_of_another_is_refused(deed: dict[str, Any]) -> None:
    """Setting the mark is harmless by itself; the automation that follows is named."""
    scene = KnownEntity("scene.welcome", attributes={"entity_id": ["light.hall", "lock.front"]})
    garage = KnownEntity("cover.relay", device_class="garage")
    let_me_in = known("let_me_in", when("input_boolean.arrived", "on", deed))
    (said,) = refused(ARRIVED, let_me_in, entities=(scene, garage))
    assert said.startswith("the automation “let me in” would follow, and acts on ")


@pytest.mark.parametrize(
    "automation",
    [
        known("a", when("input_boolean.arrived", "off", UNLOCK)),
        known("a", when("input_boolean.other", "on", UNLOCK)),
        known("a", when("input_boolean.arrived", "on", UNLOCK), enabled=False),
        known("a", when("input_boolean.arrived", "on", {**UNLOCK, "enabled": False})),
        known("a", when("input_boolean.arrived", "on", {"service": "light.turn_on", "entity_id": "light.b"})),
        known(
            "a", when("input_boolean.arrived", "on", {"service": "cover.open_cover", "entity_id": "cover.b"})
        ),
        known(
            "a", when("input_boolean.arrived", "on", {"service": "notify.phone", "data": {"message": "door"}})
        ),
        known("a", when("lock.front", "unlocked", {"service": "light.turn_on", "entity_id": "light.hall"})),
        known("a", None, touches=frozenset({"input_boolean.arrived", "light.hall"})),
        known("a", None, touches=frozenset({"light.hall", "lock.front"})),
    ],
)
def test_what_would_do_nothing_grave_is_no_obstacle(automation: KnownAutomation) -> None:
    """What starts by something else, is switched off, or moves the ordinary."""
    assert refused(ARRIVED, automation) == []


def test_it_is_followed_by_way_of_others_and_of_groups() -> None:
    """The first switches a group on, of which one member starts the second; circles end."""
    group = KnownEntity("light.all", attributes={"entity_id": ["light.hall"]})
    first = known(
        "first", when("input_boolean.arrived", None, {"service": "light.turn_on", "entity_id": "light.all"})
    )
    second = known("second", when("light.hall", "on", UNLOCK))
    back = known(
        "back",
        when("light.hall", None, {"service": "input_boolean.toggle", "entity_id": "input_boolean.arrived"}),
    )
    (said,) = refused(ARRIVED, first, second, back, entities=(group,))
    assert said == "the automation “second” would follow, and acts on front (lock)"
    assert refused(ARRIVED, first, back, entities=(group,)) == []


def test_a_group_changes_with_its_member() -> None:
    """What waits for the group is started by one lamp of it."""
    group = KnownEntity("light.all", attributes={"entity_id": ["light.hall"]})
    automation = known("a", when("light.all", "on", UNLOCK))
    assert refused(call("light.turn_on", "light.hall"), automation, entities=(group,))
    assert refused(call("light.turn_on", "light.hall"), automation) == []


@pytest.mark.parametrize(
    "config",
    [
        None,
        {"use_blueprint": {"path": "x.yaml"}},
        when("input_boolean.other", "on", {"some_later_release": "lock.front"}),
        {"trigger": [], "action": {"sequence": [{"delay": 1}] * 20_000}},
    ],
    ids=["not told", "a blueprint", "in part", "too large"],
)
def test_what_cannot_be_read_counts_if_it_has_to_do_with_both(config: dict[str, Any] | None) -> None:
    """A blueprint, or a part of another kind, with our mark and a lock in it may be what unlocks."""
    both = frozenset({"input_boolean.arrived", "lock.front"})
    (said,) = refused(ARRIVED, known("entry", config, touches=both))
    assert "the automation “entry” has to do with" in said
    assert "cannot be read" in said
    assert refused(ARRIVED, known("entry", config, touches=both, enabled=False)) == []
