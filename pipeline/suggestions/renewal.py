"""Renewal of pending suggestions by the latest days: kept, changed or retired."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isclose
from typing import NamedTuple

from pipeline.suggestions.assembly import Offer, renewed
from pipeline.suggestions.experience import bar
from pipeline.suggestions.selection import SelectionContext, worth
from schemas.automations import Automation
from schemas.suggestions import LONGEST_REASON, STANDING, Opinion, Status, Suggestion, Trial

# Patterns near the bar are not found on one night in some, and found again on the next. One that was not
# found for so long is over.
GONE = timedelta(days=3)
# So far below the bar a suggestion may fall before it is taken back: near it, it would come and go.
SLACK = 0.1
# Less than these is nothing to tell anybody anew.
NOTICED = 0.05
STALE = timedelta(days=7)
# How far a part of an automation may wander from night to night and still be the same to people: as a share,
# and in its own unit.
WANDERING = {
    "minute": (0.0, 10.0),
    "offset_minutes": (0.0, 10.0),
    "after": (0.0, 0.5),
    "before": (0.0, 0.5),
    "above": (0.05, 0.0),
    "below": (0.05, 0.0),
    "for_seconds": (0.2, 5.0),
    "after_seconds": (0.2, 5.0),
    "brightness": (0.1, 0.0),
    "temperature": (0.0, 0.5),
    "percentage": (0.1, 0.0),
    "position": (0.1, 0.0),
}


@dataclass(frozen=True, slots=True)
class Outlook:
    """Evidence of the days up to now on the pending suggestions.

    Attributes
    ----------
    patterns
        The ids of the patterns that are active, and whether an automation is what they follow from.
    changed
        When each pattern last changed, by its id: for one that is not active, since when it is not.
    offers
        What would be suggested now, by the pattern's id.
    trials
        Each suggestion that waits, as it stands, tried again; by its id.
    """

    patterns: Mapping[str, bool]
    changed: Mapping[str, datetime]
    offers: Mapping[str, Offer]
    trials: Mapping[str, Trial]


class Renewed(NamedTuple):
    """Pending suggestion before and after its renewal."""

    before: Suggestion
    after: Suggestion


def renew_all(outlook: Outlook, context: SelectionContext) -> list[Renewed]:
    """Return the pending suggestions that cannot stay as they are.

    The best comes first and is held against what is approved or deployed, each other one also against the
    better ones as they are from now on: of two that stand in each other's way the better one stays.
    """
    settled = {each.id: each for each in context.suggestions if each.status in STANDING - {Status.PENDING}}
    waiting = [each for each in context.suggestions if each.status is Status.PENDING]
    found: list[Renewed] = []
    for each in sorted(waiting, key=lambda each: (-worth(each.trial, context.experience(each)), each.id)):
        after = renew(each, outlook, context, others=list(settled.values()))
        if after is not None:
            found.append(Renewed(each, after))
        settled[each.id] = after or each
    return found


def renew(
    suggestion: Suggestion, outlook: Outlook, context: SelectionContext, *, others: Sequence[Suggestion] = ()
) -> Suggestion | None:
    """Return a pending suggestion as it has to be from now on; None if it may stay as it is.

    It is retired where nothing speaks for it any more, where it is not safe, where one of the `others` stands
    in its way, and where its habit has become what people had dismissed. It gets its new trial, and the
    automation that would be suggested now, when either differs noticeably. One that a person has put off is
    left alone until its time is over; one that a person has modified keeps its automation, however it does;
    and while an earlier version of it stands in Home Assistant, only a person takes it back.
    """
    if suggestion.ha_automation_id is not None:
        return None
    if (lost := _lost(suggestion, outlook, context.now)) is not None:
        return _retired(suggestion, lost, context)
    snoozed = suggestion.snoozed_until
    if suggestion.is_snoozed(context.now):
        return None
    found = _anew(suggestion, outlook, context)
    verdict = context.check(found.automation, found.trial, others)
    if against := _shortcoming(suggestion, found, context) or verdict.refusal or verdict.conflict:
        return _retired(suggestion, against, context)
    found = found.model_copy(update={"conflicts": verdict.told})
    if snoozed is not None:
        return found.model_copy(update={"snoozed_until": None})
    return found if _is_noticed(suggestion, found) else None


def _lost(suggestion: Suggestion, outlook: Outlook, now: datetime) -> str | None:
    """Return why a suggestion's pattern no longer supports it; None if it does."""
    automated = outlook.patterns.get(suggestion.pattern_id)
    if automated is not None:
        return "an automation does it already" if automated else None
    gone_since = outlook.changed.get(suggestion.pattern_id)
    is_over = gone_since is None or now - gone_since >= GONE
    return "the habit that it follows is not seen any more" if is_over else None


def _is_modified(suggestion: Suggestion, context: SelectionContext) -> bool:
    return any(
        each.suggestion_id == suggestion.id and each.opinion is Opinion.MODIFIED for each in context.feedback
    )


def _anew(suggestion: Suggestion, outlook: Outlook, context: SelectionContext) -> Suggestion:
    """Return the suggestion as made now; with its present automation if the new one hardly differs."""
    offer = None if _is_modified(suggestion, context) else outlook.offers.get(suggestion.pattern_id)
    automation, trial = suggestion.automation, outlook.trials.get(suggestion.id, suggestion.trial)
    if offer is not None and not is_hardly_another(automation, offer.automation):
        automation, trial = offer.automation, offer.trial
    return renewed(
        suggestion,
        automation=automation,
        trial=trial,
        experience=context.experience(suggestion),
        conflicts=(),
        now=context.now,
    )


def _shortcoming(before: Suggestion, found: Suggestion, context: SelectionContext) -> str | None:
    """Return why a renewed suggestion is not good enough; None if it is."""
    if found.automation != before.automation and context.history().is_dismissed(found.automation):
        return "the habit has moved to what was dismissed before"
    needed = bar(context.minimum, found.experience) - SLACK
    if found.confidence < needed and not _is_modified(before, context):
        return f"tried again, {found.confidence:.0%} of its runs would be wanted, too few"
    return None


def is_hardly_another(one: Automation, other: Automation) -> bool:
    """Return whether two automations are the same to people.

    Examples
    --------
    >>> from schemas.automations import Action, TimeTrigger
    >>> lamp = Action(service="light.turn_on", entity_id="light.hall")
    >>> at = [Automation(trigger=TimeTrigger(minute=minute), actions=(lamp,)) for minute in (420, 425, 435)]
    >>> is_hardly_another(at[0], at[1]), is_hardly_another(at[0], at[2])
    (True, False)
    """
    return _is_alike("", one.model_dump(round_trip=True), other.model_dump(round_trip=True))


def _is_alike(name: str, one: object, other: object) -> bool:
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(_is_alike(key, one[key], other[key]) for key in one)
        case tuple(), tuple():
            return len(one) == len(other) and all(map(_is_alike, [name] * len(one), one, other))
        case (int() | float(), int() | float()) if name in WANDERING:
            share, distance = WANDERING[name]
            return isclose(one, other, rel_tol=share, abs_tol=distance)
        case _:
            return one == other


def _retired(suggestion: Suggestion, reason: str, context: SelectionContext) -> Suggestion:
    return suggestion.model_copy(
        update={
            "status": Status.RETIRED,
            "reason": reason[:LONGEST_REASON],
            "snoozed_until": None,
            "updated_at": context.now,
        }
    )


def _is_noticed(before: Suggestion, after: Suggestion) -> bool:
    return (
        after.version != before.version
        or abs(after.confidence - before.confidence) >= NOTICED
        or after.trial.last_day - before.trial.last_day >= STALE
    )
