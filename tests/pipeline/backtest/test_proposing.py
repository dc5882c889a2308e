"""What is proposed of the patterns of a home."""

from typing import Any

from pipeline.automations.typical import NOTHING_USUAL
from pipeline.backtest.proposing import propose
from schemas.automations import StateTrigger, TimeTrigger
from schemas.patterns import AtHome, Dark, Pattern

LAMP = "light.hall"
DOOR = "binary_sensor.front_door"
EIGHT = 480


def proposed(diary: Any, *patterns: Pattern, minimum: float = 0.75) -> list[Any]:
    """Propose of these patterns alone."""
    return propose(diary.past(), patterns, NOTHING_USUAL, minimum_confidence=minimum)


def after_the_door(diary: Any, days: Any, minute: float = EIGHT) -> None:
    """Let somebody come in and switch the lamp on."""
    for day in days:
        diary.use((day,), minute, DOOR, lasting=0.5)
        diary.use((day,), minute + 0.3, LAMP)


def test_a_clear_habit_is_proposed_with_its_trial(diary: Any, habits: Any) -> None:
    """One proposal: when, what, and what would have been."""
    diary.days = 20
    diary.use(range(20), EIGHT + 1, LAMP)
    habit = habits.clock(LAMP, EIGHT)
    (best,) = proposed(diary, habit)
    assert best.pattern == habit
    assert best.automation.trigger == TimeTrigger(minute=EIGHT)
    assert (best.trial.wanted, best.trial.unwanted) == (20, 0)
    assert best.trial.regret < 0


def test_the_earlier_time_is_taken_where_people_are_early(diary: Any, habits: Any) -> None:
    """Who is often earlier than usual is served in time by an automation that is earlier too."""
    diary.days = 20
    for day in range(20):
        diary.use((day,), EIGHT + (-5 if day % 2 else 5), LAMP)
    (best,) = proposed(diary, habits.clock(LAMP, EIGHT))
    assert best.automation.trigger == TimeTrigger(minute=EIGHT - 6)
    assert best.trial.missed == 0


def test_the_condition_that_makes_the_difference_is_taken(diary: Any, habits: Any) -> None:
    """In the dark it is done, by day it is not: the proposal asks for the dark."""
    diary.days = 20
    after_the_door(diary, range(20), 360)
    diary.use(range(20), 720, DOOR, lasting=0.5)
    (best,) = proposed(diary, habits.pair((DOOR, "on"), (LAMP, "on"), conditions=(Dark(),)))
    assert best.automation.conditions == (Dark(),)
    assert best.automation.trigger == StateTrigger(entity_id=DOOR, to="on")


def test_a_condition_that_changes_nothing_is_left_out(diary: Any, habits: Any) -> None:
    """Somebody is always at home: the plain automation is as good."""
    diary.days = 20
    after_the_door(diary, range(20))
    diary.note(0, 10, "person.ann", "not_home")
    diary.note(0, 20, "person.ann", "home")
    (best,) = proposed(diary, habits.pair((DOOR, "on"), (LAMP, "on")))
    assert best.automation.conditions == ()


def test_presence_is_asked_for_where_people_travel(diary: Any, habits: Any) -> None:
    """On a journey nobody wants the lamp: the proposal asks for somebody at home."""
    diary.days = 40
    diary.use(range(28), EIGHT + 1, LAMP)
    diary.note(27, 1200, "person.ann", "not_home")
    (best,) = proposed(diary, habits.clock(LAMP, EIGHT))
    assert best.automation.conditions == (AtHome(),)
    assert best.trial.unwanted == 0


def get_up(diary: Any, late: list[int]) -> None:
    """Let somebody make coffee and open the blind whenever they get up, and turn the radio on at eight."""
    for day in range(diary.days):
        up = EIGHT + late[day % len(late)]
        diary.use((day,), up + day % 2, "switch.coffee")
        diary.use((day,), up + 4 + day % 3, "light.kitchen")
        diary.use((day,), EIGHT + (7 * day) % 5, "switch.radio")


def test_what_getting_up_moves_is_not_left_to_the_clock(diary: Any, habits: Any) -> None:
    """Two things that come early and late together have another cause; a third beside them has not."""
    diary.days = 30
    get_up(diary, [-8, 6, 9, -3, 8, -9, 0])
    coffee, kitchen = habits.clock("switch.coffee", EIGHT), habits.clock("light.kitchen", EIGHT + 5)
    radio = habits.clock("switch.radio", EIGHT + 2)
    assert [each.pattern for each in proposed(diary, coffee, kitchen, radio)] == [radio]
    assert len(proposed(diary, coffee, radio, minimum=0.5)) == 2


def test_what_is_known_to_follow_takes_no_trigger_away(diary: Any, habits: Any) -> None:
    """Where one is known to follow the other, both come late for that reason: the clock may lead."""
    diary.days = 30
    get_up(diary, [-8, 6, 9, -3, 8, -9, 0])
    coffee, kitchen = habits.clock("switch.coffee", EIGHT), habits.clock("light.kitchen", EIGHT + 5)
    pair = habits.pair(("switch.coffee", "on"), ("light.kitchen", "on"), lag=(180.0, 300.0, 400.0))
    found = proposed(diary, coffee, kitchen, pair, minimum=0.5)
    assert coffee in [each.pattern for each in found]


def test_below_the_bar_nothing_is_proposed(diary: Any, habits: Any) -> None:
    """Wanted on two days of three is too little for three of four, and enough for one of two."""
    diary.days = 30
    diary.use([day for day in range(30) if day % 6], EIGHT + 1, LAMP)
    habit = habits.clock(LAMP, EIGHT)
    assert proposed(diary, habit, minimum=0.9) == []
    assert len(proposed(diary, habit, minimum=0.75)) == 1


def test_too_few_occasions_prove_nothing(diary: Any, habits: Any) -> None:
    """A week of a habit is not yet worth an automation."""
    diary.days = 7
    diary.use(range(7), EIGHT + 1, LAMP)
    assert proposed(diary, habits.clock(LAMP, EIGHT)) == []


def test_weak_evidence_is_not_acted_on(diary: Any, habits: Any) -> None:
    """A pattern that may well be chance is told, not automated."""
    diary.days = 20
    diary.use(range(20), EIGHT + 1, LAMP)
    habit = habits.clock(LAMP, EIGHT)
    weak = habit.model_copy(update={"evidence": habit.evidence.model_copy(update={"e_value": 100.0})})
    assert proposed(diary, weak) == []


def test_the_same_thing_is_proposed_once(diary: Any, habits: Any) -> None:
    """A pair, a chain and the clock say the same: the chain saves most and stands for all."""
    diary.days = 20
    after_the_door(diary, range(20))
    for day in range(20):
        diary.use((day,), EIGHT + 0.6, "fan.bath")
    chain = habits.chain((DOOR, "on"), (LAMP, "on"), ("fan.bath", "on"))
    pairs = [habits.pair((DOOR, "on"), (entity_id, "on")) for entity_id in (LAMP, "fan.bath")]
    clocks = [habits.clock(entity_id, EIGHT) for entity_id in (LAMP, "fan.bath")]
    (best,) = proposed(diary, *clocks, *pairs, chain)
    assert best.pattern == chain


def test_what_is_done_twice_a_day_is_proposed_twice_best_first(diary: Any, habits: Any) -> None:
    """Two times of one lamp are two automations; the steadier one comes first."""
    diary.days = 30
    diary.use(range(30), EIGHT + 1, LAMP)
    diary.use([day for day in range(30) if day % 10], 1200 + 1, LAMP)
    found = proposed(diary, habits.clock(LAMP, 1200), habits.clock(LAMP, EIGHT))
    assert [each.pattern.detail.minute for each in found] == [EIGHT, 1200]
    assert found[0].trial.regret < found[1].trial.regret


def test_what_is_automated_or_must_not_be_done_is_never_proposed(diary: Any, habits: Any) -> None:
    """However steady: no door is unlocked, no garage opened, nothing automated twice."""
    diary.days = 20
    for day in range(20):
        diary.note(day, EIGHT + 1, "lock.front_door", "unlocked")
        diary.note(day, EIGHT + 9, "lock.front_door", "locked")
        diary.note(day, EIGHT + 1, "cover.garage_door", "open")
        diary.note(day, EIGHT + 9, "cover.garage_door", "closed")
    diary.use(range(20), EIGHT + 1, LAMP)
    patterns = [
        habits.clock("lock.front_door", EIGHT, state="unlocked"),
        habits.clock("cover.garage_door", EIGHT, state="open"),
        habits.clock(LAMP, EIGHT, automated=True),
    ]
    assert proposed(diary, *patterns, minimum=0.0) == []


def test_switching_off_again_is_proposed_with_it_where_it_is_as_steady(diary: Any, habits: Any) -> None:
    """Twenty minutes every time: both are saved; where only the switching on is steady, only that is."""
    diary.days = 20
    diary.use(range(20), EIGHT + 1, LAMP, lasting=20)
    (both,) = proposed(diary, habits.clock(LAMP, EIGHT), habits.stay(LAMP))[:1]
    assert [action.service for action in both.automation.actions] == ["light.turn_on", "light.turn_off"]
    diary.events.clear()
    for day in range(20):
        diary.use((day,), EIGHT + 1, LAMP, lasting=20 if day % 3 else 120)
    (alone, *_) = proposed(diary, habits.clock(LAMP, EIGHT), habits.stay(LAMP))
    assert [action.service for action in alone.automation.actions] == ["light.turn_on"]


def test_nothing_is_proposed_of_an_empty_past(diary: Any, habits: Any) -> None:
    """No days, no proposal."""
    diary.days = 0
    assert proposed(diary, habits.clock(LAMP, EIGHT), minimum=0.0) == []
