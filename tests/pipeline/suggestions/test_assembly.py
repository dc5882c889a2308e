from datetime import timedelta

import pytest
import yaml

from pipeline.automations.render import render
from pipeline.suggestions.assembly import assemble, confidence, renewed, returned
from schemas.suggestions import Experience, Status
from tests.fixtures.offers import NOW, automation, offer, pattern, suggestion, trial


def test_a_suggestion_holds_all_that_a_person_has_to_know() -> None:
    """Words, proof, automation and its text are there, and it waits for an answer."""
    of = offer(share=0.9)
    made = assemble(of, experience=Experience(kept=2), now=NOW)
    assert made.status is Status.PENDING
    assert (made.version, made.created_at, made.updated_at) == (1, NOW, NOW)
    assert (made.pattern_id, made.trial, made.automation) == (of.pattern.id, of.trial, of.automation)
    assert made.confidence == pytest.approx(0.9)
    assert made.experience.kept == 2
    assert "07:00" in made.title
    assert made.description


def test_the_text_to_copy_is_what_home_assistant_is_told() -> None:
    """The YAML reads back as exactly the configuration that is deployed."""
    made = suggestion()
    told = render(made.automation, title=made.title, description=made.description)
    assert yaml.safe_load(made.automation_yaml) == told


def test_the_id_follows_from_the_pattern_alone() -> None:
    """Another time, other figures: still the same suggestion; another pattern: another one."""
    at_seven = pattern()
    one, later = (offer(pattern=at_seven, automation=automation(minute=minute)) for minute in (420, 440))
    assert suggestion(one).id == suggestion(later, now=NOW + timedelta(days=3)).id
    assert suggestion(offer("light.bath")).id != suggestion(one).id


def test_each_dismissal_gives_the_next_an_id_of_its_own() -> None:
    """What people did not want stays as it was settled, and is never written over."""
    made = [assemble(offer(), experience=Experience(), now=NOW, dismissals=number) for number in range(3)]
    assert len({each.id for each in made}) == 3
    assert made[0].id == suggestion().id


def test_what_comes_back_is_the_same_suggestion() -> None:
    """It waits again as made now; its version grows only if a person would approve something else."""
    later = NOW + timedelta(days=9)
    before = suggestion(status=Status.RETIRED, reason="not seen any more", version=3)
    same = returned(before, offer(trial=trial(0.95)), experience=Experience(), now=later)
    assert (same.id, same.status, same.reason, same.version) == (before.id, Status.PENDING, "", 3)
    assert (same.created_at, same.updated_at, same.trial) == (later, later, trial(0.95))
    assert same.content_hash == before.content_hash
    other = returned(before, offer(automation=automation(minute=450)), experience=Experience(), now=later)
    assert (other.version, other.automation) == (4, automation(minute=450))


def test_new_figures_leave_the_version() -> None:
    """What a person would approve is the same: buttons and commands that name it stay good."""
    before = suggestion()
    after = renewed(
        before,
        automation=before.automation,
        trial=trial(0.8),
        experience=Experience(undone=3, probability=0.3),
        conflicts=("Touched by Evening.",),
        now=NOW + timedelta(days=1),
    )
    assert (after.version, after.content_hash) == (before.version, before.content_hash)
    assert after.confidence == pytest.approx(0.8)
    assert after.experience.undone == 3
    assert (after.created_at, after.updated_at) == (NOW, NOW + timedelta(days=1))


def test_another_automation_is_another_version() -> None:
    """With another time, title, text and hash are others, and the version grows by one."""
    before = suggestion()
    after = renewed(
        before,
        automation=automation(minute=450),
        trial=before.trial,
        experience=before.experience,
        conflicts=(),
        now=NOW,
    )
    assert after.version == before.version + 1
    assert after.content_hash != before.content_hash
    assert "07:30" in after.title
    assert "07:30:00" in after.automation_yaml


def test_what_will_never_run_is_not_trusted() -> None:
    """An automation without a run to come has no confidence."""
    assert confidence(trial(per_day=0)) == 0
