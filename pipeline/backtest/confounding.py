"""Confounding: habits that come early and late together, because something else than the clock moves them."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import singledispatch
from itertools import combinations

import numpy as np
import polars as pl

from pipeline.backtest.past import Past
from pipeline.backtest.tolerances import due_times
from schemas.circular_day import apart
from schemas.patterns import CoOccurrenceDetail, Detail, Pattern, SequenceDetail, TimeOfDayDetail

NEAR_MIN = 45.0
FEWEST_DAYS = 8
TOGETHER = 0.6
"""Correlation of how far two habits were off their times, from which both follow a cause of their own."""

MINUTE_MS = 60_000


def moved_together(patterns: Sequence[Pattern], past: Past) -> frozenset[str]:
    """Return the ids of the time-of-day patterns that come early and late together with another near them.

    Getting up late moves all of a morning: an automation by the clock would do it to who still sleeps.
    """
    clocks = [(each.id, each.detail) for each in patterns if isinstance(each.detail, TimeOfDayDetail)]
    people = [(name, detail) for name, detail in clocks if not detail.automated]
    known = _linked(patterns)
    off = {name: _offsets(detail, past) for name, detail in people}
    found = set[str]()
    for (one, detail), (other, beside) in combinations(people, 2):
        entities = frozenset((detail.entity_id, beside.entity_id))
        secret = len(entities) > 1 and entities not in known
        if secret and _are_near(detail, beside) and _agree(off[one], off[other]):
            found |= {one, other}
    return frozenset(found)


def _linked(patterns: Sequence[Pattern]) -> set[frozenset[str]]:
    """Return the pairs of entities of which one is known to follow the other."""
    found = set[frozenset[str]]()
    for pattern in patterns:
        found |= {frozenset(pair) for pair in combinations(_following(pattern.detail), 2)}
    return found


@singledispatch
def _following(detail: Detail) -> list[str]:
    """Return the entities that a pattern says follow one another; none of a kind that says no such thing."""
    del detail
    return []


@_following.register
def _of_pair(detail: CoOccurrenceDetail) -> list[str]:
    return [detail.trigger.entity_id, detail.action.entity_id]


@_following.register
def _of_chain(detail: SequenceDetail) -> list[str]:
    return [step.entity_id for step in detail.steps]


def _are_near(one: TimeOfDayDetail, other: TimeOfDayDetail) -> bool:
    return apart(one.minute, other.minute) <= NEAR_MIN


def _agree(one: Mapping[date, float], other: Mapping[date, float]) -> bool:
    """Return whether the two deviate together on the days that both have."""
    days = sorted(one.keys() & other.keys())
    pairs = np.array([(one[day], other[day]) for day in days])
    if len(days) < FEWEST_DAYS or not pairs.std(axis=0).all():
        return False
    return bool(np.corrcoef(pairs.T)[0, 1] >= TOGETHER)


def _offsets(detail: TimeOfDayDetail, past: Past) -> dict[date, float]:
    """Return the deviation of the habit from its time, in minutes, on the days that it showed."""
    uses = past.uses(detail.entity_id, detail.state)
    due = past.on_days(due_times(detail, past).select("at_ms")).filter(pl.col("weekday").is_in(detail.days))
    near = due.join_asof(
        uses,
        left_on="at_ms",
        right_on="use_ms",
        strategy="nearest",
        tolerance=round(NEAR_MIN * MINUTE_MS),
        coalesce=False,
    ).drop_nulls("use_ms")
    off = ((near["use_ms"] - near["at_ms"]) / MINUTE_MS).to_list()
    return dict(zip(near["date"].to_list(), off, strict=True))
