"""Suggestions put together: what was tried on the past, in words and as Home Assistant is told it."""

from collections.abc import Sequence
from datetime import datetime

from pipeline.suggesting.rendering import as_yaml, render
from pipeline.suggesting.words import category, description, priority, title
from schemas.automations import Automation
from schemas.patterns import Pattern, Schema
from schemas.suggestions import Experience, Suggestion, Trial, suggestion_id


class Offer(Schema):
    """The best automation for a pattern, and what it would have done."""

    pattern: Pattern
    automation: Automation
    trial: Trial

    @property
    def id(self) -> str:
        """The id of the suggestion that it makes: one pattern is suggested under one id, for ever."""
        return suggestion_id(self.pattern.home, self.pattern.id)


def assemble(offer: Offer, *, experience: Experience, conflicts: Sequence[str], now: datetime) -> Suggestion:
    """Return the suggestion that an offer makes, at `now`; `conflicts` tells what else touches it."""
    return Suggestion(
        id=offer.id,
        home=offer.pattern.home,
        pattern_id=offer.pattern.id,
        pattern_type=offer.pattern.pattern_type,
        created_at=now,
        updated_at=now,
        experience=experience,
        conflicts=tuple(conflicts),
        **_said(offer.automation, offer.trial),
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
    """The share of the runs to come that somebody wants, as a trial forecasts it; 0 where none will come.

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
    """The fields that follow from what is proposed and how it did."""
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
