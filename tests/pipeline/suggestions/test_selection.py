from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.suggestions.selection import Verdict, choose, room_today, worth
from schemas.suggestions import STANDING, Experience, Opinion, Status, Suggestion
from tests.fixtures.offers import (
    NOW,
    automation,
    context,
    offer,
    opinion,
    pattern,
    suggestion,
    trial,
)

BERLIN = ZoneInfo("Europe/Berlin")
NAMES = [f"light.l{number}" for number in range(8)]


def test_the_best_come_first_and_no_more_than_there_is_room_for() -> None:
    """Of eight offers those two are made that save most; the others hear why not."""
    offers = [offer(name, trial=trial(per_day=1 + number)) for number, name in enumerate(NAMES)]
    chosen, passed = choose(offers, context(), room=2)
    assert [each.automation.actions[0].entity_id for each in chosen] == ["light.l7", "light.l6"]
    assert {each.reason for each in passed} == {"there were enough suggestions today"}
    assert len(passed) == 6


@pytest.mark.parametrize("status", sorted(STANDING))
def test_what_stands_is_not_suggested_again(status: Status) -> None:
    """While a suggestion waits or is deployed, its pattern makes no other, wherever it has moved to."""
    known = suggestion(status=status)
    chosen, (passed,) = choose([offer(automation=automation(minute=800))], context([known]), room=3)
    assert chosen == []
    assert passed.reason == f"it is known as {known.id}, which is {status.value}"


def test_what_does_the_same_is_not_suggested_again() -> None:
    """Another pattern that lets the same light be switched on within 45 minutes makes no suggestion."""
    known = suggestion()
    other = offer(pattern=pattern(state="other"), automation=automation(minute=465))
    assert choose([other], context([known]), room=3)[0] == []
    later = offer(pattern=pattern(state="other"), automation=automation(minute=466))
    assert len(choose([later], context([known]), room=3)[0]) == 1


def test_what_was_taken_back_comes_back_when_it_holds_again() -> None:
    """Nobody had dismissed it: it waits again under its own id, made now; what was unwanted is no more."""
    gone = suggestion(status=Status.RETIRED, reason="not seen any more", now=NOW - timedelta(days=9))
    (made,), _ = choose([offer(share=0.95)], context([gone]), room=1)
    assert (made.id, made.status, made.reason, made.created_at) == (gone.id, Status.PENDING, "", NOW)
    assert made.trial == trial(0.95)
    for known, room in ((context([gone]), 0), (context([gone], verdict=Verdict("unsafe")), 1)):
        assert choose([offer()], known, room=room)[0] == []
    assert choose([offer(share=0.7)], context([gone]), room=1)[0] == []


def test_what_was_taken_back_stands_in_nobodys_way() -> None:
    """Another pattern may suggest the same; then the first one does not come back beside it."""
    gone = suggestion(status=Status.RETIRED)
    other = offer(pattern=pattern(state="other"))
    (made,), _ = choose([other], context([gone]), room=1)
    assert made.pattern_id == other.pattern.id
    chosen, (passed,) = choose([offer()], context([gone, made]), room=1)
    assert (chosen, passed.reason) == ([], f"it is known as {made.id}, which is pending")


def test_what_comes_back_keeps_what_a_person_changed() -> None:
    """A suggestion that a person had made another way comes back that way."""
    gone = suggestion(offer(automation=automation(minute=300)), status=Status.RETIRED)
    known = context([gone], [opinion(Opinion.MODIFIED, gone.id)])
    (made,), _ = choose([offer()], known, room=1)
    assert (made.automation, made.version) == (automation(minute=300), gone.version)


def test_a_habit_that_moved_after_a_rejection_is_another() -> None:
    """Further than 45 minutes off it is suggested, under another id; what was rejected stays rejected."""
    rejected = suggestion(status=Status.REJECTED)
    near, far = (offer(automation=automation(minute=minute)) for minute in (465, 466))
    assert choose([near], context([rejected]), room=1)[0] == []
    (made,), _ = choose([far], context([rejected]), room=1)
    assert made.id != rejected.id
    assert made.pattern_id == rejected.pattern_id
    again = [rejected, made.model_copy(update={"status": Status.REJECTED})]
    assert choose([far, near], context(again), room=2)[0] == []
    (third,), _ = choose([offer(automation=automation(minute=600))], context(again), room=1)
    assert third.id not in {each.id for each in again}


def test_two_offers_that_do_the_same_make_one_suggestion() -> None:
    """The better one of two that are alike is made."""
    plain = offer(pattern=pattern(state="x"), trial=trial(0.85))
    better = offer(pattern=pattern(state="y"), trial=trial(0.95))
    (made,), (passed,) = choose([plain, better], context(), room=3)
    assert made.pattern_id == better.pattern.id
    assert passed.offer == plain


def test_none_below_the_bar() -> None:
    """An offer that reaches less than the minimum is not made."""
    chosen, (passed,) = choose([offer(share=0.74)], context(), room=3)
    assert (chosen, passed.reason) == ([], "it reaches 0.74 where 0.75 are needed")
    assert len(choose([offer(share=0.76)], context(), room=3)[0]) == 1


def test_a_kind_that_people_reject_needs_more() -> None:
    """After eight rejected lights a light that would have been good enough is not; a cover still is."""
    said = [opinion(Opinion.REJECTED) for _ in range(8)]
    said += [opinion(Opinion.APPROVED, device_class="cover") for _ in range(20)]
    offers = [offer("light.hall", share=0.8), offer("cover.hall", share=0.8)]
    (made,), _ = choose(offers, context(feedback=said), room=3)
    assert made.automation.actions[0].entity_id == "cover.hall"
    assert (made.experience.kept, made.experience.undone) == (20, 0)
    assert len(choose([offer("light.hall", share=0.99)], context(feedback=said), room=3)[0]) == 1


def test_what_people_keep_comes_first() -> None:
    """Of two offers that save the same, that kind comes first of which more were kept."""
    said = [opinion(Opinion.APPROVED, device_class="cover") for _ in range(6)]
    offers = [offer("light.a", share=0.95), offer("cover.z", share=0.95)]
    made, _ = choose(offers, context(feedback=said), room=3)
    assert [each.automation.actions[0].entity_id for each in made] == ["cover.z", "light.a"]


@pytest.mark.parametrize("verdict", [Verdict(problem="it may not"), Verdict(conflict="it may not")])
def test_what_must_not_be_is_not_suggested(verdict: Verdict) -> None:
    """What is unsafe, unknown or in the way of another automation is passed over, with the reason."""
    chosen, (passed,) = choose([offer()], context(verdict=verdict), room=3)
    assert (chosen, passed.reason) == ([], "it may not")


def test_what_is_to_be_told_is_told() -> None:
    """What else touches the entity stands in the suggestion."""
    (made,), _ = choose([offer()], context(verdict=Verdict(told=("Evening uses it.",))), room=3)
    assert made.conflicts == ("Evening uses it.",)


def test_offers_are_held_against_what_stands_and_what_was_chosen_before() -> None:
    """Rejected and retired suggestions are in nobody's way, all others are, and those of this time too."""
    seen: list[list[str]] = []
    states = {status: suggestion(offer(f"fan.{status.value}"), status=status) for status in Status}
    known = context(list(states.values()))

    def look(_automation: object, _trial: object, others: list[Suggestion]) -> Verdict:
        seen.append([each.id for each in others])
        return Verdict()

    object.__setattr__(known, "check", look)
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


@given(st.floats(-3, 3), st.floats(0.01, 0.98), st.floats(0.001, 0.01))
def test_the_likelier_it_is_kept_the_more_it_is_worth(regret: float, chance: float, more: float) -> None:
    """Worth grows with the probability that it is kept, whatever the regret."""
    tried = trial(regret=regret)
    before, after = (worth(tried, Experience(probability=each)) for each in (chance, chance + more))
    assert after >= before
    assert regret == pytest.approx(0, abs=1e-9) or after > before
