"""Patterns of the durations that were found."""

from datetime import UTC, date, datetime, time
from math import exp

import numpy as np

from detectors.duration.candidates import Candidate
from detectors.duration.lengths import Ints
from detectors.duration.stays import Stays
from detectors.duration.trial import Trial
from detectors.duration.window import Flags, Window
from detectors.evidence import beta_interval
from schemas.home import Home
from schemas.patterns import DurationDetail, Evidence, Pattern, Quantiles

RECENT = 10
MOST_BEGIN = 0.9


def pattern(candidate: Candidate, slot: int, window: Window, home: Home, confidence: float) -> Pattern:
    """Say a duration."""
    part, trial = candidate.parts[slot]
    stays, condition = part.stays, part.condition
    low, middle, high = (round(second, 2) for second in window.seconds)
    detail = DurationDetail(
        entity_id=candidate.event_type.entity_id,
        state=candidate.event_type.state,
        seconds=Quantiles(p10=low, p50=middle, p90=high),
        typical_hours=typical_hours(stays.hours),
        conditions=() if condition is None else (condition,),
    )
    return Pattern.of(
        detail,
        home=home.id,
        slot=slot,
        confidence=round(confidence, 6),
        occurrences=len(stays),
        first_seen=_begin(stays, 0, home),
        last_seen=_begin(stays, -1, home),
        evidence=_evidence(trial, candidate.log_e),
    )


def typical_hours(hours: Ints) -> tuple[int, ...]:
    """The hours, most frequent first until they hold nine of ten, in their order.

    Examples
    --------
    >>> typical_hours(np.array([7] * 6 + [8] * 3 + [22]))
    (7, 8)
    """
    counts = np.bincount(hours, minlength=24)
    frequent = np.argsort(-counts, kind="stable")
    needed = int(np.searchsorted(np.cumsum(counts[frequent]), MOST_BEGIN * len(hours) - 1e-9)) + 1
    return tuple(sorted(frequent[:needed].tolist()))


def _evidence(trial: Trial, log_e: float) -> Evidence:
    hits, days = trial.hits, trial.days
    n, k = len(hits), int(np.count_nonzero(hits))
    low, high = beta_interval(k, n)
    return Evidence(
        opportunities=n,
        hits=k,
        misses=n - k,
        recent_hits=_dates(days, hits),
        recent_misses=_dates(days, ~hits),
        base_rate=round(trial.chance, 6),
        lift=round(k / n / trial.chance, 3),
        interval=(round(low, 6), round(high, 6)),
        e_value=float(f"{exp(log_e):.6g}"),
    )


def _dates(days: Ints, chosen: Flags) -> tuple[date, ...]:
    """The last days on which one of the chosen stays began."""
    return tuple(date.fromordinal(day) for day in np.unique(days[chosen])[-RECENT:].tolist())


def _begin(stays: Stays, place: int, home: Home) -> datetime:
    """When a stay began, to the hour."""
    wall = datetime.combine(date.fromordinal(int(stays.days[place])), time(int(stays.hours[place])))
    return wall.replace(tzinfo=home.zone).astimezone(UTC)
