from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.suggesting.choosing import Verdict, choose, is_repeat, room_today, worth
from schemas.automations import Action, MqttTrigger, NumericTrigger, StateTrigger, SunTrigger, TimeTrigger
from schemas.suggestions import Experience, Opinion, Status, Suggestion
from tests.pipeline.suggesting.offers import (
    NOW,
    SUN,
    automation,
    offer,
    opinion,
    pattern,
    situation,
    suggestion,
    trial,
)

BERLIN = ZoneInfo("Europe/Berlin")
NAMES = [f"light.l{number}" for number in range(8)]


def test_the_best_come_first_and_no_more_than_there_is_room_for() -> None:
    """Of eight offers those two are made that save most; the others hear why not."""
    offers = [offer(name, trial=trial(per_day=1 + number)) for number, name in enumerate(NAMES)]
    chosen, passed = choose(offers, situation(), room=2)
    assert [each.automation.actions[0].entity_id for each in chosen] == ["light.l7", "light.l6"]
    assert {each.reason for each in passed} == {"there were enough suggestions today"}
    assert len(passed) == 6


@pytest.mark.parametrize("status", Status)
def test_what_is_known_is_not_suggested_again(status: Status) -> None:
    """Whatever became of a suggestion, rejected and retired too, its pattern makes no other."""
    known = suggestion(status=status)
    chosen, (passed,) = choose([offer(automation=automation(minute=800))], situation([known]), room=3)
    assert chosen == []
    assert passed.reason == f"it is known as {known.id}, which is {status.value}"


@pytest.mark.parametrize("status", Status)
def test_what_does_the_same_is_not_suggested_again(status: Status) -> None:
    """Another pattern that lets the same light be switched on within 45 minutes makes no suggestion."""
    known = suggestion(status=status)
    other = offer(pattern=pattern(state="other"), automation=automation(minute=465))
    assert choose([other], situation([known]), room=3)[0] == []
    later = offer(pattern=pattern(state="other"), automation=automation(minute=466))
    assert len(choose([later], situation([known]), room=3)[0]) == 1


def test_two_offers_that_do_the_same_make_one_suggestion() -> None:
    """The better one of two that are alike is made."""
    plain = offer(pattern=pattern(state="x"), trial=trial(0.85))
    better = offer(pattern=pattern(state="y"), trial=trial(0.95))
    (made,), (passed,) = choose([plain, better], situation(), room=3)
    assert made.pattern_id == better.pattern.id
    assert passed.offer == plain


def test_none_below_the_bar() -> None:
    """An offer that reaches less than the minimum is not made."""
    chosen, (passed,) = choose([offer(share=0.74)], situation(), room=3)
    assert (chosen, passed.reason) == ([], "it reaches 0.74 where 0.75 are needed")
    assert len(choose([offer(share=0.76)], situation(), room=3)[0]) == 1


def test_a_kind_that_people_reject_needs_more() -> None:
    """After eight rejected lights a light that would have been good enough is not; a cover still is."""
    said = [opinion(Opinion.REJECTED) for _ in range(8)]
    said += [opinion(Opinion.APPROVED, device_class="cover") for _ in range(20)]
    offers = [offer("light.hall", share=0.8), offer("cover.hall", share=0.8)]
    (made,), _ = choose(offers, situation(feedback=said), room=3)
    assert made.automation.actions[0].entity_id == "cover.hall"
    assert (made.experience.kept, made.experience.undone) == (20, 0)
    assert len(choose([offer("light.hall", share=0.99)], situation(feedback=said), room=3)[0]) == 1


def test_what_people_keep_comes_first() -> None:
    """Of two offers that save the same, that kind comes first of which more were kept."""
    said = [opinion(Opinion.APPROVED, device_class="cover") for _ in range(6)]
    offers = [offer("light.a", share=0.95), offer("cover.z", share=0.95)]
    made, _ = choose(offers, situation(feedback=said), room=3)
    assert [each.automation.actions[0].entity_id for each in made] == ["cover.z", "light.a"]


@pytest.mark.parametrize("verdict", [Verdict(problem="it may not"), Verdict(conflict="it may not")])
def test_what_must_not_be_is_not_suggested(verdict: Verdict) -> None:
    """What is unsafe, unknown or in the way of another automation is passed over, with the reason."""
    chosen, (passed,) = choose([offer()], situation(verdict=verdict), room=3)
    assert (chosen, passed.reason) == ([], "it may not")


def test_what_is_to_be_told_is_told() -> None:
    """What else touches the entity stands in the suggestion."""
    (made,), _ = choose([offer()], situation(verdict=Verdict(told=("Evening uses it.",))), room=3)
    assert made.conflicts == ("Evening uses it.",)


def test_offers_are_held_against_what_stands_and_what_was_chosen_before() -> None:
    """Rejected and retired suggestions are in nobody's way, all others are, and those of this time too."""
    seen: list[list[str]] = []
    states = {status: suggestion(offer(f"fan.{status.value}"), status=status) for status in Status}
    known = situation(list(states.values()))

    def look(_automation: object, _trial: object, others: list[Suggestion]) -> Verdict:
        seen.append([each.id for each in others])
        return Verdict()

    object.__setattr__(known, "scrutinise", look)
    made, _ = choose([offer("light.a"), offer("light.b")], known, room=3)
    standing = [states[name].id for name in (Status.PENDING, Status.APPROVED, Status.DEPLOYED)]
    assert seen == [standing, [*standing, made[0].id]]


def test_room_is_counted_by_the_local_day() -> None:
    """What was made after local midnight counts, whatever became of it; what was made before does not."""
    midnight = datetime(2026, 11, 19, 23, tzinfo=UTC)
    made = [
        suggestion(now=midnight - timedelta(microseconds=1)),
        suggestion(now=midnight),
        suggestion(now=NOW, status=Status.REJECTED),
    ]
    assert room_today(made, budget=3, now=NOW, zone=BERLIN) == 1
    assert room_today(made, budget=1, now=NOW, zone=BERLIN) == 0
    assert room_today(made, budget=3, now=midnight - timedelta(hours=1), zone=BERLIN) == 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (TimeTrigger(minute=420), TimeTrigger(minute=375), True),
        (TimeTrigger(minute=10), TimeTrigger(minute=1430), True),
        (TimeTrigger(minute=420), TimeTrigger(minute=520), False),
        (SunTrigger(event="sunset", offset_minutes=-30), TimeTrigger(minute=960), True),
        (SunTrigger(event="sunset"), SunTrigger(event="sunset", offset_minutes=40), True),
        (SunTrigger(event="sunset"), SunTrigger(event="sunrise"), False),
        (
            StateTrigger(entity_id="light.a", to="on"),
            StateTrigger(entity_id="light.a", to="off", for_seconds=9),
            True,
        ),
        (StateTrigger(entity_id="sensor.a", to="9"), NumericTrigger(entity_id="sensor.a", above=3), True),
        (StateTrigger(entity_id="light.a", to="on"), StateTrigger(entity_id="light.b", to="on"), False),
        (
            MqttTrigger(topic="ha-ai/events/sports/scored"),
            MqttTrigger(topic="ha-ai/events/sports/scored"),
            True,
        ),
        (
            MqttTrigger(topic="ha-ai/events/sports/scored"),
            MqttTrigger(topic="ha-ai/events/sports/lost"),
            False,
        ),
        (TimeTrigger(minute=0), StateTrigger(entity_id="light.a", to="on"), False),
    ],
)
def test_what_is_the_same_occasion(one: object, other: object, same: bool) -> None:  # noqa: FBT001 a table's column
    """Times within 45 minutes, whichever way they are said, and the same entity or topic."""
    first, second = automation(trigger=one), automation(trigger=other)
    assert is_repeat(first, second, SUN) is is_repeat(second, first, SUN) is same


def test_other_deeds_are_no_repeat() -> None:
    """Switching the same light off, or another one on, at the same time is something else."""
    assert not is_repeat(automation(), automation(service="turn_off"), SUN)
    assert not is_repeat(automation(), automation("light.bath"), SUN)


def test_one_deed_in_common_is_enough() -> None:
    """An automation that does the same and more is a repeat."""
    both = [Action(service="light.turn_on", entity_id=name) for name in ("light.bath", "light.hall")]
    assert is_repeat(automation(), automation(actions=tuple(both)), SUN)


@given(st.floats(-3, 3), st.floats(0.01, 0.98), st.floats(0.001, 0.01))
def test_the_likelier_it_is_kept_the_more_it_is_worth(regret: float, chance: float, more: float) -> None:
    """Worth grows with the probability that it is kept, whatever the regret."""
    tried = trial(regret=regret)
    before, after = (worth(tried, Experience(probability=each)) for each in (chance, chance + more))
    assert after >= before
    assert regret == pytest.approx(0, abs=1e-9) or after > before
