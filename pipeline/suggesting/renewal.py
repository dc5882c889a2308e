"""What becomes of suggestions that wait for an answer, when the days behind them go on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import isclose

from pipeline.suggesting.assembly import Offer, confidence, renewed
from pipeline.suggesting.choosing import Situation
from pipeline.suggesting.experience import bar
from schemas.automations import Automation
from schemas.suggestions import LONGEST_REASON, Opinion, Status, Suggestion, Trial

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
    """What the days up to now say of the suggestions that wait.

    Attributes
    ----------
    patterns
        The ids of the patterns that are active, and whether an automation is what they follow from.
    offers
        What would be suggested now, by the suggestion's id.
    trials
        Each suggestion that waits, as it stands, tried again; by its id.
    """

    patterns: Mapping[str, bool]
    offers: Mapping[str, Offer]
    trials: Mapping[str, Trial]


def renew(suggestion: Suggestion, outlook: Outlook, situation: Situation) -> Suggestion | None:
    """Return a pending suggestion as it has to be from now on; None if it may stay as it is.

    It is retired where nothing speaks for it any more. It gets its new trial, and the automation that would
    be suggested now, when either differs noticeably. One that a person has put off is left alone until its
    time is over; one that a person has modified keeps its automation, however it does.
    """
    if (lost := _lost(suggestion, outlook)) is not None:
        return _retired(suggestion, lost, situation)
    snoozed = suggestion.snoozed_until
    if snoozed is not None and snoozed > situation.now:
        return None
    is_modified = _is_modified(suggestion, situation)
    automation, trial = _anew(suggestion, None if is_modified else outlook.offers.get(suggestion.id), outlook)
    lived = situation.experience(suggestion)
    needed = bar(situation.minimum, lived) - SLACK
    if not is_modified and confidence(trial) < needed:
        reason = f"tried again, {confidence(trial):.0%} of its runs would be wanted, too few"
        return _retired(suggestion, reason, situation)
    verdict = situation.scrutinise(automation, trial, ())
    if verdict.conflict:
        return _retired(suggestion, verdict.conflict, situation)
    found = renewed(
        suggestion,
        automation=automation,
        trial=trial,
        experience=lived,
        conflicts=verdict.told,
        now=situation.now,
    )
    if snoozed is not None:
        return found.model_copy(update={"snoozed_until": None})
    return found if _is_noticed(suggestion, found) else None


def _lost(suggestion: Suggestion, outlook: Outlook) -> str | None:
    """Why nothing speaks for a suggestion any more."""
    automated = outlook.patterns.get(suggestion.pattern_id)
    if automated is None:
        return "the habit that it follows is not seen any more"
    return "an automation does it already" if automated else None


def _is_modified(suggestion: Suggestion, situation: Situation) -> bool:
    return any(
        each.suggestion_id == suggestion.id and each.opinion is Opinion.MODIFIED
        for each in situation.feedback
    )


def _anew(suggestion: Suggestion, offer: Offer | None, outlook: Outlook) -> tuple[Automation, Trial]:
    """What would be suggested now; what stands, tried again, where that is hardly another."""
    if offer is None or is_hardly_another(suggestion.automation, offer.automation):
        return suggestion.automation, outlook.trials.get(suggestion.id, suggestion.trial)
    return offer.automation, offer.trial


def is_hardly_another(one: Automation, other: Automation) -> bool:
    """Whether two automations are the same to people.

    Examples
    --------
    >>> from schemas.automations import Action, TimeTrigger
    >>> lamp = Action(service="light.turn_on", entity_id="light.hall")
    >>> at = [Automation(trigger=TimeTrigger(minute=minute), actions=(lamp,)) for minute in (420, 425, 435)]
    >>> is_hardly_another(at[0], at[1]), is_hardly_another(at[0], at[2])
    (True, False)
    """
    return _is_alike("", one.model_dump(), other.model_dump())


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


def _retired(suggestion: Suggestion, reason: str, situation: Situation) -> Suggestion:
    return suggestion.model_copy(
        update={
            "status": Status.RETIRED,
            "reason": reason[:LONGEST_REASON],
            "snoozed_until": None,
            "updated_at": situation.now,
        }
    )


def _is_noticed(before: Suggestion, after: Suggestion) -> bool:
    return (
        after.version != before.version
        or abs(after.confidence - before.confidence) >= NOTICED
        or after.trial.last_day - before.trial.last_day >= STALE
    )
