"""State transitions of a suggestion when its automation is deployed, is removed, or cannot be deployed."""

from datetime import datetime

from schemas.commands import SignedCommand, Verb
from schemas.suggestions import LONGEST_REASON, Status, Suggestion


def standing(
    suggestion: Suggestion,
    content: Suggestion,
    approval: SignedCommand,
    *,
    automation_id: str,
    entity_id: str,
    now: datetime,
) -> Suggestion:
    """Return the suggestion after `content`, a version of it, was deployed.

    Rolled back, it is that version again in everything that is proposed, under a number that no version has
    had. What was changed since it was approved waits for an approval of its own.
    """
    placed = {"ha_automation_id": automation_id, "ha_entity_id": entity_id, "updated_at": now}
    deployed = {"status": Status.DEPLOYED, "snoozed_until": None, "reason": ""}
    if suggestion.content_hash == content.content_hash:
        return suggestion.model_copy(update=placed | deployed)
    if approval.verb is Verb.DEPLOY:
        return suggestion.model_copy(update=placed)
    again = {"version": suggestion.version + 1, "created_at": suggestion.created_at}
    return content.model_copy(update=placed | deployed | again)


def retired(suggestion: Suggestion, reason: str, now: datetime) -> Suggestion:
    """Return the suggestion after its automation was removed; a pending change of it stays pending."""
    update: dict[str, object] = {"ha_automation_id": None, "ha_entity_id": None, "updated_at": now}
    if suggestion.status in {Status.APPROVED, Status.DEPLOYED}:
        update |= {"status": Status.RETIRED, "reason": reason[:LONGEST_REASON]}
    return suggestion.model_copy(update=update)


def given_up(suggestion: Suggestion, reason: str, now: datetime) -> Suggestion:
    """Return the suggestion after its deployment was given up: a person may approve it again."""
    update: dict[str, object] = {"updated_at": now}
    if suggestion.status is Status.APPROVED:
        update |= {"status": Status.PENDING, "reason": reason[:LONGEST_REASON]}
    return suggestion.model_copy(update=update)


def noted(suggestion: Suggestion, reason: str, now: datetime) -> Suggestion:
    """Return the suggestion with a remark as its reason."""
    return suggestion.model_copy(update={"reason": reason[:LONGEST_REASON], "updated_at": now})
