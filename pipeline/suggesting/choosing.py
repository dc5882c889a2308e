"""Which offers become suggestions: none that is known, within the day's budget, the best first."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pipeline.suggesting.assembly import Offer, assemble, confidence
from pipeline.suggesting.experience import bar, experience
from schemas.automations import (
    Automation,
    MqttTrigger,
    NumericTrigger,
    StateTrigger,
    SunTrigger,
    TimeTrigger,
    Trigger,
)
from schemas.suggestions import STANDING, Experience, Suggestion, Trial, UserFeedback

DAY_MINUTES = 1440
# Two habits of one entity that are so near to each other are one to whoever is asked.
NEAR_MINUTES = 45


class Sun(NamedTuple):
    """Sunrise and sunset of a day in local minutes."""

    sunrise: float
    sunset: float


class Verdict(NamedTuple):
    """What speaks against an automation.

    `problem`: it is not safe, or cannot run there. `conflict`: another one stands in its way. Both are empty
    where nothing does. `told` has to be told of it.
    """

    problem: str = ""
    conflict: str = ""
    told: tuple[str, ...] = ()


Scrutinise = Callable[[Automation, Trial, Sequence[Suggestion]], Verdict]


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when offers are looked at.

    Attributes
    ----------
    suggestions
        All that there were, whatever became of them.
    feedback
        All that people said and did.
    minimum
        The confidence that a suggestion needs at least.
    scrutinise
        Holds an automation against what is safe, what there is, and other suggestions.
    """

    now: datetime
    sun: Sun
    suggestions: Sequence[Suggestion]
    feedback: Sequence[UserFeedback]
    minimum: float
    scrutinise: Scrutinise

    def experience(self, offer: Offer | Suggestion) -> Experience:
        """What people made of suggestions like it."""
        pattern_type = offer.pattern.pattern_type if isinstance(offer, Offer) else offer.pattern_type
        return experience(self.feedback, pattern_type, domain(offer.automation))


class PassedOver(NamedTuple):
    """An offer that is not made, and why."""

    offer: Offer
    reason: str


def choose(
    offers: Iterable[Offer], situation: Situation, *, room: int
) -> tuple[list[Suggestion], list[PassedOver]]:
    """Return at most `room` new suggestions, the best first, and what is not suggested."""
    chosen: list[Suggestion] = []
    passed: list[PassedOver] = []
    known = [(offer, situation.experience(offer)) for offer in offers]
    for offer, lived in sorted(known, key=lambda each: (-worth(each[0].trial, each[1]), each[0].id)):
        verdict = _judge(offer, lived, situation, chosen)
        against = verdict.problem or verdict.conflict
        if not against and len(chosen) >= room:
            against = "there were enough suggestions today"
        if against:
            passed.append(PassedOver(offer, against))
        else:
            chosen.append(assemble(offer, experience=lived, conflicts=verdict.told, now=situation.now))
    return chosen, passed


def worth(trial: Trial, lived: Experience) -> float:
    """What a suggestion is expected to bring a day: its regret, weighted with how likely it is kept.

    What is expected to cost more than it brings (regret above 0) costs the less, the likelier it is kept.

    Examples
    --------
    >>> from datetime import date
    >>> day, counts = date(2026, 3, 1), dict.fromkeys(("days", "fired", "wanted", "unwanted", "missed"), 0)
    >>> tried = Trial(
    ...     first_day=day, last_day=day, wanted_per_day=1, unwanted_per_day=0, regret=-0.8, **counts
    ... )
    >>> worth(tried, Experience(probability=0.5)), worth(tried, Experience(probability=0.75))
    (0.4, 0.6)
    """
    share = lived.probability if trial.regret <= 0 else 1 - lived.probability
    return -trial.regret * share


def room_today(suggestions: Iterable[Suggestion], *, budget: int, now: datetime, zone: ZoneInfo) -> int:
    """How many suggestions may still be made on the local day of `now`."""
    today = now.astimezone(zone).date()
    return max(0, budget - sum(each.created_at.astimezone(zone).date() == today for each in suggestions))


def is_repeat(one: Automation, other: Automation, sun: Sun) -> bool:
    """Whether two automations do the same to the same entity on what is to people the same occasion."""
    deeds = {(action.service, action.entity_id) for action in one.actions}
    if deeds.isdisjoint((action.service, action.entity_id) for action in other.actions):
        return False
    return is_near(one.trigger, other.trigger, sun)


def is_near(one: Trigger, other: Trigger, sun: Sun) -> bool:
    """Whether two triggers are the same entity or topic, or at most 45 minutes apart.

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
    apart = abs(mine - others) % DAY_MINUTES
    return min(apart, DAY_MINUTES - apart) <= NEAR_MINUTES


def domain(automation: Automation) -> str:
    """The domain of what an automation acts on first.

    Examples
    --------
    >>> from schemas.automations import Action
    >>> lamp = Action(service="light.turn_on", entity_id="light.hall")
    >>> domain(Automation(trigger=TimeTrigger(minute=0), actions=(lamp,)))
    'light'
    """
    return automation.actions[0].entity_id.partition(".")[0]


def _judge(offer: Offer, lived: Experience, situation: Situation, chosen: Sequence[Suggestion]) -> Verdict:
    """What speaks against an offer, cheapest first."""
    for known in chain(situation.suggestions, chosen):
        if known.id == offer.id or is_repeat(offer.automation, known.automation, situation.sun):
            return Verdict(f"it is known as {known.id}, which is {known.status.value}")
    needed = bar(situation.minimum, lived)
    if confidence(offer.trial) < needed:
        return Verdict(f"it reaches {confidence(offer.trial):.2f} where {needed:.2f} are needed")
    standing = [each for each in situation.suggestions if each.status in STANDING]
    return situation.scrutinise(offer.automation, offer.trial, [*standing, *chosen])


def _minute(trigger: Trigger, sun: Sun) -> float | None:
    match trigger:
        case TimeTrigger():
            return trigger.minute
        case SunTrigger():
            return (sun.sunrise if trigger.event == "sunrise" else sun.sunset) + trigger.offset_minutes
        case _:
            return None


def _source(trigger: Trigger) -> str:
    """The entity or topic that a trigger listens to; none for times."""
    match trigger:
        case StateTrigger() | NumericTrigger():
            return trigger.entity_id
        case MqttTrigger():
            return trigger.topic
        case _:
            return ""
