"""What automations would have done on pasts that are written down by hand."""

import time
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from detectors.history import Day
from pipeline.backtest.backtest import backtest, tried
from pipeline.backtest.past import Past
from schemas.automations import (
    Action,
    Automation,
    InState,
    MqttTrigger,
    NumericTrigger,
    StateTrigger,
    SunTrigger,
    TemperatureOf,
    TimeTrigger,
)
from schemas.events import Cause, EventType
from schemas.home import Home
from schemas.patterns import AtHome, Change, Dark, Hours, Weekday
from schemas.suggestions import Trial

LAMP = "light.hall"
DOOR = "binary_sensor.front_door"
EIGHT = 480
ON = Action(service="light.turn_on", entity_id=LAMP)
OFF = Action(service="light.turn_off", entity_id=LAMP)


def counts(trial: Trial) -> tuple[int, int, int, int]:
    """How often it fired, wanted and unwanted, and what was missed."""
    return trial.fired, trial.wanted, trial.unwanted, trial.missed


def at(minute: int, *conditions: Any, actions: tuple[Action, ...] = (ON,)) -> Automation:
    """Switch the lamp on at a minute."""
    return Automation(trigger=TimeTrigger(minute=minute), conditions=conditions, actions=actions)


def on_door(*conditions: Any, wait_s: int = 0, actions: tuple[Action, ...] = (ON,)) -> Automation:
    """Switch the lamp on when the door opens."""
    trigger = StateTrigger(entity_id=DOOR, to="on", for_seconds=wait_s)
    return Automation(trigger=trigger, conditions=conditions, actions=actions)


def open_door(diary: Any, days: Any, minute: float, *, lasting: float = 0.5) -> None:
    """Let the door be opened and closed."""
    diary.use(days, minute, DOOR, lasting=lasting)


def test_a_run_that_somebody_meant_is_wanted_and_another_is_not(diary: Any, habits: Any) -> None:
    """Eight days it is done at eight, on two nobody does it: eight wanted, two unwanted, with their dates."""
    diary.use(range(8), EIGHT + 1, LAMP)
    trial = backtest(at(EIGHT), diary.past(), habits.clock(LAMP, EIGHT))
    assert counts(trial) == (10, 8, 2, 0)
    assert trial.wanted_dates == tuple(date(2026, 3, 2) + timedelta(days=day) for day in range(8))
    assert trial.unwanted_dates == (date(2026, 3, 10), date(2026, 3, 11))
    assert (trial.first_day, trial.last_day, trial.days) == (date(2026, 3, 2), date(2026, 3, 11), 10)


def test_what_is_done_already_is_not_done_again_but_missed(diary: Any, habits: Any) -> None:
    """Who was earlier did it without the automation, which then changes nothing."""
    diary.use(range(10), EIGHT - 5, LAMP)
    assert counts(backtest(at(EIGHT), diary.past(), habits.clock(LAMP, EIGHT))) == (0, 0, 0, 10)


def test_an_automation_that_comes_early_within_the_habit_is_wanted(diary: Any, habits: Any) -> None:
    """A habit of twelve minutes either way is met by what comes ten minutes before its middle."""
    diary.use(range(10), EIGHT + 9, LAMP)
    habit = habits.clock(LAMP, EIGHT, spread=4.8)
    assert counts(backtest(at(EIGHT - 10), diary.past(), habit)) == (10, 10, 0, 0)
    assert counts(backtest(at(EIGHT - 30), diary.past(), habit)) == (10, 0, 10, 10)


@pytest.mark.parametrize(
    ("cause", "derived", "wanted"),
    [
        (Cause.USER, False, 10),
        (Cause.PHYSICAL, False, 10),
        (Cause.UNCERTAIN, False, 10),
        (Cause.AUTOMATION, False, 0),
        (Cause.PHYSICAL, True, 0),
    ],
)
def test_only_what_a_person_may_have_done_is_wanted(
    diary: Any, habits: Any, cause: Cause, wanted: int, *, derived: bool
) -> None:
    """What an automation does, or what comes with another entity, speaks for nothing."""
    for day in range(10):
        diary.note(day, EIGHT + 2, LAMP, "on", cause, derived=derived)
        diary.note(day, EIGHT + 20, LAMP, "off", cause, derived=derived)
    trial = backtest(at(EIGHT), diary.past(), habits.clock(LAMP, EIGHT))
    assert counts(trial) == (10, wanted, 10 - wanted, 0)


def test_what_could_not_be_seen_counts_as_nothing(diary: Any, habits: Any) -> None:
    """A gap within the time of the habit is neither a run nor missed, on that day alone."""
    diary.use(range(10), EIGHT + 2, LAMP)
    diary.blind(3, EIGHT + 1, EIGHT + 60)
    diary.blind(4, EIGHT + 60, EIGHT + 120)
    trial = backtest(at(EIGHT), diary.past(), habits.clock(LAMP, EIGHT))
    assert counts(trial) == (9, 9, 0, 0)
    assert date(2026, 3, 5) not in trial.wanted_dates


def test_weekdays_are_the_days_on_which_it_fires(diary: Any, habits: Any) -> None:
    """On other days it does nothing, and what is done then is not missed where the habit has none."""
    diary.use(range(10), EIGHT + 2, LAMP)
    weekdays = (0, 1, 2, 3, 4)
    habit = habits.clock(LAMP, EIGHT, days=weekdays)
    assert counts(backtest(at(EIGHT, Weekday(days=weekdays)), diary.past(), habit)) == (8, 8, 0, 0)
    assert counts(backtest(at(EIGHT, Weekday(days=(0,))), diary.past(), habit)) == (2, 2, 0, 6)


def test_nobody_at_home_makes_no_run_unwanted_that_asks_for_somebody(diary: Any, habits: Any) -> None:
    """On three days all are away: the automation that asks stays quiet, the other one is unwanted."""
    diary.use(range(7), EIGHT + 2, LAMP)
    diary.note(6, 1200, "person.ann", "not_home")
    diary.note(9, 1200, "person.ann", "home")
    habit = habits.clock(LAMP, EIGHT)
    assert counts(backtest(at(EIGHT), diary.past(), habit)) == (10, 7, 3, 0)
    assert counts(backtest(at(EIGHT, AtHome()), diary.past(), habit)) == (7, 7, 0, 0)
    assert counts(backtest(at(EIGHT, AtHome(somebody=False)), diary.past(), habit)) == (3, 0, 3, 7)


def test_the_sun_sets_the_time(diary: Any, habits: Any) -> None:
    """Twenty minutes after sunset at 18:00 is 18:20."""
    diary.use(range(10), 1101, LAMP)
    habit = habits.clock(LAMP, 1100, anchor="sunset", offset=20.0)
    automation = Automation(trigger=SunTrigger(event="sunset", offset_minutes=20), actions=(ON,))
    assert counts(backtest(automation, diary.past(), habit)) == (10, 10, 0, 0)


def test_local_time_is_kept_when_the_clock_is_changed(diary: Any, habits: Any) -> None:
    """At eight stays at eight when summer time begins."""
    diary.first = date(2026, 3, 24)
    diary.use(range(10), EIGHT + 2, LAMP)
    habits.first = diary.first
    trial = backtest(at(EIGHT), diary.past(), habits.clock(LAMP, EIGHT))
    assert counts(trial) == (10, 10, 0, 0)
    assert len(set(trial.wanted_dates)) == 10


def test_only_the_days_since_the_habit_moved_speak_for_it(diary: Any, habits: Any) -> None:
    """What was before a habit moved is neither unwanted nor missed."""
    diary.use(range(4), EIGHT + 60, LAMP)
    diary.use(range(4, 10), EIGHT + 1, LAMP)
    moved = Change(since=date(2026, 3, 6), minute_before=EIGHT + 60, minute_after=EIGHT)
    trial = backtest(at(EIGHT), diary.past(), habits.clock(LAMP, EIGHT, change=moved))
    assert counts(trial) == (6, 6, 0, 0)
    assert trial.first_day == date(2026, 3, 6)


def test_after_a_trigger_the_action_is_wanted_within_its_reach(diary: Any, habits: Any) -> None:
    """Twenty seconds after the door is as usual, ten minutes after is not."""
    for day in range(10):
        open_door(diary, (day,), EIGHT)
        diary.use((day,), EIGHT + (0.35 if day < 6 else 10), LAMP)
    pair = habits.pair((DOOR, "on"), (LAMP, "on"))
    assert counts(backtest(on_door(), diary.past(), pair)) == (10, 6, 4, 0)


def test_a_trigger_that_comes_again_at_once_is_the_same_occasion(diary: Any, habits: Any) -> None:
    """A door that opens three times before the lamp is lit makes one run, not three."""
    for second in (0.0, 0.1, 0.2):
        open_door(diary, range(10), EIGHT + second, lasting=0.05)
    diary.use(range(10), EIGHT + 0.5, LAMP)
    pair = habits.pair((DOOR, "on"), (LAMP, "on"))
    assert counts(backtest(on_door(), diary.past(), pair)) == (10, 10, 0, 0)


def test_waiting_leaves_out_what_did_not_last(diary: Any, habits: Any) -> None:
    """A door that must stay open for ten seconds lets short openings pass; who is faster is missed."""
    for day in range(10):
        open_door(diary, (day,), EIGHT, lasting=1.0 if day < 6 else 0.1)
        if day < 6:
            diary.use((day,), EIGHT + (0.5 if day else 0.1), LAMP)
    pair = habits.pair((DOOR, "on"), (LAMP, "on"))
    assert counts(backtest(on_door(), diary.past(), pair)) == (10, 6, 4, 0)
    assert counts(backtest(on_door(wait_s=10), diary.past(), pair)) == (5, 5, 0, 1)


@pytest.mark.parametrize(
    ("condition", "fired"),
    [
        (Dark(), 5),
        (Hours(after=20.0, before=9.0), 5),
        (Hours(after=9.0, before=20.0), 5),
        (InState(entity_id="switch.guests", state="on"), 10),
        (InState(entity_id="switch.guests", state="off"), 0),
        (TemperatureOf(entity_id="sensor.outdoor_temperature", below=5.0), 5),
        (TemperatureOf(entity_id="sensor.outdoor_temperature", above=8.0), 2),
        (TemperatureOf(entity_id="sensor.unknown_temperature", below=99.0), 0),
    ],
)
def test_conditions_hold_back_what_they_should(diary: Any, habits: Any, condition: Any, fired: int) -> None:
    """The door opens at 06:00 and at 12:00 on five days each; it is a degree warmer each day."""
    diary.note(0, 1, "switch.guests", "on")
    diary.read("sensor.outdoor_temperature", float)
    for hour in (6, 12):
        open_door(diary, range(hour == 12, 10, 2), 60 * hour)
    pair = habits.pair((DOOR, "on"), (LAMP, "on"))
    assert backtest(on_door(condition), diary.past(), pair).fired == fired


def test_a_number_that_passes_a_value_fires_once(diary: Any, habits: Any) -> None:
    """Above five degrees is reached once, when the sixth day begins."""
    diary.read("sensor.outdoor_temperature", float)
    trigger = NumericTrigger(entity_id="sensor.outdoor_temperature", above=6.0)
    automation = Automation(trigger=trigger, actions=(ON,))
    trial = backtest(automation, diary.past(), habits.pair((DOOR, "on"), (LAMP, "on")))
    assert trial.unwanted_dates == (date(2026, 3, 8),)


def test_what_is_said_on_topics_is_not_known(diary: Any, habits: Any) -> None:
    """Nothing is kept of messages, so nothing is claimed of what they trigger."""
    open_door(diary, range(10), EIGHT)
    automation = Automation(trigger=MqttTrigger(topic="ha-ai/events/sports/team_scored"), actions=(ON,))
    trial = backtest(automation, diary.past(), habits.pair((DOOR, "on"), (LAMP, "on")))
    assert counts(trial) == (0, 0, 0, 0)
    assert trial.regret == 0


def test_a_chain_is_wanted_where_all_of_it_was_done(diary: Any, habits: Any) -> None:
    """Where only the first of two things followed, the run is unwanted."""
    fan = Action(service="fan.turn_on", entity_id="fan.bath", after_seconds=20)
    for day in range(10):
        open_door(diary, (day,), EIGHT)
        diary.use((day,), EIGHT + 0.3, LAMP)
        if day < 7:
            diary.use((day,), EIGHT + 0.7, "fan.bath")
    chain = habits.chain((DOOR, "on"), (LAMP, "on"), ("fan.bath", "on"))
    result = tried(on_door(actions=(ON, fan)), diary.past(), chain)
    assert counts(result.trial) == (10, 7, 3, 0)
    assert {event_type for event_type, _ in result.uses} == {
        EventType(LAMP, "on"),
        EventType("fan.bath", "on"),
    }


def test_switching_off_again_is_wanted_where_people_did_so_then(diary: Any, habits: Any) -> None:
    """After twenty minutes is as usual; after an hour it would have come too early."""
    diary.use(range(7), EIGHT + 1, LAMP, lasting=20)
    diary.use(range(7, 10), EIGHT + 1, LAMP, lasting=60)
    off = OFF.model_copy(update={"after_seconds": 1200})
    trial = backtest(at(EIGHT, actions=(ON, off)), diary.past(), habits.clock(LAMP, EIGHT))
    assert counts(trial) == (10, 7, 3, 0)


def test_a_scene_is_activated_each_time(diary: Any, habits: Any) -> None:
    """A scene has no state to be in already."""
    for day in range(10):
        diary.note(day, EIGHT + 1, "scene.morning", "activated")
    scene = Action(service="scene.turn_on", entity_id="scene.morning")
    habit = habits.clock("scene.morning", EIGHT, state="activated")
    assert counts(backtest(at(EIGHT, actions=(scene,)), diary.past(), habit)) == (10, 10, 0, 0)


def test_what_was_left_on_is_switched_off_when_people_would_have(diary: Any, habits: Any) -> None:
    """On for twenty minutes, then off: wanted where they end it about then, unwanted where they stay on."""
    diary.use(range(7), EIGHT, LAMP, lasting=21)
    diary.use(range(7, 10), EIGHT, LAMP, lasting=120)
    trigger = StateTrigger(entity_id=LAMP, to="on", for_seconds=1200)
    trial = backtest(Automation(trigger=trigger, actions=(OFF,)), diary.past(), habits.stay(LAMP))
    assert counts(trial) == (10, 7, 3, 0)


def test_the_forecast_follows_the_days_and_regret_weighs_what_is_unwanted(diary: Any, habits: Any) -> None:
    """All wanted saves an action a day; all unwanted costs several."""
    diary.days = 60
    diary.use(range(60), EIGHT + 1, LAMP)
    past = diary.past()
    good = backtest(at(EIGHT), past, habits.clock(LAMP, EIGHT))
    bad = backtest(at(EIGHT + 300), past, habits.clock(LAMP, EIGHT))
    assert good.wanted_per_day > 0.85
    assert good.unwanted_per_day < 0.1
    assert good.regret < -0.6
    assert bad.regret > 1
    assert good.wanted_per_day + good.unwanted_per_day + good.missed_per_day == pytest.approx(1, abs=1e-4)


def test_an_empty_past_says_nothing(diary: Any, habits: Any) -> None:
    """Without days there is nothing to try an automation on."""
    diary.days = 0
    trial = backtest(at(EIGHT), diary.past(), habits.clock(LAMP, EIGHT))
    assert counts(trial) == (0, 0, 0, 0)
    assert (trial.days, trial.regret) == (0, 0)


def test_a_backtest_over_a_season_takes_little_time(habits: Any) -> None:
    """Ninety days of 160 entities: half a second of CPU is allowed, and kept by far."""
    past = busy_past(days=90, entities=160, changes_per_day=40)
    pair = habits.pair(("switch.e0", "on"), ("switch.e1", "on"))
    trigger = StateTrigger(entity_id="switch.e0", to="on")
    automation = Automation(
        trigger=trigger,
        conditions=(Dark(),),
        actions=(Action(service="switch.turn_on", entity_id="switch.e1"),),
    )
    backtest(automation, past, pair)
    began_s = time.process_time()
    trial = backtest(automation, past, pair)
    assert time.process_time() - began_s < 0.5
    assert trial.fired > 100


def busy_past(*, days: int, entities: int, changes_per_day: int) -> Past:
    """Many entities, switched at random."""
    random = np.random.default_rng(1)
    types = tuple(
        sorted(EventType(f"switch.e{n}", state) for n in range(entities) for state in ("off", "on"))
    )
    made = []
    for number in range(days):
        start_ms = 1_772_409_600_000 + number * 86_400_000
        count = entities * changes_per_day
        at_ms = np.sort(random.integers(start_ms, start_ms + 86_400_000, count))
        made.append(
            Day(
                date=date(2026, 3, 2) + timedelta(days=number),
                start_ms=start_ms,
                end_ms=start_ms + 86_400_000,
                types=types,
                at_ms=at_ms,
                minutes=(at_ms - start_ms) / 60_000,
                type_ids=random.integers(0, len(types), count).astype(np.int32),
                causes=np.full(count, Cause.PHYSICAL, dtype=np.uint8),
                derived=np.zeros(count, dtype=np.bool_),
                sunrise=360.0,
                sunset=1080.0,
            )
        )
    return Past.of(made, {}, Home())
