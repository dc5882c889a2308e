"""Time tolerances within which a manual action counts as the automation's."""

from collections.abc import Sequence
from functools import singledispatch
from typing import NamedTuple

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
    return _windows(detail, fires, past, _Act(number, after_ms))


class _Act(NamedTuple):
    """Number of an action, and how long after the automation fires it comes."""

    number: int
    after_ms: int

    @property
    def due(self) -> pl.Expr:
        return pl.col("at_ms") + self.after_ms


@singledispatch
def _windows(detail: Detail, fires: pl.DataFrame, past: Past, act: _Act) -> pl.DataFrame:
    del fires, past, act
    raise TypeError(_untried(detail))


@_windows.register
def _around_the_time(detail: TimeOfDayDetail, fires: pl.DataFrame, past: Past, act: _Act) -> pl.DataFrame:
    return _around_the_habit(fires.with_columns(due_ms=act.due), detail, past)


@_windows.register
def _after_trigger(detail: CoOccurrenceDetail, fires: pl.DataFrame, past: Past, act: _Act) -> pl.DataFrame:
    del past
    return _answered(fires, [lag_reach_s(detail.lag_seconds)], act)


@_windows.register
def _in_order(detail: SequenceDetail, fires: pl.DataFrame, past: Past, act: _Act) -> pl.DataFrame:
    del past
    lags = (step.lag_seconds for step in detail.steps)
    return _answered(fires, [lag_reach_s(lag) for lag in lags if lag is not None], act)


@_windows.register
def _around_the_end(detail: DurationDetail, fires: pl.DataFrame, past: Past, act: _Act) -> pl.DataFrame:
    del past
    around_ms = leeway_ms(detail.seconds.p50)
    return fires.with_columns(from_ms=act.due - around_ms, to_ms=act.due + around_ms)


def _answered(fires: pl.DataFrame, reaches_s: Sequence[float], act: _Act) -> pl.DataFrame:
    """Return `fires` with the span in which the actions up to this one may answer, one after the other."""
    reach_ms = round(1000 * sum(reaches_s[: act.number + 1]))
    latest = pl.max_horizontal(pl.col("began_ms") + reach_ms, act.due)
    return fires.with_columns(from_ms="began_ms", to_ms=latest)


def _untried(detail: Detail) -> str:
    return f"expected a kind of pattern that automations are made of, got {detail.pattern_type}"


@singledispatch
def occasions(detail: Detail, past: Past) -> pl.DataFrame:
    """Return the times at which the habit was due: `at_ms`, and the span `from_ms` to `to_ms` around it."""
    del past
    raise TypeError(_untried(detail))


@occasions.register
def _times(detail: TimeOfDayDetail, past: Past) -> pl.DataFrame:
    due = due_times(detail, past).filter(pl.col("weekday").is_in(detail.days))
    return windows(past.on_days(due.select("began_ms", "at_ms")), detail, past)


@occasions.register
def _triggers(detail: CoOccurrenceDetail, past: Past) -> pl.DataFrame:
    first = StateTrigger(entity_id=detail.trigger.entity_id, to=detail.trigger.state)
    return windows(firings(first, detail.conditions, past), detail, past)


@occasions.register
def _first_steps(detail: SequenceDetail, past: Past) -> pl.DataFrame:
    first = StateTrigger(entity_id=detail.steps[0].entity_id, to=detail.steps[0].state)
    return windows(firings(first, (), past), detail, past)


@occasions.register
def _stays(detail: DurationDetail, past: Past) -> pl.DataFrame:
    seconds = detail.seconds
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
