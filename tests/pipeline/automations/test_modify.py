"""Automations that people want another way."""

import pytest

from pipeline.automations.modify import MOST_CONDITIONS, ModificationError, modified
from schemas.automations import Automation, InState, StateTrigger, SunTrigger, TimeTrigger
from schemas.catalogue import Catalogue, KnownEntity
from schemas.commands import Modification
from schemas.patterns import Dark, Weekday
from tests.fixtures.specimens import LAMP, call

AT_TIME = Automation(trigger=TimeTrigger(minute=390), actions=(LAMP,))
AT_SUNSET = Automation(trigger=SunTrigger(event="sunset", offset_minutes=10), actions=(LAMP,))
ON_MOTION = Automation(trigger=StateTrigger(entity_id="binary_sensor.motion", to="on"), actions=(LAMP,))
HOME = Catalogue(
    (2026, 11),
    {
        name: KnownEntity(name, device_class=kind)
        for name, kind in [
            ("light.hall_lamp", ""),
            ("light.kitchen_lamp", ""),
            ("switch.fan", "outlet"),
            ("cover.blind", "blind"),
            ("cover.other_blind", "blind"),
            ("cover.garage", "garage"),
        ]
    },
    frozenset(),
)


def test_another_time_of_the_clock() -> None:
    """The time alone changes, and the automation that is given stays as it was."""
    later = modified(AT_TIME, Modification(minute=0), HOME)
    assert later == Automation(trigger=TimeTrigger(minute=0), actions=(LAMP,))
    assert AT_TIME.trigger == TimeTrigger(minute=390)


def test_another_time_by_the_sun() -> None:
    """The event stays, the offset changes, also to none at all."""
    earlier = modified(AT_SUNSET, Modification(offset_minutes=-30), HOME)
    assert earlier.trigger == SunTrigger(event="sunset", offset_minutes=-30)
    assert modified(AT_SUNSET, Modification(offset_minutes=0), HOME).trigger == SunTrigger(event="sunset")


def test_another_thing_to_act_on() -> None:
    """Every action on the one thing goes to the other one, with its values and its waiting."""
    steps = (
        call("light.turn_on", "light.hall_lamp", brightness=80),
        call("light.turn_off", "light.hall_lamp", 600),
    )
    automation = Automation(trigger=TimeTrigger(minute=390), actions=steps)
    assert modified(automation, Modification(entity_id="light.kitchen_lamp"), HOME).actions == (
        call("light.turn_on", "light.kitchen_lamp", brightness=80),
        call("light.turn_off", "light.kitchen_lamp", 600),
    )


def test_one_more_condition() -> None:
    """It comes after those that are there."""
    guests = InState(entity_id="input_boolean.guests", state="off")
    automation = AT_TIME.model_copy(update={"conditions": (Dark(),)})
    assert modified(automation, Modification(condition=guests), HOME).conditions == (Dark(), guests)


def test_several_wishes_at_once() -> None:
    """All of them are fulfilled."""
    change = Modification(minute=400, entity_id="light.kitchen_lamp", condition=Dark())
    wished = modified(AT_TIME, change, HOME)
    kitchen = call("light.turn_on", "light.kitchen_lamp")
    assert wished == Automation(trigger=TimeTrigger(minute=400), conditions=(Dark(),), actions=(kitchen,))


@pytest.mark.parametrize(
    ("automation", "change", "why"),
    [
        (AT_TIME, Modification(), "say what is to be another way"),
        (AT_TIME, Modification(offset_minutes=5), "it runs at a time of the clock"),
        (AT_TIME, Modification(minute=5, offset_minutes=5), "it runs at a time of the clock"),
        (AT_SUNSET, Modification(minute=5), "it runs by the sunset"),
        (ON_MOTION, Modification(minute=5), "it does not run at a time of the day"),
        (AT_TIME, Modification(entity_id="light.nowhere"), "light.nowhere does not exist"),
        (AT_TIME, Modification(entity_id="switch.fan"), "switch.fan is not a light as light.hall_lamp is"),
        (AT_TIME, Modification(entity_id="light.hall_lamp"), "it acts on light.hall_lamp already"),
        (
            Automation(trigger=TimeTrigger(minute=1), actions=(call("cover.open_cover", "cover.blind"),)),
            Modification(entity_id="cover.garage"),
            "cover.blind is of the kind blind, and cover.garage of the kind garage",
        ),
        (
            AT_TIME.model_copy(update={"actions": (LAMP, call("switch.turn_on", "switch.fan"))}),
            Modification(entity_id="light.kitchen_lamp"),
            "it acts on several entities",
        ),
        (
            AT_TIME.model_copy(update={"conditions": (Dark(),)}),
            Modification(condition=Dark()),
            "it has this condition already",
        ),
        (
            AT_TIME.model_copy(
                update={"conditions": tuple(Weekday(days=(0, day % 7)) for day in range(MOST_CONDITIONS))}
            ),
            Modification(condition=Dark()),
            "it has 8 conditions already",
        ),
    ],
)
def test_what_cannot_be_done_is_said(automation: Automation, change: Modification, why: str) -> None:
    """A wish that does not fit is refused in plain words."""
    with pytest.raises(ModificationError, match=f"^{why}"):
        modified(automation, change, HOME)


def test_another_thing_needs_a_home_that_can_be_asked() -> None:
    """What nobody can look up is not acted on; a time needs nobody."""
    with pytest.raises(ModificationError, match="Home Assistant cannot be asked"):
        modified(AT_TIME, Modification(entity_id="light.kitchen_lamp"), None)
    assert modified(AT_TIME, Modification(minute=5), None).trigger == TimeTrigger(minute=5)
