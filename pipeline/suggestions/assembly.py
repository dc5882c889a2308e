"""Assembly of suggestions: a backtested automation with its texts and its YAML."""

from collections.abc import Sequence
from datetime import datetime

from pipeline.automations.render import as_yaml, render
from pipeline.wording.suggestions import category, description, priority, title
from schemas.automations import Automation
from schemas.patterns import Pattern
from schemas.payload import Schema
from schemas.suggestions import Experience, Status, Suggestion, Trial, suggestion_id


class Offer(Schema):
    """Best automation for a pattern, with its backtest."""

    pattern: Pattern
    automation: Automation
    trial: Trial


def assemble(offer: Offer, *, experience: Experience, now: datetime, dismissals: int = 0) -> Suggestion:
    """Return the suggestion that an offer makes, at `now`.

    A pattern is suggested under one id, whatever its figures are, until people did not want that: so many
    `dismissals` of suggestions of the pattern give the next an id of its own.
    """
    again = (str(dismissals),) if dismissals else ()
    return Suggestion(
        id=suggestion_id(offer.pattern.home, offer.pattern.id, *again),
        home=offer.pattern.home,
        pattern_id=offer.pattern.id,
        pattern_type=offer.pattern.pattern_type,
        created_at=now,
        updated_at=now,
        experience=experience,
        **_said(offer.automation, offer.trial),
    )


def returned(
    suggestion: Suggestion, made_of: Offer | Suggestion, *, experience: Experience, now: datetime
) -> Suggestion:
    """Return a suggestion that was taken back as it is made again, which counts as made `now`."""
    again = {"status": Status.PENDING, "created_at": now, "reason": "", "snoozed_until": None}
    return renewed(
        suggestion.model_copy(update=again),
        automation=made_of.automation,
        trial=made_of.trial,
        experience=experience,
        conflicts=(),
        now=now,
    )


def renewed(
    suggestion: Suggestion,
    *,
    automation: Automation,
    trial: Trial,
    experience: Experience,
    conflicts: Sequence[str],
    now: datetime,
) -> Suggestion:
    """Return a suggestion with another automation or another trial, as it is from `now` on.

    Its version grows if a person would approve something else than before, and only then: buttons and
    commands that name the same content stay good.
    """
    changed = suggestion.model_copy(
        update={
            "updated_at": now,
            "experience": experience,
            "conflicts": tuple(conflicts),
            **_said(automation, trial),
        }
    )
    if changed.content_hash == suggestion.content_hash:
        return changed
    return changed.model_copy(update={"version": suggestion.version + 1})


def confidence(trial: Trial) -> float:
    """Return the forecast precision of a trial, the share of wanted runs, 0 to 1; 0 if no runs are expected.

    Examples
    --------
    >>> from datetime import date
    >>> day, counts = date(2026, 3, 1), dict.fromkeys(("fired", "wanted", "unwanted", "missed"), 0)
    >>> tried = Trial(
    ...     first_day=day, last_day=day, days=1, wanted_per_day=0.9, unwanted_per_day=0.1, regret=-1, **counts
    ... )
    >>> confidence(tried)
    0.9
    """
    runs = trial.wanted_per_day + trial.unwanted_per_day
    return min(1.0, trial.wanted_per_day / runs) if runs else 0.0


def _said(automation: Automation, trial: Trial) -> dict[str, object]:
    """Return the fields of a suggestion that follow from its automation and its trial."""
    words = {"title": title(automation), "description": description(automation)}
    sure = confidence(trial)
    return {
        **words,
        "automation": automation,
        "automation_yaml": as_yaml(render(automation, **words)),
        "category": category(automation),
        "priority": priority(trial, sure),
        "confidence": sure,
        "trial": trial,
    }
