from pipeline.suggestions.selection import NOT_COMPARED, check
from schemas.automations import Action
from schemas.catalogue import Catalogue, KnownAutomation, KnownEntity
from schemas.suggestions import Status
from tests.fixtures.offers import automation, offer, suggestion, trial

LAMP = automation()


def catalogue(*automations: KnownAutomation) -> Catalogue:
    """A home with one light in the hall."""
    return Catalogue(
        version=(2026, 11),
        entities={"light.hall": KnownEntity("light.hall")},
        services=frozenset({"light.turn_on", "light.turn_off"}),
        automations=automations,
    )


def existing(at: str = "07:00:00", service: str = "light.turn_on") -> KnownAutomation:
    """An automation that somebody wrote."""
    config = {
        "alias": "Morning",
        "trigger": [{"platform": "time", "at": at}],
        "action": [{"service": service, "target": {"entity_id": "light.hall"}}],
    }
    return KnownAutomation(
        "automation.morning", "1", "Morning", config=config, touches=frozenset({"light.hall"})
    )


def test_nothing_speaks_against_what_is_safe_known_and_new() -> None:
    """There is no problem, no conflict and nothing to tell."""
    assert check(LAMP, trial(), [], catalogue=catalogue()) == ("", "", (), "")


def test_without_home_assistant_that_is_told() -> None:
    """Where Home Assistant was not asked, names alone are judged, and that is told."""
    verdict = check(LAMP, trial(), [], catalogue=None)
    assert verdict == ("", "", (NOT_COMPARED,), "")


def test_what_is_refused_is_a_problem_also_without_home_assistant() -> None:
    """A service that is not allowed, and too many runs, are problems, each told."""
    unlock = automation(actions=(Action(service="lock.unlock", entity_id="lock.front"),))
    busy = trial(fired=30 * 1000)
    verdict = check(unlock, busy, [], catalogue=None)
    assert "lock.unlock" in verdict.problem
    assert "1000 times a day" in verdict.problem
    assert verdict.refusal == verdict.problem
    assert check(unlock, trial(), [], catalogue=catalogue()).problem


def test_what_home_assistant_does_not_know_is_a_problem() -> None:
    """An entity that is not there is named."""
    verdict = check(automation("light.gone"), trial(), [], catalogue=catalogue())
    assert "light.gone" in verdict.problem
    assert verdict.refusal == ""


def test_what_is_there_already_is_a_conflict() -> None:
    """The same, and the opposite at the same time, stand in the way."""
    for there in (existing(), existing(service="light.turn_off")):
        verdict = check(LAMP, trial(), [], catalogue=catalogue(there))
        assert "Morning" in verdict.conflict
        assert verdict.problem == ""


def test_what_cannot_be_looked_into_is_told() -> None:
    """An automation that we may not read and that uses the same light stands beside, and is told."""
    unread = KnownAutomation(
        "automation.evening", "2", "Evening", config=None, touches=frozenset({"light.hall"})
    )
    verdict = check(LAMP, trial(), [], catalogue=catalogue(unread))
    assert (verdict.problem, verdict.conflict) == ("", "")
    assert len(verdict.told) == 1
    assert "Evening" in verdict.told[0]


def test_suggestions_stand_in_each_others_way() -> None:
    """One that does the same is a conflict while it stands, and none once it is rejected."""
    other = suggestion(offer(pattern=offer("light.other").pattern))
    assert check(LAMP, trial(), [other], catalogue=catalogue()).conflict
    rejected = other.model_copy(update={"status": Status.REJECTED})
    assert check(LAMP, trial(), [rejected], catalogue=catalogue()).conflict == ""
