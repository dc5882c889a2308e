from datetime import timedelta
from typing import Any

import pytest

from pipeline.suggestions.renewal import GONE, SLACK, Outlook, is_hardly_another, renew, renew_all
from pipeline.suggestions.selection import Verdict
from schemas.automations import Action, SunTrigger
from schemas.patterns import Hours, Weekday
from schemas.suggestions import Opinion, Status, Suggestion, Trial
from tests.fixtures.offers import (
    NOW,
    YESTERDAY,
    automation,
    context,
    offer,
    opinion,
    suggestion,
    trial,
)

LATER = NOW + timedelta(days=1)


def outlook(of: Suggestion, again: Trial | None = None, **offered: Any) -> Outlook:
    """The pattern is there, the suggestion does as before, and perhaps there is something better."""
    offers = {of.pattern_id: offer(**offered)} if offered else {}
    return Outlook({of.pattern_id: False}, {of.pattern_id: NOW}, offers, {of.id: again or of.trial})


GONE_FOR_GOOD = Outlook({}, {}, {}, {})


def retired(found: Suggestion | None) -> str:
    """Why it was retired."""
    assert found is not None
    assert found.status is Status.RETIRED
    assert found.updated_at == LATER
    return found.reason


def test_nothing_new_changes_nothing() -> None:
    """The same trial, or one that is hardly another, is not told anew every night."""
    waiting = suggestion()
    known = context(now=LATER)
    assert renew(waiting, outlook(waiting), known) is None
    hardly = trial(0.93, last_day=YESTERDAY + timedelta(days=1))
    assert renew(waiting, outlook(waiting, hardly), known) is None


def test_a_new_trial_that_tells_more_replaces_the_old() -> None:
    """Another confidence, or a week gone by: the new trial is shown, what is approved stays the same."""
    waiting = suggestion()
    known = context(now=LATER)
    for again in (trial(0.8), trial(0.9, last_day=YESTERDAY + timedelta(days=7))):
        found = renew(waiting, outlook(waiting, again), known)
        assert found is not None
        assert (found.trial, found.version, found.status) == (again, 1, Status.PENDING)
        assert found.content_hash == waiting.content_hash


def test_what_would_be_suggested_now_replaces_what_waits() -> None:
    """The habit moved by half an hour: the suggestion follows it, as another version."""
    waiting = suggestion()
    found = renew(waiting, outlook(waiting, automation=automation(minute=450)), context(now=LATER))
    assert found is not None
    assert (found.version, found.automation) == (2, automation(minute=450))


def test_a_few_minutes_are_no_other_automation() -> None:
    """An automation that would be five minutes later stays as it is, with its own trial."""
    waiting = suggestion()
    found = renew(
        waiting, outlook(waiting, trial(0.8), automation=automation(minute=425)), context(now=LATER)
    )
    assert found is not None
    assert (found.automation, found.trial) == (waiting.automation, trial(0.8))


def test_what_nothing_speaks_for_is_taken_back() -> None:
    """The pattern is no more, or an automation is what it follows from: retired, with the reason."""
    waiting = suggestion()
    known = context(now=LATER)
    assert retired(renew(waiting, GONE_FOR_GOOD, known)) == "the habit that it follows is not seen any more"
    automated = Outlook({waiting.pattern_id: True}, {}, {}, {})
    assert retired(renew(waiting, automated, known)) == "an automation does it already"


def test_a_pattern_that_flickers_takes_nothing_back() -> None:
    """Gone since some nights is not over: near the bar patterns go and come back; three days are enough."""
    waiting = suggestion()
    gone = Outlook({}, {waiting.pattern_id: LATER - GONE}, {}, {})
    assert renew(waiting, gone, context(now=LATER - timedelta(microseconds=1))) is None
    assert retired(renew(waiting, gone, context(now=LATER))) == (
        "the habit that it follows is not seen any more"
    )


def test_what_falls_well_below_the_bar_is_taken_back() -> None:
    """Near the bar it stays, so that it does not come and go; well below it is retired."""
    waiting = suggestion()
    known = context(now=LATER)
    near, below = trial(0.75 - SLACK + 0.01), trial(0.75 - SLACK - 0.01)
    found = renew(waiting, outlook(waiting, near), known)
    assert found is not None
    assert found.status is Status.PENDING
    assert "64% of its runs would be wanted" in retired(renew(waiting, outlook(waiting, below), known))


def test_what_another_automation_does_meanwhile_is_taken_back() -> None:
    """A person built the same by hand: retired, as the conflict says."""
    waiting = suggestion()
    known = context(now=LATER, verdict=Verdict(conflict="Morning does the same"))
    assert retired(renew(waiting, outlook(waiting), known)) == "Morning does the same"


def test_what_is_not_safe_is_taken_back() -> None:
    """What would be refused even when approved does not wait for an approval."""
    waiting = suggestion()
    known = context(now=LATER, verdict=Verdict(problem="a lock; light.x is not known", refusal="a lock"))
    assert retired(renew(waiting, outlook(waiting), known)) == "a lock"


def test_of_two_in_each_others_way_the_better_one_stays() -> None:
    """Each is held against what is deployed and against the better ones, as they are from now on."""
    names = ("light.best", "light.good", "light.fair")
    waiting = [suggestion(offer(name, trial=trial(per_day=4 - at))) for at, name in enumerate(names)]
    best, good, fair = waiting
    deployed = suggestion(offer("light.there"), status=Status.DEPLOYED)
    rejected = suggestion(offer("light.no"), status=Status.REJECTED)
    seen: dict[str, list[str]] = {}

    def look(automation: Any, _trial: object, others: list[Suggestion]) -> Verdict:
        entity_id = automation.actions[0].entity_id
        seen[entity_id] = [each.id for each in others if each.status is not Status.RETIRED]
        return Verdict(conflict="in its way" if entity_id == "light.good" else "")

    known = context([fair, rejected, good, deployed, best], now=LATER)
    object.__setattr__(known, "check", look)
    patterns = {each.pattern_id: False for each in waiting}
    ((before, after),) = renew_all(Outlook(patterns, {}, {}, {}), known)
    assert (before, retired(after)) == (good, "in its way")
    assert seen == {
        "light.best": [deployed.id],
        "light.good": [deployed.id, best.id],
        "light.fair": [deployed.id, best.id],
    }


def test_a_habit_that_moves_to_what_was_dismissed_is_taken_back() -> None:
    """It does not follow a habit to the moment that a person has rejected."""
    rejected = suggestion(status=Status.REJECTED)
    waiting = suggestion(offer(pattern=offer("light.other").pattern, automation=automation(minute=500)))
    moved = outlook(waiting, automation=automation(minute=440))
    known = context([rejected, waiting], now=LATER)
    assert retired(renew(waiting, moved, known)) == "the habit has moved to what was dismissed before"
    found = renew(waiting, outlook(waiting, automation=automation(minute=480)), known)
    assert found is not None
    assert found.automation == automation(minute=480)


def test_what_is_not_there_for_a_moment_is_not_taken_back() -> None:
    """An entity that Home Assistant does not know just now retires nothing: deploying will look again."""
    waiting = suggestion()
    known = context(now=LATER, verdict=Verdict(problem="light.hall is not known"))
    assert renew(waiting, outlook(waiting), known) is None


def test_what_stands_in_home_assistant_is_not_taken_back() -> None:
    """A change of what is deployed waits: the deployed one would be left behind, and explains the habit."""
    change = suggestion(ha_automation_id="haai_1", ha_entity_id="automation.ours")
    automated = Outlook({change.pattern_id: True}, {}, {}, {})
    for found in (automated, GONE_FOR_GOOD):
        assert renew(change, found, context(now=LATER)) is None


def test_what_was_put_off_waits_until_its_time_is_over() -> None:
    """Until then nothing changes but its end; then it is there again, tried anew."""
    put_off = suggestion(snoozed_until=LATER + timedelta(hours=1))
    better = outlook(put_off, trial(0.8))
    assert renew(put_off, better, context(now=LATER)) is None
    assert retired(renew(put_off, GONE_FOR_GOOD, context(now=LATER)))
    found = renew(put_off, better, context(now=LATER + timedelta(hours=1)))
    assert found is not None
    assert (found.snoozed_until, found.trial, found.status) == (None, trial(0.8), Status.PENDING)


def test_what_a_person_modified_keeps_its_automation() -> None:
    """Neither a better variant nor a poor trial takes away what a person has chosen; a lost habit does."""
    waiting = suggestion(offer(automation=automation(minute=300)))
    known = context(now=LATER, feedback=[opinion(Opinion.MODIFIED, waiting.id)])
    found = renew(waiting, outlook(waiting, trial(0.3), automation=automation(minute=450)), known)
    assert found is not None
    assert (found.automation, found.trial, found.status) == (waiting.automation, trial(0.3), Status.PENDING)
    assert retired(renew(waiting, GONE_FOR_GOOD, known))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (automation(minute=410), True),
        (automation(minute=431), False),
        (automation(service="turn_off"), False),
        (automation(trigger=SunTrigger(event="sunrise")), False),
        (automation(conditions=(Weekday(days=(0, 1)),)), False),
    ],
)
def test_what_is_another_automation(other: object, same: bool) -> None:  # noqa: FBT001 a table's column
    """A few minutes are not, anything else is."""
    assert is_hardly_another(automation(minute=420), other) is same  # type: ignore[arg-type]


def test_learned_numbers_may_wander() -> None:
    """Hours and brightness that are learned differ a little every night; weekdays never do."""
    lamp = [
        Action(service="light.turn_on", entity_id="light.hall", data={"brightness": value})
        for value in (120.0, 125.0, 200.0)
    ]
    dim, same, bright = (automation(actions=(each,)) for each in lamp)
    assert is_hardly_another(dim, same)
    assert not is_hardly_another(dim, bright)
    evening = [automation(conditions=(Hours(after=after, before=23),)) for after in (17, 17.4, 18.2)]
    assert is_hardly_another(evening[0], evening[1])
    assert not is_hardly_another(evening[0], evening[2])
    days = [automation(conditions=(Weekday(days=each),)) for each in ((5, 6), (5, 4))]
    assert not is_hardly_another(*days)
