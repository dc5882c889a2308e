"""Which automations a pattern makes."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from pipeline.automations.typical import NOTHING_USUAL, UsualValues
from pipeline.backtest.candidates import candidates
from pipeline.wording.sentences import sentence
from schemas.automations import Action, StateTrigger, SunTrigger, TemperatureOf, TimeTrigger
from schemas.events import EventType
from schemas.patterns import AtHome, Dark, Pattern, Subject, Temperature, Weekday

LAMP = "light.hall"
DOOR = ("binary_sensor.front_door", "on")


def made(
    pattern: Pattern, active: Sequence[Pattern], usual: UsualValues, *sun: dict[str, float]
) -> list[Any]:
    """All variants of a pattern."""
    return [*candidates(pattern, active, usual, *sun)]


def test_a_habit_of_the_clock_is_tried_at_its_time_and_a_little_earlier(habits: Any) -> None:
    """The plainest comes first; no condition names days where all are meant."""
    found = made(habits.clock(LAMP, 480.4), (), NOTHING_USUAL)
    assert found[0].trigger == TimeTrigger(minute=480)
    assert found[0].conditions == ()
    assert {each.trigger.minute for each in found} == {480, 478, 476, 474}
    assert all(each.actions == (Action(service="light.turn_on", entity_id=LAMP),) for each in found)


def test_a_habit_of_some_days_has_them_as_condition(habits: Any) -> None:
    """Weekdays stay weekdays in every variant."""
    found = made(habits.clock(LAMP, 480, days=(0, 1, 2, 3, 4)), (), NOTHING_USUAL)
    assert found
    assert all(Weekday(days=(0, 1, 2, 3, 4)) in each.conditions for each in found)


def test_a_time_before_midnight_stays_a_minute_of_the_day(habits: Any) -> None:
    """Earlier than 00:01 is the evening before."""
    found = made(habits.clock(LAMP, 1.0), (), NOTHING_USUAL)
    assert {each.trigger.minute for each in found} == {1, 1439, 1437, 1435}


def test_a_habit_of_the_sun_is_tried_by_the_sun_alone(habits: Any) -> None:
    """A known anchor is kept."""
    habit = habits.clock(LAMP, 1100, anchor="sunset", offset=20.0)
    found = made(habit, (), NOTHING_USUAL)
    assert found[0].trigger == SunTrigger(event="sunset", offset_minutes=20)
    assert all(isinstance(each.trigger, SunTrigger) for each in found)


def test_an_undetermined_habit_is_tried_both_ways(habits: Any) -> None:
    """Clock and sun are tried where the days have not told them apart."""
    habit = habits.clock(LAMP, 1100, anchor="undetermined")
    found = made(habit, (), NOTHING_USUAL, {"sunrise": 400.0, "sunset": 1080.0})
    assert TimeTrigger(minute=1100) in [each.trigger for each in found]
    assert SunTrigger(event="sunset", offset_minutes=20) in [each.trigger for each in found]
    assert all(each.trigger.event == "sunset" for each in found if isinstance(each.trigger, SunTrigger))


def test_who_scatters_is_not_guided_by_the_clock(habits: Any) -> None:
    """A habit that scatters by half an hour makes no automation."""
    assert made(habits.clock(LAMP, 480, spread=30.0), (), NOTHING_USUAL) == []


def test_a_pair_is_tried_with_and_without_what_was_learned(habits: Any) -> None:
    """Waiting not at all, for the shortest usual lag and for the median; in the dark or always."""
    pair = habits.pair(DOOR, (LAMP, "on"), conditions=(Dark(),))
    found = made(pair, (), NOTHING_USUAL)
    assert found[0].trigger == StateTrigger(entity_id=DOOR[0], to="on")
    assert {each.trigger.for_seconds for each in found} == {0, 10, 20}
    assert {each.conditions for each in found} == {(), (Dark(),), (AtHome(),), (Dark(), AtHome())}


def test_a_learned_temperature_names_its_sensor(habits: Any) -> None:
    """What detectors learned becomes a condition that Home Assistant takes."""
    cold = Temperature(entity_id="sensor.outdoor_temperature", below=5.0)
    found = made(habits.pair(DOOR, (LAMP, "on"), conditions=(cold,)), (), NOTHING_USUAL)
    assert any(
        each.conditions == (TemperatureOf(entity_id="sensor.outdoor_temperature", below=5.0),)
        for each in found
    )


def test_a_chain_does_its_later_steps_in_order(habits: Any) -> None:
    """The first step triggers, the others follow after their usual times, as the pair learned it."""
    chain = habits.chain(DOOR, (LAMP, "on"), ("fan.bath", "on"))
    pair = habits.pair(DOOR, (LAMP, "on"), conditions=(Dark(),))
    plain, dark = made(chain, (chain, pair), NOTHING_USUAL)
    assert plain.trigger == StateTrigger(entity_id=DOOR[0], to="on")
    assert plain.actions == (
        Action(service="light.turn_on", entity_id=LAMP, after_seconds=20),
        Action(service="fan.turn_on", entity_id="fan.bath", after_seconds=20),
    )
    assert (plain.conditions, dark.conditions) == ((), (Dark(),))


def test_a_chain_through_what_nobody_switches_makes_none(habits: Any) -> None:
    """A sensor among the later steps cannot be brought about."""
    chain = habits.chain(DOOR, ("binary_sensor.motion", "on"), (LAMP, "on"))
    assert made(chain, (), NOTHING_USUAL) == []


def test_a_steady_stay_is_ended(habits: Any) -> None:
    """What is always on for twenty minutes is switched off then; what lasts as it comes is not."""
    found = made(habits.stay(LAMP), (), NOTHING_USUAL)
    assert found[0].trigger == StateTrigger(entity_id=LAMP, to="on", for_seconds=1200)
    assert found[0].actions == (Action(service="light.turn_off", entity_id=LAMP),)
    assert made(habits.stay(LAMP, minutes=(5.0, 20.0, 90.0)), (), NOTHING_USUAL) == []


def test_a_steady_stay_gives_a_partner_that_switches_off(habits: Any) -> None:
    """Switching on is also tried with switching off; of another entity, or unsteady, it is not."""
    habit = habits.clock(LAMP, 480)
    off = Action(service="light.turn_off", entity_id=LAMP, after_seconds=1200)
    steady, other = habits.stay(LAMP), habits.stay("light.kitchen")
    assert any(off in each.actions for each in made(habit, (steady,), NOTHING_USUAL))
    for stays in ((), (other,), (habits.stay(LAMP, minutes=(5.0, 20.0, 90.0)),)):
        assert all(len(each.actions) == 1 for each in made(habit, stays, NOTHING_USUAL))


def test_usual_values_go_with_the_action(habits: Any) -> None:
    """A lamp that is usually dimmed is dimmed."""
    usual = UsualValues({EventType(LAMP, "on"): {"brightness": 96.0}})
    found = made(habits.clock(LAMP, 480), (), usual)
    assert all(each.actions[0].data == {"brightness": 96.0} for each in found)


@pytest.mark.parametrize(
    ("entity_id", "state"),
    [("lock.front_door", "unlocked"), ("alarm_control_panel.home", "disarmed"), ("person.ann", "home")],
)
def test_what_must_not_or_cannot_be_done_makes_none(habits: Any, entity_id: str, state: str) -> None:
    """Neither by the clock nor after something else."""
    assert made(habits.clock(entity_id, 480, state=state), (), NOTHING_USUAL) == []
    assert made(habits.pair(DOOR, (entity_id, state)), (), NOTHING_USUAL) == []


def test_what_an_automation_does_already_makes_none(habits: Any) -> None:
    """Automated patterns are not proposed."""
    assert made(habits.clock(LAMP, 480, automated=True), (), NOTHING_USUAL) == []


@pytest.mark.parametrize("subject", [Subject.AREA, Subject.HOME])
def test_a_habit_of_a_room_is_said_and_makes_none(habits: Any, subject: Subject) -> None:
    """No automation acts on a room by what is known of it; words and the stored form know it."""
    one = habits.clock(LAMP, 480)
    of_room = one.model_copy(
        update={"subject": subject, "detail": one.detail.model_copy(update={"entity_id": "Living room"})}
    )
    assert made(one, (), NOTHING_USUAL)
    assert made(one.model_copy(update={"subject": subject}), (), NOTHING_USUAL) == []
    assert made(of_room, (), NOTHING_USUAL) == []
    assert "iving room" in sentence(of_room)
    assert Pattern.model_validate_json(of_room.exact()) == of_room
    assert '"subject":"entity"' in one.exact()
    without = one.model_dump(mode="json", round_trip=True)
    del without["subject"]
    assert Pattern.model_validate(without) == one


def test_a_trigger_that_reads_like_a_template_makes_none(habits: Any) -> None:
    """A state that Home Assistant could take for a template never reaches it."""
    hostile = habits.pair(("sensor.text", "{{ 1 }}"), (LAMP, "on"))
    assert made(hostile, (), NOTHING_USUAL) == []


def test_candidates_need_no_polars() -> None:
    """What runs beside the learner does not load the frames' library."""
    modules = "pipeline.backtest.candidates, pipeline.automations.typical"
    code = f"import sys, {modules}; print('polars' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
