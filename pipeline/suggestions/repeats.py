"""Repeats: offers that people were shown or have dismissed before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.suggestions.experience import NOT_KEPT
from schemas.automations import (
    Automation,
    MqttTrigger,
    NumericTrigger,
    StateTrigger,
    SunTrigger,
    TimeTrigger,
    Trigger,
)
from schemas.circular_day import apart
from schemas.suggestions import Opinion, Status, Suggestion, UserFeedback

# Two habits of one entity that are so near to each other are one to whoever is asked.
NEAR_MINUTES = 45


class Sun(NamedTuple):
    """Sunrise and sunset of a day in local minutes."""

    sunrise: float
    sunset: float


@dataclass(frozen=True, slots=True)
class SuggestionHistory:
    """History of the suggestions in a home, with those that people dismissed.

    What a person rejected, undid or removed is dismissed for ever: the same done on the same occasion, or
    within 45 minutes of it, is not suggested again, whichever pattern it follows from. The same habit at a
    moment further off is another. What was taken back because nothing spoke for it any more may come back.

    Attributes
    ----------
    sun
        When it rises and sets now: by it moments at the sun are compared with those by the clock.
    suggestions
        All that there were.
    dismissed, modified
        The ids of those that people did not want, and of those that they had changed.
    """

    sun: Sun
    suggestions: Sequence[Suggestion]
    dismissed: frozenset[str]
    modified: frozenset[str]

    @classmethod
    def of(
        cls, suggestions: Sequence[Suggestion], feedback: Sequence[UserFeedback], sun: Sun
    ) -> "SuggestionHistory":
        """Return the history of suggestions and of the feedback on them."""
        unwanted = {each.suggestion_id for each in feedback if each.opinion in NOT_KEPT}
        dismissed = (
            each.id
            for each in suggestions
            if each.status is Status.REJECTED or (each.status is Status.RETIRED and each.id in unwanted)
        )
        modified = (each.suggestion_id for each in feedback if each.opinion is Opinion.MODIFIED)
        return cls(sun, suggestions, frozenset(dismissed), frozenset(modified))

    def repeated(
        self, pattern_id: str, automation: Automation, also: Iterable[Suggestion] = ()
    ) -> Suggestion | None:
        """Return the suggestion, known or in `also`, that an automation of a pattern would repeat."""
        known = (each for each in (*self.suggestions, *also) if not self._may_return(each))
        return next((each for each in known if self._repeats(each, pattern_id, automation)), None)

    def is_dismissed(self, automation: Automation) -> bool:
        """Return whether people dismissed an automation, whichever pattern it followed from."""
        return any(
            each.id in self.dismissed and is_repeat(each.automation, automation, self.sun)
            for each in self.suggestions
        )

    def dismissals(self, pattern_id: str) -> int:
        """Return how many suggestions of a pattern people dismissed."""
        return sum(each.pattern_id == pattern_id for each in self.suggestions if each.id in self.dismissed)

    def returning(self, suggestion_id: str) -> Suggestion | None:
        """Return the suggestion of an id if it was retired and nobody had dismissed it."""
        taken_back = (each for each in self.suggestions if self._may_return(each))
        return next((each for each in taken_back if each.id == suggestion_id), None)

    def _may_return(self, suggestion: Suggestion) -> bool:
        return suggestion.status is Status.RETIRED and suggestion.id not in self.dismissed

    def _repeats(self, known: Suggestion, pattern_id: str, automation: Automation) -> bool:
        if known.pattern_id != pattern_id:
            return is_repeat(known.automation, automation, self.sun)
        # What a person had changed no longer tells the moment of the habit that was dismissed.
        is_comparable = known.id in self.dismissed and known.id not in self.modified
        return not (is_comparable and has_moved(known.automation, automation, self.sun))


def is_repeat(one: Automation, other: Automation, sun: Sun) -> bool:
    """Return whether two automations do the same to an entity on what people take for the same occasion."""
    deeds = {(action.service, action.entity_id) for action in one.actions}
    if deeds.isdisjoint((action.service, action.entity_id) for action in other.actions):
        return False
    return is_near(one.trigger, other.trigger, sun)


def has_moved(one: Automation, other: Automation, sun: Sun) -> bool:
    """Return whether two automations of a pattern run at clearly different times of the day."""
    by_clock = None not in (_minute(one.trigger, sun), _minute(other.trigger, sun))
    return by_clock and not is_near(one.trigger, other.trigger, sun)


def is_near(one: Trigger, other: Trigger, sun: Sun) -> bool:
    """Return whether two triggers have the same entity or topic, or are at most 45 minutes apart.

    Examples
    --------
    >>> sun = Sun(sunrise=300, sunset=1260)
    >>> is_near(TimeTrigger(minute=1235), SunTrigger(event="sunset"), sun)
    True
    >>> is_near(TimeTrigger(minute=1425), TimeTrigger(minute=20), sun)
    True
    >>> is_near(TimeTrigger(minute=420), TimeTrigger(minute=466), sun)
    False
    """
    mine, others = _minute(one, sun), _minute(other, sun)
    if mine is None or others is None:
        return _source(one) == _source(other)
    return apart(mine, others) <= NEAR_MINUTES


def _minute(trigger: Trigger, sun: Sun) -> float | None:
    match trigger:
        case TimeTrigger():
            return trigger.minute
        case SunTrigger():
            return (sun.sunrise if trigger.event == "sunrise" else sun.sunset) + trigger.offset_minutes
        case _:
            return None


def _source(trigger: Trigger) -> str:
    """Return the entity or topic that a trigger listens to; empty for times."""
    match trigger:
        case StateTrigger() | NumericTrigger():
            return trigger.entity_id
        case MqttTrigger():
            return trigger.topic
        case _:
            return ""
