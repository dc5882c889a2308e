"""Offers, suggestions and opinions of a small home, as tests need them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from pipeline.suggestions.assembly import Offer, assemble
from pipeline.suggestions.repeats import Sun
from pipeline.suggestions.selection import SelectionContext, Verdict
from schemas.automations import Action, Automation, TimeTrigger
from schemas.patterns import Evidence, Pattern, PatternType, TimeOfDayDetail
from schemas.suggestions import Experience, Opinion, Suggestion, Trial, UserFeedback

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
YESTERDAY = date(2026, 11, 19)
SUN = Sun(sunrise=450, sunset=975)
_numbers = count()


def pattern(entity_id: str = "light.hall", minute: float = 420, **detail: Any) -> Pattern:
    """A habit of the clock."""
    evidence = Evidence(
        opportunities=30, hits=27, misses=3, base_rate=0.05, lift=18, interval=(0.7, 0.97), e_value=1e9
    )
    said = {"state": "on", "spread_minutes": 5, "days": tuple(range(7)), "anchor": "clock", **detail}
    return Pattern.of(
        TimeOfDayDetail(entity_id=entity_id, minute=minute, **said),
        home="home",
        confidence=0.9,
        occurrences=27,
        first_seen=NOW - timedelta(days=30),
        last_seen=NOW,
        evidence=evidence,
    )


def trial(share: float = 0.9, *, per_day: float = 1.0, last_day: date = YESTERDAY, **fields: Any) -> Trial:
    """A trial that lets expect so many runs a day, and that share of them wanted."""
    wanted = round(30 * per_day * share)
    fired = round(30 * per_day)
    figures = {
        "first_day": last_day - timedelta(days=29),
        "last_day": last_day,
        "days": 30,
        "fired": fired,
        "wanted": wanted,
        "unwanted": fired - wanted,
        "missed": 0,
        "wanted_per_day": per_day * share,
        "unwanted_per_day": per_day * (1 - share),
        "regret": per_day * (3 * (1 - share) - share),
    }
    return Trial(**{**figures, **fields})


def automation(
    entity_id: str = "light.hall", minute: int = 420, service: str = "turn_on", **fields: Any
) -> Automation:
    """Something that is switched at a time."""
    action = Action(service=f"{entity_id.partition('.')[0]}.{service}", entity_id=entity_id)
    return Automation(**{"trigger": TimeTrigger(minute=minute), "actions": (action,), **fields})


def offer(entity_id: str = "light.hall", minute: int = 420, share: float = 0.9, **fields: Any) -> Offer:
    """An automation of a habit that did well."""
    made = {
        "pattern": pattern(entity_id, minute),
        "automation": automation(entity_id, minute),
        "trial": trial(share),
        **fields,
    }
    return Offer(**made)


def suggestion(of: Offer | None = None, *, now: datetime = NOW, **fields: Any) -> Suggestion:
    """A suggestion, as an offer makes it."""
    made = assemble(of or offer(), experience=Experience(), now=now)
    return made.model_copy(update=fields)


def opinion(
    said: Opinion,
    suggestion_id: str = "",
    *,
    kind: PatternType = PatternType.TIME_OF_DAY,
    device_class: str = "light",
    at: datetime = NOW,
) -> UserFeedback:
    """What somebody said, each time at another suggestion unless one is named."""
    number = next(_numbers)
    return UserFeedback(
        message_id=f"{number:08}",
        at=at + timedelta(microseconds=number),
        suggestion_id=suggestion_id or f"s{number}",
        opinion=said,
        pattern_type=kind,
        device_class=device_class,
        person="Ada",
    )


def context(
    suggestions: Sequence[Suggestion] = (),
    feedback: Sequence[UserFeedback] = (),
    *,
    verdict: Verdict | None = None,
    **fields: Any,
) -> SelectionContext:
    """What is known; every automation gets the same verdict."""
    given = {"now": NOW, "sun": SUN, "minimum": 0.75, **fields}
    return SelectionContext(
        suggestions=suggestions,
        feedback=feedback,
        check=lambda *_: verdict or Verdict(),
        **given,
    )
