"""Causes: from contexts, calls and the five-second rule, in recordings and by the rule."""

import random
from pathlib import Path

import pytest

from pipeline.core.attribution import attribute
from pipeline.core.core import LearningCore
from pipeline.core.day_set import DaySet
from pipeline.ingest.behaviour import BehaviourFilter
from pipeline.ingest.eventstream import EventstreamDecoder
from pipeline.ingest.logs import read_log
from pipeline.ingest.messages import Message
from schemas.events import UNNAMED, Cause, ServiceCall, StateChange
from schemas.home import Home

CAPTURES = Path(__file__).parents[2] / "recordings" / "captures"
RELEASES = ("2024.3.3", "2025.4.4", "2026.11.0")
UNCERTAIN, USER, PHYSICAL, AUTOMATION = Cause
LAMP = "light.hall_lamp"


def causes_in(scene: str, known_before: dict[str, str] | None = None) -> list[tuple[str, str, Cause]]:
    """What a recorded scene holds of behaviour, and who did it.

    `known_before` tells states of entities that Home Assistant, freshly started, did not know yet.
    """
    decoder, passing, core = EventstreamDecoder(), BehaviourFilter(), LearningCore(Home(), [])
    for entry in read_log(CAPTURES / f"{scene}.jsonl.gz"):
        assert isinstance(entry.content, Message)
        if entry.content.topic != "homeassistant_events":
            continue
        decoded = decoder.decode(entry.content.payload)
        if isinstance(decoded, ServiceCall):
            core.see_call(decoded)
        elif isinstance(decoded, StateChange):
            if decoded.old == "unknown" and known_before:
                decoded = decoded._replace(old=known_before.get(decoded.entity_id, "unknown"))
            change = passing.behaviour(decoded)
            if change is not None:
                core.learn_one(change)
    [events] = core.open_days().values()
    records = events.records()
    return [
        (record.entity_id, record.state, cause)
        for record, cause in zip(records, attribute(events, records)[0], strict=True)
    ]


@pytest.mark.parametrize("release", RELEASES)
def test_automations_of_both_kinds_users_and_devices(release: str) -> None:
    """An automation's effects are its own whether its trigger has a context or not."""
    guest_mode = "input_boolean.guest_mode"
    assert causes_in(f"{release}/04_context_automation") == [
        (LAMP, "on", AUTOMATION),  # triggered by a state: the motion's context is the parent
        ("binary_sensor.hall_motion", "off", PHYSICAL),
        (LAMP, "off", AUTOMATION),  # triggered by an MQTT message: no parent, no user
        (guest_mode, "off", USER),
        ("light.ceiling_lights", "off", AUTOMATION),  # a scene within a sequence
        (guest_mode, "on", USER),
        (LAMP, "on", AUTOMATION),  # started by hand
        (guest_mode, "off", USER),
    ]


@pytest.mark.parametrize("release", RELEASES)
def test_reports_of_a_device_and_commands_to_it(release: str) -> None:
    """A wall switch is physical, the echo of a command is the user's."""
    assert causes_in(f"{release}/03_mqtt_device") == [
        (LAMP, "on", PHYSICAL),
        (LAMP, "off", PHYSICAL),
        (LAMP, "on", USER),
        (LAMP, "off", USER),
    ]


@pytest.mark.parametrize("release", RELEASES[1:])
def test_an_override_within_five_seconds_is_recognised(release: str) -> None:
    """The switch that goes off 2 s after a command is somebody's hand, though it bears the user's context."""
    assert causes_in(f"{release}/07_manual_override", {LAMP: "off"}) == [
        (LAMP, "on", USER),
        (LAMP, "off", PHYSICAL),
        (LAMP, "on", USER),
        (LAMP, "off", PHYSICAL),
    ]


class Day:
    """A day set, built change by change."""

    def __init__(self) -> None:
        self.events = DaySet()

    def change(self, at_ms: int, entity_id: str, state: str, *context: str) -> None:
        """Add a change."""
        one, parent, user = (*context, "", "", "")[:3]
        self.events.add(at_ms, entity_id, state, (one, parent, user))

    def causes(self) -> list[Cause]:
        """Causes in order of time."""
        return attribute(self.events, self.events.records())[0]

    def derived(self) -> list[bool]:
        """Whether derived, in order of time."""
        return attribute(self.events, self.events.records())[1]


@pytest.fixture
def day() -> Day:
    """An empty day."""
    return Day()


def test_without_a_context_the_cause_is_uncertain(day: Day) -> None:
    """A log that tells no contexts leaves every cause open."""
    day.change(0, LAMP, "on")
    day.change(1_000, LAMP, "off")
    assert day.causes() == [UNCERTAIN, UNCERTAIN]


def test_the_override_of_an_automation_is_recognised(day: Day) -> None:
    """Off 2 s after an automation's on, under its context and without a call, is somebody's hand."""
    day.events.marks.add((0, "a"))
    day.events.calls.add((1, LAMP))
    day.change(10, LAMP, "on", "a")
    day.change(2_010, LAMP, "off", "a")
    assert day.causes() == [AUTOMATION, PHYSICAL]


def test_a_sequence_that_switches_twice_is_no_override(day: Day) -> None:
    """A second command under one context keeps its cause."""
    day.events.marks.add((0, "a"))
    day.events.calls.update([(1, LAMP), (2_000, LAMP)])
    day.change(10, LAMP, "on", "a")
    day.change(2_010, LAMP, "off", "a")
    assert day.causes() == [AUTOMATION, AUTOMATION]


@pytest.mark.parametrize(("later_ms", "cause"), [(5_000, PHYSICAL), (5_001, USER)])
def test_a_context_is_lent_for_five_seconds(day: Day, later_ms: int, cause: Cause) -> None:
    """A report within them is somebody's hand; what comes later under the same context was commanded."""
    day.events.calls.add((7_000, LAMP))
    day.change(7_010, LAMP, "on", "c", "", "u")
    day.change(7_010 + later_ms, LAMP, "off", "c", "", "u")
    assert day.causes() == [USER, cause]


@pytest.mark.parametrize("called", ["light.group", UNNAMED])
@pytest.mark.parametrize(("context", "cause"), [(("a", "p", ""), AUTOMATION), (("c", "", "u"), UNCERTAIN)])
def test_a_call_of_something_else_may_have_switched_it(
    day: Day, called: str, context: tuple[str, str, str], cause: Cause
) -> None:
    """Groups, areas and devices are called without naming the entity: then nobody's hand is seen in it."""
    day.events.calls.update([(1, LAMP), (2_000, called)])
    day.change(10, LAMP, "on", *context)
    day.change(2_010, LAMP, "off", *context)
    assert day.causes()[1] is cause


def test_an_override_that_no_call_can_tell_of_is_uncertain(day: Day) -> None:
    """Without any call in the log, a second change of a user's context could be either."""
    day.change(10, LAMP, "on", "c", "", "u")
    day.change(2_010, LAMP, "off", "c", "", "u")
    assert day.causes() == [USER, UNCERTAIN]


def test_what_shares_a_context_within_a_second_is_derived(day: Day) -> None:
    """A group follows its first member; another second, or another context, is not derived."""
    day.change(7_000, "light.member", "on", "c")
    day.change(8_000, "light.group", "on", "c")
    day.change(8_001, "light.late", "on", "c")
    day.change(8_002, "light.other", "on", "d")
    day.change(8_003, "light.none", "on")
    assert day.derived() == [False, True, False, False, False]


def test_a_sensor_that_changes_at_the_same_time_is_derived_from_the_device(day: Day) -> None:
    """Its name may come first in the alphabet; it still only tells what the device does."""
    day.change(10, "binary_sensor.lamp_power", "on", "c")
    day.change(10, LAMP, "on", "c")
    day.change(10, "sensor.lamp_mode", "bright", "c")
    assert day.derived() == [True, False, True]


def test_of_sensors_alone_the_first_is_no_echo(day: Day) -> None:
    """Two that change at one time, and no device with them: the first in the alphabet stands for itself."""
    day.change(10, "binary_sensor.door", "on", "c")
    day.change(10, "sensor.door_mode", "open", "c")
    assert day.derived() == [False, True]


def test_an_override_without_any_call_is_uncertain_unless_an_automation_did_it(day: Day) -> None:
    """Without calls in the log, a second change of a user's context could be either."""
    day.change(10, LAMP, "on", "c", "", "u")
    day.change(2_010, LAMP, "off", "c", "", "u")
    day.change(4_010, LAMP, "off", "c", "", "u")
    day.change(9_000, LAMP, "on", "a", "p")
    day.change(9_010, LAMP, "off", "a", "p")
    assert day.causes() == [USER, UNCERTAIN, USER, AUTOMATION, AUTOMATION]


def test_causes_do_not_depend_on_order() -> None:
    """Any order of telling gives the same causes."""
    changes = [
        (
            at_ms,
            f"light.l{at_ms % 3}",
            ("on", "off")[at_ms // 2_100 % 2],
            f"c{at_ms // 3_000}",
            "p" * (at_ms % 11 == 0),
            "",
        )
        for at_ms in range(0, 40_000, 700)
    ]
    marks = [(at_ms, f"c{at_ms // 3_000}") for at_ms in range(0, 40_000, 9_000)]
    calls = [(at_ms, f"light.l{at_ms % 3}") for at_ms in range(0, 40_000, 1_900)]
    rng = random.Random(3)
    seen = set()
    for _ in range(20):
        day = Day()
        for told in (changes, marks, calls):
            rng.shuffle(told)
        for change in changes:
            day.change(*change)
        day.events.marks.update(marks)
        day.events.calls.update(calls)
        seen.add((tuple(day.causes()), tuple(day.derived())))
    [(causes, derived)] = seen
    assert {AUTOMATION, PHYSICAL} <= set(causes)
    assert set(derived) == {False, True}
