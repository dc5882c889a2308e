"""The work of one process: a home learned once, and all that is asked of it."""

from collections import Counter
from dataclasses import dataclass, field

from benchmarks.quality import clockwork, recorded
from benchmarks.quality.calibration import CHECKED_DAYS, Forecast, forecasts
from benchmarks.quality.homes import Source, open_house
from benchmarks.quality.learned import learn
from benchmarks.quality.scores import Counts, count

SCORED_AFTER = (7, 10, 14, 21, 30, 45, 60)
FORECAST_AFTER = (14, 30, 46)
# Homes that are lived through night by night, so that alarms come as they happen.
WATCHED = ("normal",)
NULL_DAYS = 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one job found out; what it was not about is empty.

    Attributes
    ----------
    counts
        By days of evidence, of a generated home.
    reported
        Patterns of people's habits by kind that a home without habits yields.
    """

    source: Source | None = None
    counts: dict[int, Counts] = field(default_factory=dict)
    forecasts: list[Forecast] = field(default_factory=list)
    reported: Counter[str] = field(default_factory=Counter)
    rows: list[recorded.Row] = field(default_factory=list)
    strips: list[recorded.Strip] = field(default_factory=list)
    checks: list[clockwork.Check] = field(default_factory=list)


def generated(source: Source) -> Outcome:
    """Score a generated home by days of evidence, and its forecasts."""
    house = open_house(source)
    learned = learn(house, {*SCORED_AFTER, *FORECAST_AFTER}, nightly=source.name in WATCHED)
    return Outcome(
        source=source,
        counts={days: count(house, learned, days) for days in SCORED_AFTER if days <= source.days},
        forecasts=[
            forecast
            for days in FORECAST_AFTER
            if days + CHECKED_DAYS <= source.days
            for forecast in forecasts(learned, days)
        ],
    )


def null(source: Source) -> Outcome:
    """Count what is reported of a home whose habits were taken out."""
    learned = learn(open_house(source), ())
    patterns = learned.active[learned.days]
    kinds = (each.pattern_type.value for each in patterns if not each.detail.automated)
    return Outcome(source=source, reported=Counter(kinds))


def recording(source: Source) -> Outcome:
    """Check what was learned of a recorded home on the days that follow."""
    learned = learn(open_house(source), range(source.days))
    splits = recorded.splits(source.name, learned.days)
    return Outcome(
        source=source,
        forecasts=[each for split in splits for each in forecasts(learned, split.learned_days)],
        rows=[recorded.check(learned, split) for split in splits],
        strips=[strip for split in splits[:1] for strip in recorded.strips(learned, split)],
    )


def clock(trials: int) -> Outcome:
    """Run the checks on single actions."""
    return Outcome(checks=clockwork.checks(trials))
