from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.automations import Action, Automation, TimeTrigger
from schemas.suggestions import Experience, Priority, Status, Suggestion, suggestion_id
from tests.fixtures.offers import NOW, suggestion, trial

LAMP = Action(service="light.turn_on", entity_id="light.hall")
APPROVED = {
    "automation": Automation(trigger=TimeTrigger(minute=421), actions=(LAMP,)),
    "description": "Another.",
    "title": "Another",
    "automation_yaml": "alias: Another\n",
    "id": "f" * 16,
}
NOT_APPROVED: dict[str, Any] = {
    "status": Status.APPROVED,
    "version": 2,
    "trial": trial(0.8),
    "confidence": 0.8,
    "priority": Priority.LOW,
    "experience": Experience(kept=3, probability=0.7),
    "conflicts": ("Touched by Evening.",),
    "updated_at": NOW + timedelta(days=1),
    "snoozed_until": NOW,
    "reason": "too early",
    "ha_automation_id": "haai_x",
    "ha_entity_id": "automation.x",
}


def test_reads_back() -> None:
    """A suggestion in JSON is the same suggestion again, with the same hash."""
    made = suggestion(ha_entity_id="automation.x", snoozed_until=NOW)
    found = Suggestion.model_validate_json(made.exact())
    assert (found, found.content_hash) == (made, made.content_hash)


@pytest.mark.parametrize("name", APPROVED)
def test_the_hash_covers_what_is_approved(name: str) -> None:
    """What would be deployed, and what is said of it: another one has another hash."""
    made = suggestion()
    assert made.model_copy(update={name: APPROVED[name]}).content_hash != made.content_hash


@pytest.mark.parametrize("name", NOT_APPROVED)
def test_the_hash_leaves_out_what_changes_by_itself(name: str) -> None:
    """Figures, times and what became of it leave a person's approval what it was."""
    made = suggestion()
    changed = made.model_copy(update={name: NOT_APPROVED[name]})
    assert changed != made
    assert changed.content_hash == made.content_hash


def test_every_field_is_looked_at() -> None:
    """Each field of a suggestion is either approved, or not, or says whose it is and when it was made."""
    origin = {"home", "pattern_id", "pattern_type", "category", "created_at"}
    assert APPROVED.keys() | NOT_APPROVED.keys() | origin == Suggestion.model_fields.keys()


@given(st.text(), st.text())
def test_words_cannot_move_between_title_and_description(title: str, description: str) -> None:
    """The hash tells where a text stands, not only what all the texts are."""
    made = suggestion().model_copy(update={"title": title, "description": description})
    turned = made.model_copy(update={"title": description, "description": title})
    assert (made.content_hash == turned.content_hash) == (title == description)


def test_the_automations_id_is_ours_for_every_version() -> None:
    """It begins with our prefix, and follows from the suggestion's id alone."""
    made = suggestion()
    newer = suggestion(version=2, title="Another")
    assert made.automation_id == newer.automation_id == f"haai_{made.id}"


def test_ids_follow_from_home_and_subject() -> None:
    """The same subject has the same id for ever, another home or another subject has another one."""
    one = suggestion_id("home", "a", "b")
    assert one == suggestion_id("home", "a", "b")
    assert len({one, suggestion_id("villa", "a", "b"), suggestion_id("home", "ab")}) == 3
    assert len(one) == 16
    assert int(one, 16) >= 0
