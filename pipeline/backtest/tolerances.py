"""Time tolerances within which a manual action counts as the automation's."""

from collections.abc import Sequence

import polars as pl

from pipeline.backtest.firing import firings
from pipeline.backtest.past import Past
from schemas.automations import Action, StateTrigger
from schemas.patterns import (
    CoOccurrenceDetail,
    Detail,
    DurationDetail,
    Quantiles,
    SequenceDetail,
    TimeOfDayDetail,
)

# So many spreads around its time are a habit's own; but ten minutes are near to anybody, and more than a
# quarter of an hour is not, however much people scatter.
SPREADS, NEAREST_MIN, FARTHEST_MIN = 2.5, 10.0, 15.0
LONGEST_LAG_S = 300.0
# What lasts a fifth longer or shorter is as long as usual; so is what differs by less than a minute.
LASTING_SHARE, LASTING_LEAST_S = 0.2, 60.0
MINUTE_MS = 60_000


def reach_minutes(detail: TimeOfDayDetail) -> float:
    """Return the tolerance of a time-of-day habit around its minute, in minutes."""
    return min(max(SPREADS * detail.spread_minutes, NEAREST_MIN), FARTHEST_MIN)


def lag_reach_s(lag: Quantiles) -> float:
    """Return the longest lag that still counts as an answer, in seconds: 1 in 200 log-normal lags is longer.

    Examples
    --------
    >>> lag_reach_s(Quantiles(p10=5.0, p50=10.0, p90=20.0))
    40.0
    """
    tail_s = lag.p90 * lag.p90 / max(lag.p50, 0.001)
    return min(max(tail_s, lag.p90 + 1), max(LONGEST_LAG_S, lag.p90))


def leeway_ms(seconds: float) -> int:
    """Return the tolerance of a duration of `seconds`, in milliseconds."""
    return round(1000 * max(LASTING_SHARE * seconds, LASTING_LEAST_S))


def windows(
    fires: pl.DataFrame, detail: Detail, past: Past, *, number: int = 0, after_ms: int = 0
) -> pl.DataFrame:
    """Return `fires` with the span, `from_ms` to `to_ms`, in which people's own action matches.

    Parameters
    ----------
    number
        Of the action, from 0.
    after_ms
        How long after the automation fires the action comes.
    """
    due = pl.col("at_ms") + after_ms
    match detail:
        case TimeOfDayDetail():
            return _around_the_habit(fires.with_columns(due_ms=due), detail, past)
        case CoOccurrenceDetail(lag_seconds=lag):
            reaches_s: Sequence[float] = (lag_reach_s(lag),)
        case SequenceDetail(steps=steps):
            reaches_s = [lag_reach_s(step.lag_seconds) for step in steps if step.lag_seconds is not None]
        case DurationDetail(seconds=seconds):
            around_ms = leeway_ms(seconds.p50)
            return fires.with_columns(from_ms=due - around_ms, to_ms=due + around_ms)
    reach_ms = round(1000 * sum(reaches_s[: number + 1]))
    return fires.with_columns(from_ms="began_ms", to_ms=pl.max_horizontal(pl.col("began_ms") + reach_ms, due))


def occasions(detail: Detail, past: Past) -> pl.DataFrame:
    """Return the times at which the habit was due: `at_ms`, and the span `from_ms` to `to_ms` around it."""
    match detail:
        case TimeOfDayDetail():
            due = due_times(detail, past).filter(pl.col("weekday").is_in(detail.days))
            return windows(past.on_days(due.select("began_ms", "at_ms")), detail, past)
        case CoOccurrenceDetail(trigger=trigger, conditions=conditions):
            first = StateTrigger(entity_id=trigger.entity_id, to=trigger.state)
            return windows(firings(first, conditions, past), detail, past)
        case SequenceDetail(steps=steps):
            first = StateTrigger(entity_id=steps[0].entity_id, to=steps[0].state)
            return windows(firings(first, (), past), detail, past)
        case DurationDetail(seconds=seconds):
            lasted = StateTrigger(entity_id=detail.entity_id, to=detail.state, for_seconds=round(seconds.p10))
            begun = firings(lasted, detail.conditions, past)
            return begun.with_columns(from_ms="at_ms", to_ms=pl.col("began_ms") + round(1000 * seconds.p90))


def _around_the_habit(fires: pl.DataFrame, detail: TimeOfDayDetail, past: Past) -> pl.DataFrame:
    """Return `fires` with the span around the nearest habit; around themselves if none is near."""
    reach_ms = round(reach_minutes(detail) * MINUTE_MS)
    near = fires.sort("due_ms").join_asof(
        due_times(detail, past).select(habit_ms="at_ms"),
        left_on="due_ms",
        right_on="habit_ms",
        strategy="nearest",
        tolerance=reach_ms,
        coalesce=False,
    )
    middle = pl.coalesce("habit_ms", "due_ms")
    return near.with_columns(from_ms=middle - reach_ms, to_ms=middle + reach_ms).drop("habit_ms", "due_ms")


def due_times(detail: TimeOfDayDetail, past: Past) -> pl.DataFrame:
    """Return the times at which the habit is due, on any day."""
    minute = pl.lit(detail.minute)
    if detail.anchor in ("sunrise", "sunset") and detail.offset_minutes is not None:
        minute = pl.col(detail.anchor) + detail.offset_minutes
    at_ms = past.wall_ms(minute)
    return past.days.select("weekday", began_ms=at_ms, at_ms=at_ms).drop_nulls().sort("at_ms")


def is_partner(actions: Sequence[Action], number: int) -> bool:
    """Return whether an action only ends what an earlier one began."""
    return any(action.entity_id == actions[number].entity_id for action in actions[:number])
