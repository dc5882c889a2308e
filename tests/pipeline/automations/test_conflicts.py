"""What stands in an automation's way, and what only seems to."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pipeline.automations.conflicts import Conflict, Kind, conflicts
from pipeline.automations.render import render
from schemas.automations import (
    Action,
    Automation,
    InState,
    NumericTrigger,
    StateTrigger,
    SunTrigger,
    TimeTrigger,
)
from schemas.catalogue import KnownAutomation
from schemas.patterns import Dark, Hours, Weekday
from schemas.suggestions import Status
from tests.fixtures.offers import offer, suggestion
from tests.fixtures.specimens import specimens
from tests.sinks.fake_home_assistant import migrated

MOTION, DOOR = "binary_sensor.hall_motion", "binary_sensor.door"
LAMP, FAN = "light.hall", "switch.fan"
WEEKDAYS, WEEKEND = (0, 1, 2, 3, 4), (5, 6)


def made(
    trigger: Any, service: str = "light.turn_on", *conditions: Any, entity_id: str = LAMP, **data: Any
) -> Automation:
    """An automation with one action."""
    action = Action(service=service, entity_id=entity_id, data=data)
    return Automation(trigger=trigger, conditions=conditions, actions=(action,))


def at(minute: int) -> TimeTrigger:
    """The clock."""
    return TimeTrigger(minute=minute)


def reaches(entity_id: str, state: str, for_seconds: int = 0) -> StateTrigger:
    """An event."""
    return StateTrigger(entity_id=entity_id, to=state, for_seconds=for_seconds)


def standing(*configs: Mapping[str, Any] | Automation | None, **fields: Any) -> list[KnownAutomation]:
    """Automations as they stand in Home Assistant; ours as it would be deployed."""
    return [
        KnownAutomation(
            f"automation.number_{number}",
            automation_id=f"id_{number}",
            name=f"Number {number}",
            config=render(config, title="", description="") if isinstance(config, Automation) else config,
            **fields,
        )
        for number, config in enumerate(configs)
    ]


def kinds(automation: Automation, *configs: Mapping[str, Any] | Automation) -> list[Kind]:
    """Return the kinds of conflict with automations that stand there."""
    return [conflict.kind for conflict in conflicts(automation, standing(*configs), [])]


MORNING = made(at(420))
SAME: list[tuple[str, Automation, Automation]] = [
    ("ten minutes earlier", MORNING, made(at(410))),
    ("a quarter of an hour later", MORNING, made(at(435))),
    ("beyond midnight", made(at(5)), made(at(1435))),
    ("at the sun", made(SunTrigger(event="sunset")), made(SunTrigger(event="sunset", offset_minutes=15))),
    ("other brightness", made(at(420), brightness=30), made(at(420), brightness=255)),
    (
        "longer quiet",
        made(reaches(MOTION, "off", 300), "light.turn_off"),
        made(reaches(MOTION, "off", 7200), "light.turn_off"),
    ),
    (
        "other bound",
        made(NumericTrigger(entity_id="sensor.lux", below=20)),
        made(NumericTrigger(entity_id="sensor.lux", below=200)),
    ),
    ("some of its days", MORNING, made(at(420), "light.turn_on", Weekday(days=WEEKDAYS))),
    (
        "some of its hours",
        made(reaches(MOTION, "on")),
        made(reaches(MOTION, "on"), "light.turn_on", Hours(after=18, before=1)),
    ),
    (
        "played",
        made(at(420), "media_player.turn_on", entity_id="media_player.a"),
        made(at(420), "media_player.media_play", entity_id="media_player.a"),
    ),
    (
        "nearly as warm",
        made(at(420), "climate.set_temperature", entity_id="climate.a", temperature=21.0),
        made(at(420), "climate.set_temperature", entity_id="climate.a", temperature=20.5),
    ),
]
OPPOSITE: list[tuple[str, Automation, Automation]] = [
    ("at that time", MORNING, made(at(423), "light.turn_off")),
    ("on the same event", made(reaches(MOTION, "on")), made(reaches(MOTION, "on"), "light.turn_off")),
    ("toggled", made(reaches(MOTION, "on")), made(reaches(MOTION, "on"), "light.toggle")),
    (
        "colder",
        made(at(420), "climate.set_temperature", entity_id="climate.a", temperature=21.0),
        made(at(420), "climate.set_temperature", entity_id="climate.a", temperature=17.0),
    ),
    (
        "the other way",
        made(at(420), "cover.open_cover", entity_id="cover.a"),
        made(at(420), "cover.close_cover", entity_id="cover.a"),
    ),
    (
        "at the sun",
        made(SunTrigger(event="sunrise")),
        made(SunTrigger(event="sunrise", offset_minutes=3), "light.turn_off"),
    ),
    (
        "at that bound",
        made(NumericTrigger(entity_id="sensor.t", above=25)),
        made(NumericTrigger(entity_id="sensor.t", above=26), "light.turn_off"),
    ),
]
NEITHER: list[tuple[str, Automation, Automation]] = [
    ("half an hour later", MORNING, made(at(450))),
    ("another entity", MORNING, made(at(420), entity_id="light.bath")),
    ("another event of the sun", made(SunTrigger(event="sunset")), made(SunTrigger(event="sunrise"))),
    ("the clock and an event", MORNING, made(reaches(MOTION, "on"))),
    ("another state", made(reaches(MOTION, "on")), made(reaches(MOTION, "off"))),
    ("another sensor", made(reaches(MOTION, "on")), made(reaches(DOOR, "on"))),
    (
        "the other bound",
        made(NumericTrigger(entity_id="sensor.lux", below=20)),
        made(NumericTrigger(entity_id="sensor.lux", above=20)),
    ),
    (
        "a bound far off",
        made(NumericTrigger(entity_id="sensor.t", above=25)),
        made(NumericTrigger(entity_id="sensor.t", above=10), "light.turn_off"),
    ),
    (
        "other days",
        made(at(420), "light.turn_on", Weekday(days=WEEKDAYS)),
        made(at(420), "light.turn_on", Weekday(days=WEEKEND)),
    ),
    (
        "other hours",
        made(reaches(MOTION, "on"), "light.turn_on", Hours(after=6, before=9)),
        made(reaches(MOTION, "on"), "light.turn_off", Hours(after=9, before=12)),
    ),
    (
        "another mode",
        made(at(420), "light.turn_on", InState(entity_id="input_boolean.guests", state="on")),
        made(at(420), "light.turn_off", InState(entity_id="input_boolean.guests", state="off")),
    ),
    ("ended later", MORNING, made(at(430), "light.turn_off")),
    (
        "switched off after a while",
        made(reaches(LAMP, "on"), "switch.turn_on", entity_id=FAN),
        made(reaches(LAMP, "on", 600), "switch.turn_off", entity_id=FAN),
    ),
    ("partners", made(reaches(MOTION, "on")), made(reaches(MOTION, "off", 300), "light.turn_off")),
]


@pytest.mark.parametrize(("one", "other"), [case[1:] for case in SAME], ids=[case[0] for case in SAME])
def test_what_does_the_same_is_a_duplicate(one: Automation, other: Automation) -> None:
    """The same with the same entity on the same occasion, whatever else is asked for; either way round."""
    assert (kinds(one, other), kinds(other, one)) == ([Kind.DUPLICATE], [Kind.DUPLICATE])


@pytest.mark.parametrize(
    ("one", "other"), [case[1:] for case in OPPOSITE], ids=[case[0] for case in OPPOSITE]
)
def test_what_undoes_it_is_the_opposite(one: Automation, other: Automation) -> None:
    """Another state of the same entity at about the same moment; either way round."""
    assert (kinds(one, other), kinds(other, one)) == ([Kind.OPPOSITE], [Kind.OPPOSITE])


@pytest.mark.parametrize(("one", "other"), [case[1:] for case in NEITHER], ids=[case[0] for case in NEITHER])
def test_what_gets_along_is_no_conflict(one: Automation, other: Automation) -> None:
    """Other occasions, other entities, other days, and what ends it later."""
    assert (kinds(one, other), kinds(other, one)) == ([], [])


@pytest.mark.parametrize("name", specimens())
def test_everything_that_we_deploy_is_found_again(name: str) -> None:
    """What stands there as we would deploy it does the same, in the old keys and in the new ones."""
    automation = specimens()[name]
    config = render(automation, title="Title", description="Text")
    assert kinds(automation, config, migrated(config)) == [Kind.DUPLICATE, Kind.DUPLICATE]


def test_others_automations_are_read_however_they_are_written() -> None:
    """New keys, a trigger alone, an action nested in a choice: it is the same."""
    quiet = {"trigger": "state", "entity_id": MOTION, "to": "off", "for": {"minutes": 5}}
    off = {"action": "light.turn_off", "target": {"entity_id": ["light.bath", LAMP]}}
    choice = {"choose": [{"conditions": "{{ true }}", "sequence": [{"parallel": [off]}]}]}
    wait = [{"action": "light.turn_on", "target": {"entity_id": LAMP}}, {"wait_for_trigger": [quiet]}, off]
    ours = made(reaches(MOTION, "off", 600), "light.turn_off")
    assert kinds(ours, {"triggers": quiet, "actions": choice}) == [Kind.DUPLICATE]
    assert kinds(ours, {"triggers": {**quiet, "to": "on"}, "actions": wait}) == [Kind.DUPLICATE]


def test_unknown_conditions_are_not_held_against_it() -> None:
    """What a template keeps apart is no opposite; what does the same is a duplicate all the same."""
    template = {"condition": "template", "value_template": "{{ x }}"}
    theirs = {"trigger": {"platform": "state", "entity_id": MOTION, "to": "on"}, "condition": [template]}
    on, off = ({"service": f"light.turn_{each}", "target": {"entity_id": LAMP}} for each in ("on", "off"))
    ours = made(reaches(MOTION, "on"))
    assert kinds(ours, {**theirs, "action": off}) == []
    assert kinds(ours, {**theirs, "action": on}) == [Kind.DUPLICATE]
    for either in (
        {"if": [template], "then": [], "else": [off]},
        {"choose": [{"conditions": template, "sequence": []}], "default": off},
    ):
        assert kinds(ours, {"trigger": theirs["trigger"], "action": either}) == []


def test_leaving_a_state_is_not_reaching_it() -> None:
    """A trigger on every change from off does not wait for the one to off."""
    trigger = {"platform": "state", "entity_id": MOTION, "from": "off"}
    off = {"service": "light.turn_off", "target": {"entity_id": LAMP}}
    assert kinds(made(reaches(MOTION, "off"), "light.turn_off"), {"trigger": trigger, "action": off}) == []
    assert kinds(made(reaches(MOTION, "on"), "light.turn_off"), {"trigger": trigger, "action": off}) == [
        Kind.DUPLICATE
    ]


class TestLoops:
    """Automations that start each other."""

    ours = made(reaches(LAMP, "off"), "switch.turn_on", entity_id=FAN)
    back = made(reaches(FAN, "on"), "light.turn_off")

    def test_two_that_start_each_other(self) -> None:
        """What ours does starts theirs, and what theirs does starts ours."""
        assert kinds(self.ours, self.back) == [Kind.LOOP]

    def test_the_way_may_lead_through_others(self) -> None:
        """The one that ours starts is told, with those on the way back."""
        first = made(reaches(FAN, "on"), "switch.turn_on", entity_id="switch.a")
        second = made(reaches("switch.a", "on"), "light.turn_off")
        (found,) = conflicts(self.ours, standing(first, second), [])
        assert (found.kind, found.with_) == (Kind.LOOP, "automation.number_0")
        assert "by way of the automation “Number 1”" in found.text

    def test_a_way_that_ends_is_none(self) -> None:
        """Another state, another entity, another hour: it goes no further."""
        ends = made(reaches(FAN, "off"), "light.turn_off")
        elsewhere = made(reaches(FAN, "on"), "light.turn_off", entity_id="light.bath")
        later = made(reaches(FAN, "on"), "light.turn_off", Hours(after=1, before=2))
        limited = self.ours.model_copy(update={"conditions": (Hours(after=6, before=9),)})
        assert kinds(self.ours, ends, elsewhere) == []
        assert kinds(limited, later) == []

    def test_the_way_back_must_be_open(self) -> None:
        """One that is switched off, or runs only if a template says so, is no way."""
        first = made(reaches(FAN, "on"), "switch.turn_on", entity_id="switch.a")
        second = made(reaches("switch.a", "on"), "light.turn_off")
        shut = [*standing(first), replace(standing(second, enabled=False)[0], entity_id="automation.shut")]
        assert conflicts(self.ours, shut, []) == []
        unknown = render(second, title="", description="") | {"condition": "{{ x }}"}
        assert kinds(self.ours, first, unknown) == []

    def test_others_that_run_in_a_loop_are_not_ours(self) -> None:
        """A loop that ours only sets going is not told of, and ends the search."""
        one = made(reaches(FAN, "on"), "switch.turn_on", entity_id="switch.a")
        two = made(reaches("switch.a", "on"), "switch.turn_on", entity_id=FAN)
        assert kinds(self.ours, one, two) == []

    def test_a_number_that_is_set_may_start_it(self) -> None:
        """Where the value lies beyond the bound."""
        sets = made(reaches(LAMP, "on"), "input_number.set_value", entity_id="input_number.a", value=5)
        for above, expected in ((4, [Kind.LOOP]), (6, [])):
            waits = made(NumericTrigger(entity_id="input_number.a", above=above))
            assert kinds(sets, waits) == expected

    def test_any_change_may_start_it(self) -> None:
        """A trigger on every state waits for that one too; one on others does not."""
        action = {"service": "light.turn_off", "target": {"entity_id": LAMP}}
        for left, expected in (("off", [Kind.LOOP]), ("on", [])):
            trigger = {"platform": "state", "entity_id": FAN, "from": left}
            assert kinds(self.ours, {"trigger": trigger, "action": action}) == expected

    def test_the_clock_is_started_by_nothing(self) -> None:
        """What waits for a time is in no loop."""
        assert kinds(made(at(420)), made(reaches(LAMP, "on"), "switch.turn_on", entity_id=FAN)) == []


class TestWhatIsCompared:
    """Which automations and suggestions count, and how they are named."""

    def test_one_that_cannot_be_looked_into_touches(self) -> None:
        """Without a configuration, from a blueprint, or opaque in part, if it concerns what ours acts on."""
        blueprint = {"use_blueprint": {"path": "motion.yaml", "input": {"light": LAMP}}}
        in_part = {"trigger": [], "action": [{"choose": [], "default": {"some_later_release": LAMP}}]}
        for config in (None, blueprint, in_part):
            (found,) = conflicts(MORNING, standing(config, touches=frozenset({LAMP, MOTION})), [])
            assert (found.kind, found.with_) == (Kind.TOUCHES, "automation.number_0")
            assert conflicts(MORNING, standing(config, touches=frozenset({MOTION})), []) == []

    def test_one_that_is_switched_off_undoes_nothing(self) -> None:
        """It is a duplicate still, and said to be switched off; it is no opposite, and in no loop."""
        (found,) = conflicts(MORNING, standing(MORNING, enabled=False), [])
        assert (found.kind, "switched off" in found.text) == (Kind.DUPLICATE, True)
        assert conflicts(MORNING, standing(made(at(420), "light.turn_off"), enabled=False), []) == []
        assert conflicts(TestLoops.ours, standing(TestLoops.back, enabled=False), []) == []

    @pytest.mark.parametrize("status", Status)
    def test_suggestions_count_until_they_are_settled(self, status: Status) -> None:
        """What is rejected or retired stands in nobody's way."""
        other = suggestion(offer(automation=MORNING), status=status)
        found = conflicts(MORNING, [], [other])
        settled = status in {Status.REJECTED, Status.RETIRED}
        assert [each.with_ for each in found] == ([] if settled else [other.id])

    def test_a_suggestion_and_its_automation_are_one(self) -> None:
        """What was deployed stands in Home Assistant too, and is told once."""
        other = suggestion(offer(automation=MORNING), status=Status.DEPLOYED)
        known = KnownAutomation(
            "automation.morning", other.automation_id, config=render(MORNING, title="", description="")
        )
        assert [each.with_ for each in conflicts(MORNING, [known], [other])] == [other.id]

    def test_it_is_told_in_plain_words(self) -> None:
        """With names that nothing takes for more than text."""
        known = standing(MORNING)
        hostile = [KnownAutomation(known[0].entity_id, name="A\n{{ b }}" + "x" * 500, config=known[0].config)]
        assert conflicts(MORNING, known, []) == [
            Conflict(
                Kind.DUPLICATE,
                "automation.number_0",
                "The automation “Number 0” does the same with hall (light).",
            )
        ]
        (found,) = conflicts(MORNING, hostile, [])
        assert found.text.startswith("The automation “A ｛｛ b ｝｝x")
        assert len(found.text) < 200

    def test_each_is_told_once_and_in_order(self) -> None:
        """Of each at most one conflict, in the order in which they stand there."""
        night = made(at(420), "light.turn_off", Dark())
        found: Sequence[Conflict] = conflicts(MORNING, standing(night, MORNING, made(at(700))), [])
        assert [(each.kind, each.with_) for each in found] == [
            (Kind.OPPOSITE, "automation.number_0"),
            (Kind.DUPLICATE, "automation.number_1"),
        ]
