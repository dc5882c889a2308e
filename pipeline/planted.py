"""What was planted in a generated household: in words, and whether a pattern found it."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from statistics import median
from zoneinfo import ZoneInfo

from pipeline.simulation import Automation, EntityState, Habit, Pair, Truth
from pipeline.wording import clock, days_in_words, deed, name, seconds_in_words
from schemas.patterns import CoOccurrenceDetail, Pattern, Target, TimeOfDayDetail

NEAR_MINUTES = 45
LATEST = 7


def habit_in_words(habit: Habit) -> str:
    """A planted habit as one would say it."""
    when = f"around {clock(habit.minute)}"
    if habit.anchor != "clock":
        side = "after" if habit.minute >= 0 else "before"
        when = f"{abs(habit.minute):.0f} min {side} {habit.anchor}"
    return f"{_deed(habit.action)} {days_in_words(habit.days)} {when}"


def pair_in_words(pair: Pair) -> str:
    """A planted pair as one would say it."""
    lag = seconds_in_words(pair.lag_seconds)
    condition = "".join(f", when it is {each.kind}" for each in pair.conditions)
    return f"{_deed(pair.action)} {lag} after {_event(pair.trigger)}{condition}"


def automation_in_words(automation: Automation) -> str:
    """A machine's doing as one would say it."""
    trigger = automation.trigger
    when = f"after {_event(trigger)}" if trigger else f"at {clock(automation.minute or 0)}"
    hidden = ", unknown to Home Assistant" if automation.kind == "hidden" else ""
    action = automation.action
    return f"{name(action.entity_id)} is set to {action.state} {when}{hidden}"


def habit_found(habit: Habit, patterns: Iterable[Pattern], zone: ZoneInfo) -> bool:
    """Whether a pattern says of the same entity and state about the time at which it was done of late."""
    minutes = [_local_minute(at, zone) for at in habit.occurrences[-LATEST:]]
    for pattern in patterns:
        detail = pattern.detail
        if isinstance(detail, TimeOfDayDetail) and not detail.automated and minutes:
            same = (detail.entity_id, detail.state) == (habit.action.entity_id, habit.action.state)
            if same and median(_apart(detail.minute, minute) for minute in minutes) <= NEAR_MINUTES:
                return True
    return False


def pair_found(pair: Pair, patterns: Iterable[Pattern]) -> bool:
    """Whether a pattern says that people do the same after the same."""
    wanted = (pair.trigger.entity_id, pair.trigger.state, pair.action.entity_id, pair.action.state)
    return any(wanted == subject for subject in _pairs(patterns))


def taken_for_habits(truth: Truth, patterns: Iterable[Pattern]) -> list[Pattern]:
    """Patterns that say people did what only a machine does."""
    machines = {(each.action.entity_id, each.action.state) for each in truth.automations}
    return [pattern for pattern in patterns if not pattern.detail.automated and _action(pattern) in machines]


def _deed(action: EntityState) -> str:
    return deed(Target(entity_id=action.entity_id, state=action.state))


def _event(trigger: EntityState) -> str:
    return f"{name(trigger.entity_id)} becomes {trigger.state}"


def _action(pattern: Pattern) -> tuple[str, str]:
    detail = pattern.detail
    return detail.subject[-2], detail.subject[-1]


def _pairs(patterns: Iterable[Pattern]) -> Iterator[tuple[str, str, str, str]]:
    for pattern in patterns:
        detail = pattern.detail
        if isinstance(detail, CoOccurrenceDetail) and not detail.automated:
            trigger, action = detail.trigger, detail.action
            yield trigger.entity_id, trigger.state, action.entity_id, action.state


def _local_minute(at: float, zone: ZoneInfo) -> float:
    moment = datetime.fromtimestamp(at, zone)
    return moment.hour * 60 + moment.minute + moment.second / 60


def _apart(one: float, other: float) -> float:
    return abs((one - other + 720) % 1440 - 720)
