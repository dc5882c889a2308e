"""Backtest of an automation on the home's own past."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipeline.automations.service_map import lasts, state_after
from pipeline.backtest.firing import firings
from pipeline.backtest.past import Past
from pipeline.backtest.regret import Rates, expect, usual
from pipeline.backtest.tolerances import is_partner, leeway_ms, occasions, windows
from schemas.automations import Action, Automation
from schemas.events import EventType
from schemas.patterns import Pattern
from schemas.suggestions import Trial

DAYS_A_WEEK = 7
Use = tuple[EventType, int]


@dataclass(frozen=True, slots=True)
class Tried:
    """Trial with its forecast rates, and the uses by people that its wanted runs match."""

    trial: Trial
    rates: Rates
    uses: frozenset[Use]


def backtest(automation: Automation, past: Past, scope: Pattern) -> Trial:
    """Try an automation on the past.

    It fires where trigger and conditions hold and not all is already as it would make it. A run is wanted if
    a person did each of its actions about then; how near that must be follows from the pattern. What a person
    did within the habit's own scope, and no run stands for, is missed. What could not be seen whole counts as
    nothing.

    Parameters
    ----------
    automation
        What to try.
    past
        The home's past; costs some milliseconds for each thousand changes of what the automation names.
    scope
        The pattern that it was made of.
    """
    return tried(automation, past, scope).trial


def tried(automation: Automation, past: Past, scope: Pattern) -> Tried:
    """Try an automation on the past; return also the uses by people that its runs match."""
    past = _since_begun(past, scope)
    fires = _judged(automation, _fires(automation, past, scope), past)
    wanted, unwanted = fires.filter(pl.col("wanted")), fires.filter(~pl.col("wanted"))
    missed = _missed(automation, fires, past, scope)
    dates = [tuple(each["date"].to_list()) for each in (wanted, unwanted, missed)]
    rates = _rates(automation, past, scope, dates)
    saved = len(automation.actions)
    trial = Trial(
        first_day=past.first_day or date.min,
        last_day=past.last_day or date.min,
        days=len(past.days),
        fired=len(fires),
        wanted=len(wanted),
        unwanted=len(unwanted),
        missed=len(missed),
        wanted_dates=dates[0],
        unwanted_dates=dates[1],
        missed_dates=dates[2],
        wanted_per_day=round(rates.wanted, 6),
        unwanted_per_day=round(rates.unwanted, 6),
        missed_per_day=round(rates.missed, 6),
        regret=round(rates.regret(saved), 6),
    )
    return Tried(trial, rates, _uses(automation, wanted))


def _since_begun(past: Past, scope: Pattern) -> Past:
    """Return the past since the habit began in its present form; earlier days do not count."""
    begun = scope.first_seen.astimezone(past.home.zone).date()
    begun = begun if scope.change is None else max(begun, scope.change.since)
    first, last = past.first_day, past.last_day
    return past if first is None or last is None or not first < begun <= last else past.since(begun)


def _fires(automation: Automation, past: Past, scope: Pattern) -> pl.DataFrame:
    """Return the runs with each action's span (`from_0`, `to_0`, ...) and its need (`needs_0`, ...)."""
    fires = firings(automation.trigger, automation.conditions, past)
    after_ms = 0
    for number, action in enumerate(automation.actions):
        after_ms += 1000 * action.after_seconds
        spans = windows(fires, scope.detail, past, number=number, after_ms=after_ms)
        if is_partner(automation.actions, number):
            ended = pl.col("to_0") + 1000 * action.after_seconds + leeway_ms(action.after_seconds)
            spans = spans.with_columns(to_ms=ended)
        fires = spans.rename({"from_ms": f"from_{number}", "to_ms": f"to_{number}"})
        fires = _needing(fires, automation.actions, number, past)
    froms, tos = ["began_ms", *_columns("from", automation)], _columns("to", automation)
    spans = fires.filter(pl.any_horizontal(_columns("needs", automation))).with_columns(
        from_ms=pl.min_horizontal(froms), to_ms=pl.max_horizontal(tos)
    )
    return _apart(past.seen(spans))


def _columns(name: str, automation: Automation) -> list[str]:
    return [f"{name}_{number}" for number in range(len(automation.actions))]


def _needing(fires: pl.DataFrame, actions: Sequence[Action], number: int, past: Past) -> pl.DataFrame:
    """Return `fires` with whether the action would change anything when the automation fires."""
    needs = f"needs_{number}"
    action = actions[number]
    if is_partner(actions, number):
        return fires.with_columns(pl.lit(value=False).alias(needs))
    known = past.with_state(fires, action.entity_id, at="at_ms", name="known")
    return known.with_columns(_would_change(action).alias(needs)).drop("known")


def _would_change(action: Action) -> pl.Expr:
    """Return an expression: whether an action changes the `known` state."""
    return pl.col("known").ne_missing(state_after(action)) if lasts(action) else pl.lit(value=True)


def _apart(fires: pl.DataFrame) -> pl.DataFrame:
    """Leave out runs within the span of the one before: by then what they do is done."""
    fires = fires.sort("began_ms", "at_ms")
    kept, busy_ms = [], None
    for at_ms, to_ms in zip(fires["at_ms"].to_list(), fires["to_ms"].to_list(), strict=True):
        free = busy_ms is None or at_ms > busy_ms
        kept.append(free)
        busy_ms = to_ms if free else busy_ms
    return fires.filter(pl.Series(kept, dtype=pl.Boolean))


def _judged(automation: Automation, fires: pl.DataFrame, past: Past) -> pl.DataFrame:
    """Return `fires` with the use that each action matches (`use_0`, ...) and whether it was `wanted`."""
    done: list[pl.Expr] = []
    for number, action in enumerate(automation.actions):
        use, needs = f"use_{number}", f"needs_{number}"
        if is_partner(automation.actions, number):
            fires = _ended(fires, action, use, past)
            done.append(pl.col(use).is_not_null())
        else:
            span = (f"from_{number}", f"to_{number}")
            fires = _first_use(fires, past, action, use, span)
            done.append(pl.col(use).is_not_null() | ~pl.col(needs))
    return fires.with_columns(wanted=pl.all_horizontal(done)).sort("at_ms")


def _first_use(
    fires: pl.DataFrame, past: Past, action: Action, use: str, span: tuple[str, str]
) -> pl.DataFrame:
    """Return `fires` with the first use by people that brings about the same within the span."""
    uses = past.uses(action.entity_id, state_after(action) or "").select(
        pl.col("use_ms").alias(use), key="use_ms"
    )
    joined = fires.sort(span[0]).join_asof(uses, left_on=span[0], right_on="key", strategy="forward")
    near = pl.when(pl.col(use) <= pl.col(span[1])).then(pl.col(use))
    return joined.drop("key", strict=False).with_columns(near.alias(use))


def _ended(fires: pl.DataFrame, action: Action, use: str, past: Past) -> pl.DataFrame:
    """Return `fires` with when people ended what they had begun, if it lasted about as long as usual."""
    around_ms = leeway_ms(action.after_seconds)
    usual = pl.coalesce("use_0", "at_ms") + 1000 * action.after_seconds
    spans = fires.with_columns(earliest=usual - around_ms, latest=usual + around_ms)
    return _first_use(spans, past, action, use, ("earliest", "latest")).drop("earliest", "latest")


def _missed(automation: Automation, fires: pl.DataFrame, past: Past, scope: Pattern) -> pl.DataFrame:
    """Return the uses of the first action by people, when the habit was due, that no run matches."""
    action = automation.actions[0]
    due = past.with_state(occasions(scope.detail, past), action.entity_id, at="from_ms", name="known")
    due = _apart(past.seen(due.filter(_would_change(action))))
    done = _first_use(due, past, action, "use", ("from_ms", "to_ms")).drop_nulls("use").sort("use")
    covered = fires.select(covered_from="from_0", covered_to="to_0").sort("covered_from")
    joined = done.join_asof(covered, left_on="use", right_on="covered_from", strategy="backward")
    return joined.filter(pl.col("covered_to").is_null() | (pl.col("covered_to") < pl.col("use")))


def _rates(automation: Automation, past: Past, scope: Pattern, dates: Sequence[Sequence[date]]) -> Rates:
    """Return the forecast rates a day, from the days since the habit began on which it may run."""
    weekdays = automation.weekdays
    days = [day for day in past.days["date"].to_list() if day.weekday() in weekdays]
    if not days or past.last_day is None:
        return Rates(0.0, 0.0, 0.0)
    ages = np.array([(past.last_day - day).days for day in days])
    wanted, unwanted, missed = ([count[day] for day in days] for count in (Counter(each) for each in dates))
    expected = expect(ages, wanted, unwanted, missed, usual(scope.detail))
    share = len(weekdays) / DAYS_A_WEEK
    return Rates(expected.wanted * share, expected.unwanted * share, expected.missed * share)


def _uses(automation: Automation, wanted: pl.DataFrame) -> frozenset[Use]:
    return frozenset(
        (EventType(action.entity_id, state_after(action) or ""), at_ms)
        for number, action in enumerate(automation.actions)
        for at_ms in wanted[f"use_{number}"].drop_nulls().to_list()
    )
