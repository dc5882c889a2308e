"""What the other tests here build on: a stream, a recorder and contexts that say what really happened."""

import json
import re
from collections.abc import Awaitable, Callable

import psutil
import pytest

from tests.homeassistant.changes import Change, behaviours
from tests.homeassistant.configuration import AUTOMATIONS, PATTERN_TOPIC
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.script import Activity, Cause
from tests.homeassistant.traces import Traces
from tests.homeassistant.wire import DEVICES

pytestmark = [pytest.mark.homeassistant, pytest.mark.asyncio(loop_scope="session")]


def behaviours_by(cause: Cause, home: HomeAssistant, activity: Activity) -> list[Change]:
    """Return the recorded behaviours that the script brought about in this way."""
    recorded = home.recorded(activity.since_us, activity.until_us)
    behaviours = [change for change in recorded if change.counts]
    found = [
        change for change, effect in zip(behaviours, activity.effects, strict=True) if effect.cause == cause
    ]
    assert found
    return found


def automation_changes(home: HomeAssistant, activity: Activity) -> dict[str, Change]:
    """Return the automations' own state changes of the activity by their context's id."""
    recorded = home.recorded(activity.since_us, activity.until_us)
    return {change.context_id: change for change in recorded if change.entity_id.startswith("automation.")}


async def test_the_event_stream_is_the_recorder_row_for_row(
    home_assistant: HomeAssistant, activity: Activity
) -> None:
    """Every state change of the minute, attribute changes included, is in both, in one order."""
    recorded = home_assistant.recorded(activity.since_us, activity.until_us)
    assert len(recorded) > len(activity.effects)
    assert home_assistant.streamed(activity.since_us, activity.until_us) == recorded


async def test_what_counts_is_what_was_done(home_assistant: HomeAssistant, activity: Activity) -> None:
    """The behaviours in the recorder are the script's effects, each once and in order."""
    recorded = home_assistant.recorded(activity.since_us, activity.until_us)
    behaviours = [(change.entity_id, change.new_state) for change in recorded if change.counts]
    assert behaviours == [(effect.entity_id, effect.new_state) for effect in activity.effects]


async def test_a_user_is_named_by_what_follows_from_a_call(
    home_assistant: HomeAssistant, activity: Activity
) -> None:
    """What the owner called, and what the device then said, bears the owner's id and no parent."""
    contexts = {
        (change.user_id, change.parent_id) for change in behaviours_by("user", home_assistant, activity)
    }
    assert contexts == {(home_assistant.owner.user_id, None)}


async def test_nobody_is_named_by_what_a_device_reports(
    home_assistant: HomeAssistant, activity: Activity
) -> None:
    """A hand at a switch and a measurement bear no user, no parent and no automation's context."""
    changes = behaviours_by("physical", home_assistant, activity)
    assert {(change.user_id, change.parent_id) for change in changes} == {(None, None)}
    automations = automation_changes(home_assistant, activity)
    assert not automations.keys() & {change.context_id for change in changes}


async def test_an_automation_on_a_state_names_the_state_change_as_parent(
    home_assistant: HomeAssistant, activity: Activity
) -> None:
    """The lamp that motion turned on has the motion's context as parent and the automation's as its own."""
    motions = {
        change.context_id
        for change in behaviours_by("physical", home_assistant, activity)
        if (change.entity_id, change.new_state) == ("binary_sensor.hall_motion", "on")
    }
    lamps = [
        change
        for change in behaviours_by("automation", home_assistant, activity)
        if change.entity_id == "light.hall_lamp"
    ]
    assert {change.parent_id for change in lamps} == motions
    assert {change.user_id for change in lamps} == {None}
    automations = automation_changes(home_assistant, activity)
    assert {automations[change.context_id].entity_id for change in lamps} == {
        "automation.hall_lamp_on_motion"
    }


async def test_an_automation_on_a_message_is_known_by_its_own_state_change_only(
    home_assistant: HomeAssistant, activity: Activity
) -> None:
    """The lamp that the doorbell toggled names nobody, but shares the id of the automation's change."""
    automations = automation_changes(home_assistant, activity)
    lamps = [
        change
        for change in behaviours_by("automation", home_assistant, activity)
        if change.entity_id == "light.kitchen_lamp"
    ]
    assert {(change.user_id, change.parent_id) for change in lamps} == {(None, None)}
    causes = [automations[change.context_id] for change in lamps]
    assert {cause.entity_id for cause in causes} == {"automation.kitchen_lamp_on_doorbell"}
    assert all(cause.at_us < change.at_us for cause, change in zip(causes, lamps, strict=True))


async def test_a_hand_right_after_an_automation_borrows_its_context(home_assistant: HomeAssistant) -> None:
    """A report within five seconds of a command bears the command's context: it hides the override."""
    since_us = await home_assistant.mark()
    await home_assistant.wire.report("binary_sensor.hall_motion", "on")
    await home_assistant.await_state("light.hall_lamp", "on")
    await home_assistant.wire.report("light.hall_lamp", "off")
    await home_assistant.await_state("light.hall_lamp", "off")
    await home_assistant.wire.report("binary_sensor.hall_motion", "off")
    await home_assistant.await_state("binary_sensor.hall_motion", "off")
    recorded = home_assistant.recorded(since_us, await home_assistant.mark())
    turned_on, turned_off = [change for change in recorded if change.entity_id == "light.hall_lamp"]
    assert turned_off.context_id == turned_on.context_id


async def test_an_automation_fires_on_a_detected_pattern(home_assistant: HomeAssistant) -> None:
    """A message on the pattern topic runs the automation that waits for it."""
    await home_assistant.call_service("input_boolean.turn_off", "input_boolean.pattern_seen")
    await home_assistant.wire.publish(PATTERN_TOPIC, "{}")
    seen = await home_assistant.await_state("input_boolean.pattern_seen", "on")
    automation = await home_assistant.state("automation.pattern_seen")
    assert automation
    assert seen["context"]["id"] == automation["context"]["id"]
    await home_assistant.call_service("input_boolean.turn_off", "input_boolean.pattern_seen")


async def test_a_restart_of_home_assistant_is_a_burst_without_behaviour(
    home_assistant: HomeAssistant,
) -> None:
    """Every device comes back from nothing; no known state gives way to another."""
    streamed = home_assistant.streamed(*await home_assistant.outage("restart"))
    assert DEVICES.keys() <= {change.entity_id for change in streamed if change.old_state is None}
    # The backup sensor of 2025.4 says blocked, then idle, at every start.
    assert [each for each in behaviours(streamed) if not each.entity_id.startswith("sensor.backup_")] == []


async def test_a_restart_of_the_broker_is_an_outage_without_behaviour(home_assistant: HomeAssistant) -> None:
    """Every device is unavailable and comes back; no known state gives way to another."""
    recorded = home_assistant.recorded(*await home_assistant.outage("restart_broker"))
    assert DEVICES.keys() <= {change.entity_id for change in recorded if change.new_state == "unavailable"}
    assert DEVICES.keys() <= {change.entity_id for change in recorded if change.old_state == "unavailable"}
    assert behaviours(recorded) == []


async def leave_an_automation(home: HomeAssistant) -> None:
    """As a test that forgets to delete it."""
    # Without its id, which would win over the one of the address.
    content = {key: value for key, value in AUTOMATIONS[0].items() if key != "id"} | {"alias": "Left behind"}
    (await home.request("POST", "config/automation/config/left_behind", content)).raise_for_status()
    await home.await_state("automation.left_behind", "on")


async def leave_a_device(home: HomeAssistant) -> None:
    """As a product whose discovery is not taken away."""
    payload = {"name": "Left behind", "unique_id": "left_behind", "state_topic": "home/left_behind/state"}
    await home.wire.publish("homeassistant/sensor/left_behind/config", json.dumps(payload), retain=True)
    await home.await_state("sensor.left_behind", "unknown")


async def leave_a_lamp_on(home: HomeAssistant) -> None:
    """As a test that forgets to turn it off."""
    await home.call_service("light.turn_on", "light.kitchen_lamp")
    await home.await_state("light.kitchen_lamp", "on")


async def leave_a_notification(home: HomeAssistant) -> None:
    """As a test that forgets to dismiss it."""
    body = {"message": "Left behind", "notification_id": "left_behind"}
    (await home.request("POST", "services/persistent_notification/create", body)).raise_for_status()


@pytest.mark.parametrize(
    ("leave", "what"),
    [
        (leave_an_automation, "automation left_behind: absent before"),
        (leave_a_device, "retained homeassistant/sensor/left_behind/config: absent before"),
        (leave_a_lamp_on, 'state light.kitchen_lamp: "off" before, "on" now'),
        (leave_a_notification, "notification left_behind: absent before"),
    ],
)
async def test_what_a_test_leaves_fails_it_and_is_taken_away(
    home_assistant: HomeAssistant, leave: Callable[[HomeAssistant], Awaitable[None]], what: str
) -> None:
    """It is named; and what looks after this test finds nothing any more."""
    with pytest.raises(pytest.fail.Exception, match=re.escape(what)):
        async with Traces(home_assistant, settles_within_s=0).none_left():
            await leave(home_assistant)


async def test_a_plain_user_reads_but_does_not_deploy(home_assistant: HomeAssistant) -> None:
    """The reader's token gets states, and is refused where automations are written."""
    reader = home_assistant.reader
    assert (await home_assistant.request("GET", "states", login=reader)).is_success
    path = f"config/automation/config/{AUTOMATIONS[0]['id']}"
    assert (await home_assistant.request("DELETE", path, login=reader)).status_code == 401


async def test_no_connection_leaves_the_machine(home_assistant: HomeAssistant) -> None:
    """Home Assistant accepts and opens connections on the loopback interface only."""
    # Not its UDP sockets: the host name resolver of 2025.4 listens for multicast DNS.
    connections = psutil.Process(home_assistant.pid).net_connections("tcp")
    addresses = {end.ip for connection in connections for end in (connection.laddr, connection.raddr) if end}
    assert addresses == {"127.0.0.1"}
