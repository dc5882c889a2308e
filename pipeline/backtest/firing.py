"""Times at which an automation would have fired, by its trigger and its conditions on the past."""

from collections.abc import Iterable

import polars as pl

from pipeline.backtest.past import Past
from schemas.automations import (
    InState,
    NumericTrigger,
    Requirement,
    StateTrigger,
    SunTrigger,
    TimeTrigger,
    Trigger,
)
from schemas.patterns import AtHome, Condition, Dark, Hours, Temperature, Weekday

HOURS_A_DAY = 24
_MOMENTS = {"began_ms": pl.Int64, "at_ms": pl.Int64}


def firings(trigger: Trigger, conditions: Iterable[Requirement | Condition], past: Past) -> pl.DataFrame:
    """Return every time that the trigger was met while the conditions held, on days that count, in order.

    Returns
    -------
    `at_ms`, and `began_ms`: when what triggers came about, earlier where it had to last; and the columns of
    the day.
    """
    moments = past.on_days(_moments(trigger, past).sort("at_ms"))
    for condition in conditions:
        moments = _holding(moments, condition, past)
    return moments


def _moments(trigger: Trigger, past: Past) -> pl.DataFrame:
    match trigger:
        case TimeTrigger(minute=minute):
            return _daily(past, pl.lit(float(minute)))
        case SunTrigger(event=event, offset_minutes=offset):
            return _daily(past, pl.col(event) + offset)
        case StateTrigger():
            return _reached(trigger, past)
        case NumericTrigger():
            return _passed(trigger, past)
    # What is said on topics is not kept, so nothing can be told of it.
    return pl.DataFrame(schema=_MOMENTS)


def _daily(past: Past, minute: pl.Expr) -> pl.DataFrame:
    at_ms = past.wall_ms(minute)
    return past.days.select(began_ms=at_ms, at_ms=at_ms).drop_nulls()


def _reached(trigger: StateTrigger, past: Past) -> pl.DataFrame:
    """Return the times at which the entity reached the state and then stayed in it long enough."""
    wait_ms = trigger.for_seconds * 1000
    return (
        past.changes_of(trigger.entity_id)
        .filter((pl.col("state") == trigger.to) & (pl.col("until_ms") - pl.col("at_ms") >= wait_ms))
        .select(began_ms="at_ms", at_ms=pl.col("at_ms") + wait_ms)
    )


def _passed(trigger: NumericTrigger, past: Past) -> pl.DataFrame:
    """Return the times at which the reading came into the range and then stayed there long enough."""
    known = past.steps.get(trigger.entity_id)
    if known is None:
        return pl.DataFrame(schema=_MOMENTS)
    wait_ms = trigger.for_seconds * 1000
    changes = (
        known.select("at_ms", within=_in_range(pl.col("mean"), trigger.below, trigger.above))
        .filter(pl.col("within") != pl.col("within").shift(1))
        .with_columns(until_ms=pl.col("at_ms").shift(-1, fill_value=1 << 60))
    )
    return changes.filter(pl.col("within") & (pl.col("until_ms") - pl.col("at_ms") >= wait_ms)).select(
        began_ms="at_ms", at_ms=pl.col("at_ms") + wait_ms
    )


def _in_range(value: pl.Expr, below: float | None, above: float | None) -> pl.Expr:
    within = pl.lit(value=True)
    within = within if below is None else within & (value < below)
    return within if above is None else within & (value >= above)


def _holding(moments: pl.DataFrame, condition: Requirement | Condition, past: Past) -> pl.DataFrame:
    """Return the moments at which a condition held; an unknown one does not hold."""
    match condition:
        case Dark():
            return moments.filter(
                (pl.col("minute") < pl.col("sunrise")) | (pl.col("minute") >= pl.col("sunset"))
            )
        case Hours(after=after, before=before):
            since = (pl.col("minute") / 60 - after) % HOURS_A_DAY
            return moments.filter(since < ((before - after) % HOURS_A_DAY or HOURS_A_DAY))
        case Weekday(days=days):
            return moments.filter(pl.col("weekday").is_in(days))
        case Temperature(entity_id=entity_id, below=below, above=above):
            read = past.with_reading(moments, entity_id)
            return read.filter(_in_range(pl.col("reading"), below, above)).drop(
                "reading", "step_ms", strict=False
            )
        case AtHome(somebody=somebody):
            met = past.with_presence(moments)
            return met.filter((pl.col("inside") > 0) == somebody).drop("inside")
        case InState(entity_id=entity_id, state=state):
            known = past.with_state(moments, entity_id, at="at_ms", name="known")
            return known.filter(pl.col("known") == state).drop("known")
