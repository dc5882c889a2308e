"""Finds of how long a state lasts against what lasted."""

from collections.abc import Iterable
from datetime import datetime
from statistics import median
from zoneinfo import ZoneInfo

from pipeline.simulation.scoring.scores import Verdict
from pipeline.simulation.truth import Duration, Truth
from schemas.patterns import DurationDetail, Pattern

ENOUGH = 8
MEDIAN_FACTOR = 1.3
EVENING_HOUR = 18
SATURDAY = 5


def judge_durations(
    truth: Truth, patterns: Iterable[Pattern], until: float
) -> tuple[list[Verdict], list[str]]:
    """Give a verdict on each pattern, and name the durations that could be learned."""
    planted = {(each.entity_id, each.state): each for each in truth.durations}
    verdicts = []
    for pattern in patterns:
        detail = pattern.detail
        if not isinstance(detail, DurationDetail):
            continue
        duration = planted.get((detail.entity_id, detail.state))
        if duration is None or not _lengths(duration, until):
            verdicts.append(Verdict(pattern, "neutral", "not planted"))
        elif _fits(detail, duration, truth.zone, until):
            verdicts.append(Verdict(pattern, "right", "duration", name(duration)))
        else:
            verdicts.append(Verdict(pattern, "wrong", "other length"))
    learnable = [name(each) for each in truth.durations if len(_lengths(each, until)) >= ENOUGH]
    return verdicts, learnable


def name(duration: Duration) -> str:
    """The name by which a duration is counted."""
    return f"{duration.entity_id}={duration.state}"


def _fits(detail: DurationDetail, duration: Duration, zone: ZoneInfo, until: float) -> bool:
    """Return whether the middle is that of all stays, or, under a condition, of those of one kind."""
    stays = _lengths(duration, until)
    groups = [[seconds for _, seconds in stays]]
    if detail.conditions and duration.stretch is not None:
        special = [_is_special(duration, at, zone) for at, _ in stays]
        groups = [
            [seconds for (_, seconds), each in zip(stays, special, strict=True) if each is kind]
            for kind in (True, False)
        ]
    return any(
        1 / MEDIAN_FACTOR <= detail.seconds.p50 / median(group) <= MEDIAN_FACTOR for group in groups if group
    )


def _is_special(duration: Duration, at: float, zone: ZoneInfo) -> bool:
    begin = datetime.fromtimestamp(at, zone)
    if duration.stretch == "weekend":
        return begin.weekday() >= SATURDAY
    return begin.hour >= EVENING_HOUR


def _lengths(duration: Duration, until: float) -> list[tuple[float, float]]:
    return [(at, seconds) for at, seconds in duration.occurrences if at + seconds < until]
