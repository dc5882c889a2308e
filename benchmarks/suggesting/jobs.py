"""The work of one process: a home learned once, what would be proposed in it, and what became of that."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.quality.homes import House, Source, open_house
from benchmarks.quality.learned import learn
from benchmarks.suggesting.truth import is_automated, is_never, judge
from pipeline.automations.typical import NOTHING_USUAL
from pipeline.backtest.backtest import backtest
from pipeline.backtest.candidates import candidates
from pipeline.backtest.past import Past
from pipeline.backtest.proposing import propose
from pipeline.settings import Settings
from pipeline.suggestions.assembly import Offer
from schemas.suggestions import Trial

LEARNED_DAYS, CHECKED_DAYS, SEASON_DAYS = 30, 14, 90
MINIMUM_CONFIDENCE = float(Settings.model_fields["minimum_confidence"].default)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one home showed: counts and sums that add up over homes.

    Attributes
    ----------
    other
        What was proposed and not planted, in words.
    cpu_ms
        Of each backtest after the first, where that was measured.
    """

    source: Source
    sums: Counter[str] = field(default_factory=Counter)
    other: tuple[str, ...] = ()
    cpu_ms: tuple[float, ...] = ()


def proposals(source: Source) -> Outcome:
    """Learn a home for a month, propose, and look at the two weeks that follow."""
    house = open_house(source)
    learned = learn(house, {LEARNED_DAYS})
    history = learned.history
    today = history.days[learned.place(LEARNED_DAYS)].date
    whole = Past.of(history.days, history.steps, history.home)
    found = propose(
        whole.until(today),
        learned.active[LEARNED_DAYS],
        NOTHING_USUAL,
        minimum_confidence=MINIMUM_CONFIDENCE,
    )
    after = whole.since(today)
    outcome = Outcome(source, other=tuple(_other(house, found)))
    outcome.sums["proposed"] = len(found)
    for each in found:
        outcome.sums[judge(house, each.pattern, LEARNED_DAYS)] += 1
        outcome.sums["never"] += is_never(each)
        outcome.sums["automated"] += is_automated(house, each)
        outcome.sums.update(_forecast(each.trial, backtest(each.automation, after, each.pattern)))
    return outcome


def season(source: Source) -> Outcome:
    """Measure what it costs to try each variant of what is found in a home over its days."""
    history_of = learn(open_house(source), ())
    history, patterns = history_of.history, history_of.active[history_of.days]
    past = Past.of(history.days, history.steps, history.home)
    spent_ms = list[float]()
    for pattern in patterns:
        for automation in candidates(pattern, patterns, NOTHING_USUAL, past.sun_now()):
            began_s = time.process_time()
            backtest(automation, past, pattern)
            spent_ms.append(1000 * (time.process_time() - began_s))
    sums = Counter({"entities": len({*past.changes, *past.steps}), "days": len(past.days)})
    return Outcome(source, sums, cpu_ms=tuple(spent_ms[1:]))


def _forecast(promised: Trial, came: Trial) -> dict[str, float]:
    """How far the forecast was off: in runs, and with the number of opportunities known beforehand."""
    opportunities = came.fired + came.missed
    expected = {
        "wanted": promised.wanted_per_day,
        "unwanted": promised.unwanted_per_day,
        "missed": promised.missed_per_day,
    }
    per_day = sum(expected.values())
    sums = {"opportunities": float(opportunities)}
    for name in ("wanted", "unwanted"):
        seen = getattr(came, name)
        sums[f"{name} off"] = abs(expected[name] * came.days - seen)
        sums[f"{name} promised"] = expected[name] * came.days
        sums[f"{name} came"] = seen
        sums[f"{name} share off"] = abs(expected[name] / per_day * opportunities - seen)
    return sums


def _other(house: House, found: list[Offer]) -> Iterator[str]:
    for each in found:
        judgement = judge(house, each.pattern, LEARNED_DAYS)
        if judgement != "right":
            automation = each.automation
            yield f"{house.source}: {judgement}: {automation.trigger} -> {automation.actions}"
