"""Alarms against the labelled anomalies."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.simulation.scoring.scores import Verdict
from pipeline.simulation.truth import Habit, Oddity, Truth
from schemas.anomalies import Anomaly, AnomalyKind

EARLY_S = 300.0
LATE_S = 3600.0
SKIPPED_S = 4 * 3600.0
JUST_ENDED_DAYS = 10


def judge_alarms(
    truth: Truth, alarms: Sequence[Anomaly], until: float
) -> tuple[list[Verdict], dict[str, Oddity]]:
    """Give a verdict on each alarm, and return the labels by name that there were up to then."""
    labels = {
        f"{each.kind} of {each.entity_id} at {each.at:.0f}": each
        for each in truth.anomalies
        if each.at < until
    }
    skips = {(habit.action.entity_id, at) for habit in truth.habits for at in habit.skipped}
    skips |= {
        (habit.action.entity_id, at) for habit in truth.habits for at in _former_times(habit, truth.zone)
    }
    told: set[str] = set()
    verdicts = []
    for alarm in alarms:
        verdict = _verdict(alarm, labels, skips)
        if verdict.judgement == "right" and verdict.planted in told:
            verdict = Verdict(alarm, "neutral", "said twice", verdict.planted)
        told.add(verdict.planted)
        verdicts.append(verdict)
    return verdicts, labels


def _verdict(alarm: Anomaly, labels: dict[str, Oddity], skips: set[tuple[str, float]]) -> Verdict:
    entity_id, at = alarm.detail.entity_id, alarm.detail.at.timestamp()
    near = {
        name: label
        for name, label in labels.items()
        if label.entity_id == entity_id and label.at - EARLY_S <= at <= label.until + LATE_S
    }
    for name, label in near.items():
        if label.kind is alarm.detail.kind:
            return Verdict(alarm, "right", label.kind, name)
    if near:
        return Verdict(alarm, "neutral", "another kind")
    skipped = any(entity == entity_id and abs(at - due) <= SKIPPED_S for entity, due in skips)
    if alarm.detail.kind is AnomalyKind.MISSED_ROUTINE and skipped:
        return Verdict(alarm, "neutral", "not done")
    return Verdict(alarm, "wrong", f"false {alarm.detail.kind}")


def _former_times(habit: Habit, zone: ZoneInfo) -> Iterator[float]:
    """Yield when a habit was to be expected that has just moved or ended."""
    ended = habit.moved_on or habit.dropped_on
    if ended is not None:
        for day in range(JUST_ENDED_DAYS):
            on = date.fromisoformat(ended) + timedelta(days=day)
            yield (datetime.combine(on, time(), zone) + timedelta(minutes=habit.minute)).timestamp()
