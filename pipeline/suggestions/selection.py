"""Selection of offers to suggest: the best first, no repeats, within the day's budget."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pipeline.automations.conflicts import conflicts
from pipeline.automations.safety import refusals, runs_too_often
from pipeline.automations.validate import problems
from pipeline.suggestions.assembly import Offer, assemble, returned
from pipeline.suggestions.experience import bar, experience
from pipeline.suggestions.repeats import SuggestionHistory, Sun
from schemas.automations import Automation
from schemas.catalogue import Catalogue
from schemas.suggestions import STANDING, Experience, Suggestion, Trial, UserFeedback

TOUCHES = "touches"
NOT_COMPARED = (
    "Home Assistant was not asked what there is, so it was not compared with the automations there."
)


class Verdict(NamedTuple):
    """Result of the check of an automation: what speaks against it.

    `problem`: it is not safe, or cannot run there. `conflict`: another one stands in its way. Both are empty
    where nothing does. `told` has to be told of it. `refusal`: that part of the problem for which it is not
    safe, and which does not pass by itself.
    """

    problem: str = ""
    conflict: str = ""
    told: tuple[str, ...] = ()
    refusal: str = ""


Check = Callable[[Automation, Trial, Sequence[Suggestion]], Verdict]


@dataclass(frozen=True, slots=True)
class SelectionContext:
    """Data that the selection of offers depends on.

    Attributes
    ----------
    suggestions
        All that there were, whatever became of them.
    feedback
        All that people said and did.
    minimum
        The confidence that a suggestion needs at least.
    check
        Holds an automation against what is safe, what there is, and other suggestions.
    """

    now: datetime
    sun: Sun
    suggestions: Sequence[Suggestion]
    feedback: Sequence[UserFeedback]
    minimum: float
    check: Check

    def experience(self, offer: Offer | Suggestion) -> Experience:
        """Return the feedback on suggestions of the same kind."""
        pattern_type = offer.pattern.pattern_type if isinstance(offer, Offer) else offer.pattern_type
        return experience(self.feedback, pattern_type, offer.automation.domain)

    def history(self) -> SuggestionHistory:
        """Return the history of suggestions and dismissals."""
        return SuggestionHistory.of(self.suggestions, self.feedback, self.sun)


class PassedOver(NamedTuple):
    """Offer that is not suggested, and why."""

    offer: Offer
    reason: str


def choose(
    offers: Iterable[Offer], context: SelectionContext, *, room: int
) -> tuple[list[Suggestion], list[PassedOver]]:
    """Return at most `room` new suggestions, the best first, and what is not suggested."""
    chosen: list[Suggestion] = []
    passed: list[PassedOver] = []
    history = context.history()
    known = [(offer, context.experience(offer)) for offer in offers]
    for offer, lived in sorted(known, key=lambda each: (-worth(each[0].trial, each[1]), each[0].pattern.id)):
        made = _make(offer, lived, context, history)
        verdict = _judge(made, context, history, chosen)
        against = verdict.problem or verdict.conflict
        if not against and len(chosen) >= room:
            against = "there were enough suggestions today"
        if against:
            passed.append(PassedOver(offer, against))
        else:
            chosen.append(made.model_copy(update={"conflicts": verdict.told}))
    return chosen, passed


def worth(trial: Trial, lived: Experience) -> float:
    """Return the expected gain of a suggestion a day, in saved actions, weighted by the odds that it is kept.

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
    """Return how many suggestions may still be made on the local day of `now`."""
    today = now.astimezone(zone).date()
    return max(0, budget - sum(each.created_at.astimezone(zone).date() == today for each in suggestions))


def _make(
    offer: Offer, lived: Experience, context: SelectionContext, history: SuggestionHistory
) -> Suggestion:
    """Return the suggestion of an offer; a retired one returns, with what a person had changed."""
    made = assemble(offer, experience=lived, now=context.now, dismissals=history.dismissals(offer.pattern.id))
    before = history.returning(made.id)
    if before is None:
        return made
    is_modified = before.id in history.modified
    return returned(before, before if is_modified else offer, experience=lived, now=context.now)


def _judge(
    made: Suggestion, context: SelectionContext, history: SuggestionHistory, chosen: Sequence[Suggestion]
) -> Verdict:
    """Return what speaks against a suggestion; the cheapest checks come first."""
    if known := history.repeated(made.pattern_id, made.automation, chosen):
        return Verdict(f"it is known as {known.id}, which is {known.status.value}")
    needed = bar(context.minimum, made.experience)
    if made.confidence < needed:
        return Verdict(f"it reaches {made.confidence:.2f} where {needed:.2f} are needed")
    standing = [each for each in context.suggestions if each.status in STANDING]
    return context.check(made.automation, made.trial, [*standing, *chosen])


def check(
    automation: Automation, trial: Trial, others: Sequence[Suggestion], *, catalogue: Catalogue | None
) -> Verdict:
    """Return what speaks against an automation: safety rules, the catalogue, other automations."""
    refused = [*refusals(automation, catalogue), *runs_too_often(trial)]
    if wrong := [*refused, *problems(automation, catalogue)]:
        return Verdict(problem="; ".join(wrong), refusal="; ".join(refused))
    found = conflicts(automation, catalogue.automations if catalogue else (), others)
    told = tuple(each.text for each in found if each.kind == TOUCHES)
    return Verdict(
        conflict="; ".join(each.text for each in found if each.kind != TOUCHES),
        told=told if catalogue else (NOT_COMPARED, *told),
    )
