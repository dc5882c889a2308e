"""Wording of what was planted in a generated household."""

from datetime import datetime
from zoneinfo import ZoneInfo

from pipeline.simulation import Anchor, Automation, Chain, EntityState, Habit, Oddity, Pair
from pipeline.wording.sentences import (
    condition_in_words,
    days_in_words,
    deed,
    name,
    seconds_in_words,
    sun_in_words,
)
from schemas.anomalies import AnomalyKind
from schemas.patterns import Condition, Dark, Target
from schemas.payload import clock

_OUT_OF_ORDER = {
    AnomalyKind.MISSED_ROUTINE: "was not used as usual",
    AnomalyKind.LEFT_ON: "was left on",
    AnomalyKind.NIGHT_OPENING: "was opened at night",
    AnomalyKind.STUCK_SENSOR: "was stuck",
    AnomalyKind.FLAPPING: "changed without end",
    AnomalyKind.NUMERIC: "read what cannot be",
}


def habit_in_words(habit: Habit) -> str:
    """A planted habit as one would say it."""
    said = f"{_deed(habit.action)} {days_in_words(habit.days)} {_time(habit.anchor, habit.minute)}"
    if habit.moved_on is not None and habit.moved_minute is not None:
        said += f", from {habit.moved_on} on {_time(habit.anchor, habit.moved_minute)}"
    return said if habit.dropped_on is None else f"{said}, until {habit.dropped_on}"


def pair_in_words(pair: Pair) -> str:
    """A planted pair as one would say it."""
    lag = seconds_in_words(pair.lag_seconds)
    conditions = "".join(f", {_condition(each)}" for each in pair.conditions)
    return f"{_deed(pair.action)} {lag} after {_event(pair.trigger)}{conditions}"


def chain_in_words(chain: Chain) -> str:
    """A planted chain as one would say it."""
    first, *others = map(_deed, chain.steps)
    lags = map(seconds_in_words, chain.lag_seconds)
    return ", ".join([first, *(f"{lag} later {other}" for lag, other in zip(lags, others, strict=True))])


def automation_in_words(automation: Automation) -> str:
    """A machine's doing as one would say it."""
    trigger = automation.trigger
    when = f"after {_event(trigger)}" if trigger else _time(automation.anchor, automation.minute or 0, "at")
    hidden = ", unknown to Home Assistant" if automation.kind == "hidden" else ""
    action = automation.action
    return f"{name(action.entity_id)} is set to {action.state} {when}{hidden}"


def oddity_in_words(oddity: Oddity, zone: ZoneInfo) -> str:
    """A labelled anomaly as one would say it."""
    at = datetime.fromtimestamp(oddity.at, zone)
    return f"{name(oddity.entity_id)} {_OUT_OF_ORDER[oddity.kind]}: {at:%d %b %H:%M}"


def _time(anchor: Anchor, minute: float, about: str = "around") -> str:
    if anchor == "clock":
        return f"{about} {clock(minute)}"
    return sun_in_words(anchor, minute)


def _condition(condition: Condition) -> str:
    return "in the dark" if isinstance(condition, Dark) else condition_in_words(condition)


def _deed(action: EntityState) -> str:
    return deed(Target(entity_id=action.entity_id, state=action.state))


def _event(trigger: EntityState) -> str:
    return f"{name(trigger.entity_id)} becomes {trigger.state}"
