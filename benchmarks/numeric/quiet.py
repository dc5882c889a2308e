"""How often undisturbed sensors raise a false alarm, by threshold."""

from collections import Counter
from collections.abc import Sequence

from benchmarks.numeric.artificial import undisturbed_series
from benchmarks.numeric.series import DAY_MS, Series, onsets
from detectors.anomaly.numeric import ALARM, NumericScorer

SENSORS = 40
WEEK_MS = 7 * DAY_MS
THRESHOLDS = (4.0, 4.5, 5.0, ALARM, 6.0, 7.0)
DAYS, MINUTES = 90, (5, 30)


def report(seeds: Sequence[int]) -> str:
    """The table: a course a row."""
    alarms: Counter[tuple[str, float]] = Counter()
    weeks: Counter[str] = Counter()
    for seed in seeds:
        for minutes in MINUTES:
            for series in undisturbed_series(DAYS, minutes, seed):
                _count(series, alarms)
                weeks[series.name] += DAYS // 7 - 1
    names = sorted({name for name, _ in alarms if alarms[name, THRESHOLDS[0]]})
    rows = [_row(name, [alarms[name, limit] for limit in THRESHOLDS], weeks[name]) for name in names]
    total = [sum(alarms[name, limit] for name in weeks) for limit in THRESHOLDS]
    return "\n".join(
        [
            (
                f"False alarms that {SENSORS} undisturbed sensors give a week, by threshold: {len(weeks)} "
                f"kinds of sensor, {sum(weeks.values()):,} weeks after the first; kinds without any left out."
            ),
            "",
            f"| kind | {' | '.join(f'{limit:g}' for limit in THRESHOLDS)} |",
            f"|---|{'---|' * len(THRESHOLDS)}",
            *rows,
            _row("all kinds alike", total, sum(weeks.values())),
        ]
    )


def _count(series: Series, alarms: Counter[tuple[str, float]]) -> None:
    score = NumericScorer().learn_one
    scores = [score(value, at) for value, at in zip(series.values, series.at_ms, strict=True)]
    for limit in THRESHOLDS:
        alarms[series.name, limit] += len(onsets(series.at_ms, scores, limit, DAY_MS))


def _row(name: str, alarms: Sequence[int], weeks: int) -> str:
    return f"| {name} | {' | '.join(f'{count / weeks * SENSORS:.2f}' for count in alarms)} |"
