"""Who did it, as Home Assistant's contexts tell: people, automations seen and hidden, what repeats others."""

from typing import Any

import pytest


def test_a_person_in_the_interface_has_a_service_call_and_a_user(punctual: Any) -> None:
    """A change with a user follows a service call for its entity, or repeats a member's change."""
    calls: dict[str, list[float]] = {}
    for arrival, payload in punctual.messages:
        if payload["event_type"] == "call_service":
            target = payload["event_data"]["service_data"]["entity_id"]
            for entity in [target] if isinstance(target, str) else target:
                calls.setdefault(entity, []).append(arrival)
    by_user = [change for change in punctual.behaviour if change["new_state"]["context"]["user_id"]]
    uncalled = {
        change["entity_id"]
        for change in by_user
        if not any(
            -0.1 < punctual.moment(change) - called < 5.1 for called in calls.get(change["entity_id"], [])
        )
    }
    assert len(by_user) > 100
    assert uncalled <= {group.entity_id for group in punctual.household.truth.derived}
    assert {change["new_state"]["context"]["parent_id"] for change in by_user} == {None}
    assert len({change["new_state"]["context"]["user_id"] for change in by_user}) == 1


def test_a_state_triggered_automation_names_its_trigger_as_parent(generated: Any) -> None:
    """The stairs' light carries the motion's context as parent, and the automation's own context."""
    motions = {c["id"] for c in generated.contexts_into("binary_sensor.stairs_motion", "on")}
    own = {
        change["new_state"]["context"]["id"]
        for change in generated.changes
        if change["entity_id"] == "automation.stairs_light_on"
    }
    lit = [c for c in generated.contexts_into("light.stairs", "on") if c["parent_id"]]
    assert len(lit) > 500
    assert {c["parent_id"] for c in lit} <= motions
    assert {c["id"] for c in lit} <= own
    assert {c["user_id"] for c in lit} == {None}


def test_a_timed_automation_has_no_parent_but_comes_first(generated: Any) -> None:
    """The garden's light shares its context with its automation's earlier state, and has no parent."""
    automation = {
        change["new_state"]["context"]["id"]: change["new_state"]["last_updated"]
        for change in reversed(generated.changes)
        if change["entity_id"] == "automation.garden_light_on"
    }
    lit = [
        change["new_state"]
        for change in generated.behaviour
        if change["entity_id"] == "light.garden" and change["new_state"]["context"]["id"] in automation
    ]
    assert len(lit) >= 25
    assert {state["context"]["parent_id"] for state in lit} == {None}
    assert all(automation[state["context"]["id"]] < state["last_updated"] for state in lit)


def test_a_hidden_automation_is_fast_and_bears_no_mark(generated: Any) -> None:
    """The dust collector follows the saw within half a second, by its context a device of its own."""
    hidden = [a for a in generated.household.truth.automations if a.kind == "hidden" and a.trigger]
    saw = {
        generated.moment(change)
        for change in generated.behaviour
        if change["entity_id"] == "switch.workshop_saw"
    }
    assert len(hidden) == 2
    for automation in hidden:
        assert len(automation.occurrences) > 5
        assert all(any(0.1 < at - begin < 0.5 for begin in saw) for at in automation.occurrences)
    marks = generated.contexts_into("switch.dust_collector", "off")
    assert {c["parent_id"] for c in marks} == {None}
    plain = [c for c in generated.contexts_into("switch.dust_collector", "on") if not c["user_id"]]
    assert len(plain) > 5


def test_an_automation_of_the_sun_follows_it(generated: Any) -> None:
    """The house number is lit at its offset from sunset, marked as an automation's and by no trigger."""
    calendar = generated.household.calendar
    automation = next(a for a in generated.household.truth.automations if a.anchor == "sunset")
    offsets = [(at - calendar.sun(calendar.day(at))[1]) / 60 for at in automation.occurrences]
    assert len(offsets) > 20
    assert offsets == pytest.approx([automation.minute] * len(offsets), abs=0.1)
    marks = {
        change["new_state"]["context"]["id"]
        for change in generated.changes
        if change["entity_id"] == automation.automation_id
    }
    contexts = generated.contexts_into(automation.action.entity_id, "on")
    assert sum(context["id"] in marks for context in contexts) == len(offsets)
    assert {context["parent_id"] for context in contexts} == {None}


def test_a_plug_with_its_own_timer_is_sharp_and_bears_no_mark(generated: Any) -> None:
    """The fountain runs to the second, and by its contexts nobody but the device did it."""
    calendar = generated.household.calendar
    timer = next(a for a in generated.household.truth.automations if a.kind == "hidden" and a.minute)
    assert len(timer.occurrences) > 25
    assert all(abs(calendar.minute(at) - (timer.minute or 0)) < 0.02 for at in timer.occurrences)
    known = {
        change["new_state"]["context"]["id"]
        for change in generated.changes
        if change["entity_id"].startswith("automation.")
    }
    runs = [
        change["new_state"]["context"]
        for change in generated.behaviour
        if change["entity_id"] == timer.action.entity_id
        and any(abs(generated.moment(change) - at) < 0.01 for at in timer.occurrences)
    ]
    assert len(runs) == len(timer.occurrences)
    assert {(context["parent_id"], context["user_id"]) for context in runs} == {(None, None)}
    assert not known & {context["id"] for context in runs}


def test_a_group_repeats_its_members_under_their_context(generated: Any) -> None:
    """Every change of the group shares its context with a change of a member."""
    group = next(d for d in generated.household.truth.derived if d.kind == "group")
    members = {
        change["new_state"]["context"]["id"]
        for change in generated.behaviour
        if change["entity_id"] in group.sources
    }
    derived = [c["id"] for state in ("on", "off") for c in generated.contexts_into(group.entity_id, state)]
    assert len(derived) > 100
    assert set(derived) <= members
