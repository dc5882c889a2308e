"""Numeric anomalies: thresholds chosen on artificial series, then the Numenta score and what it costs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.numeric.artificial import Floats, artificial_series
from benchmarks.numeric.contenders import CONTENDERS, Contender, Score
from benchmarks.numeric.cost import KIB, cpu_us, import_mb, model_bytes
from benchmarks.numeric.series import Series, normalise, onsets, read_numenta, score_alarms
from detectors.anomaly.numeric import ALARM

HOUR_MS = 3_600_000
# An alarm is raised once an incident: scores that follow it by less speak of the same. For all alike.
INCIDENT_MS = 24 * HOUR_MS
CANDIDATES = 60
PLATEAU = 1.0
TRAINING_READINGS = 4_000


@dataclass(frozen=True)
class Scored:
    """Series, and what one contender says of each of their readings."""

    series: Sequence[Series]
    scores: Sequence[Floats]
    cpu_us: float

    def at(self, threshold: float, pause_ms: int) -> float:
        """Normalised score of the alarms that a threshold makes."""
        raw = sum(
            score_alarms(series, onsets(series.at_ms, scores, threshold, pause_ms))
            for series, scores in zip(self.series, self.scores, strict=True)
        )
        return normalise(raw, sum(len(series.windows) for series in self.series))

    def counts(self, threshold: float) -> tuple[int, int]:
        """Windows with an alarm, and alarms outside windows."""
        hits = false = 0
        for series, scores in zip(self.series, self.scores, strict=True):
            rows = onsets(series.at_ms, scores, threshold, INCIDENT_MS)
            rows = [row for row in rows if row >= series.probation]
            inside = [{row for row in rows if first <= row <= last} for first, last in series.windows]
            hits += sum(map(bool, inside))
            false += len(rows) - len(set[int]().union(*inside))
        return hits, false


def score_all(contender: Contender, series: Sequence[Series]) -> Scored:
    """Let a contender score every series, each from nothing."""
    scores: list[Floats] = []

    def work() -> None:
        for each in series:
            score = contender.make()
            said = [score(value, at) for value, at in zip(each.values, each.at_ms, strict=True)]
            scores.append(np.array(said))

    spent_us = cpu_us(work, sum(len(each.values) for each in series))
    return Scored(series, scores, spent_us)


def choose_threshold(scored: Scored, pause_ms: int) -> float:
    """The middle of the thresholds that come within a point of the best on these series."""
    said = np.concatenate(scored.scores)
    said = said[said > 0]
    candidates = np.unique(np.quantile(said, 1 - np.logspace(-5, -0.7, CANDIDATES)))
    reached = [scored.at(float(candidate), pause_ms) for candidate in candidates]
    best = int(np.argmax(reached))
    low = high = best
    while low > 0 and reached[low - 1] >= reached[best] - PLATEAU:
        low -= 1
    while high < len(reached) - 1 and reached[high + 1] >= reached[best] - PLATEAU:
        high += 1
    return float(candidates[low] + candidates[high]) / 2


def trained(make: Callable[[], Score], series: Series) -> Score:
    """Make a model that has learned a series."""
    score = make()
    for value, at in zip(series.values[:TRAINING_READINGS], series.at_ms, strict=False):
        score(value, at)
    return score


def report(folder: Path | None, seeds: Sequence[int]) -> str:
    """The table; without the recorded series if `folder` is None."""
    artificial = [series for seed in seeds for series in artificial_series(seed=seed)]
    recorded = (
        [] if folder is None else read_numenta(folder / "nab_open.csv.gz", folder / "nab_open.labels.csv")
    )
    head = (
        "| | threshold | artificial | Numenta, 25 series | windows found | false | Numenta, every row an "
        "alarm | us a reading | kB a model | import, MB |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    rows = [_row(contender, artificial, recorded) for contender in CONTENDERS]
    return "\n".join([_says(artificial, recorded), "", head, *rows, *_at_home(artificial, recorded)])


def _row(contender: Contender, artificial: Sequence[Series], recorded: Sequence[Series]) -> str:
    chosen_on = score_all(contender, artificial)
    threshold = choose_threshold(chosen_on, INCIDENT_MS)
    cells = [contender.name, f"{threshold:.4g}", f"{chosen_on.at(threshold, INCIDENT_MS):.1f}"]
    if recorded:
        scored = score_all(contender, recorded)
        hits, false = scored.counts(threshold)
        rows = scored.at(choose_threshold(chosen_on, 0), 0)
        cells += [f"{scored.at(threshold, INCIDENT_MS):.1f}", str(hits), str(false), f"{rows:.1f}"]
    else:
        cells += ["absent"] * 4
    size = model_bytes(partial(trained, contender.make, min(artificial, key=_gap_ms)))
    cells += [f"{chosen_on.cpu_us:.2f}", f"{size / KIB:.1f}", f"{import_mb(contender.imports):.0f}"]
    return f"| {' | '.join(cells)} |"


def _at_home(*sets: Sequence[Series]) -> list[str]:
    """What the threshold for homes would find, which is chosen for rare alarms."""
    counts = [(len(series), *score_all(CONTENDERS[0], series).counts(ALARM)) for series in sets if series]
    words = [f"{hits} windows and {false} false alarms in {number} series" for number, hits, false in counts]
    return ["", f"At {ALARM:g}, the threshold for homes, ours finds {'; '.join(words)}."]


def _gap_ms(series: Series) -> float:
    return sum(later - earlier for earlier, later in pairwise(series.at_ms)) / len(series.at_ms)


def _says(artificial: Sequence[Series], recorded: Sequence[Series]) -> str:
    windows = sum(len(series.windows) for series in artificial)
    text = (
        f"Thresholds: for each the middle of those within {PLATEAU:.0f} point of its best on "
        f"{len(artificial)} artificial series with {windows} anomalies. An alarm silences the next "
        f"{INCIDENT_MS // HOUR_MS} hours, for all alike; where every row is an alarm, so it was for choosing."
    )
    if recorded:
        found = sum(len(series.windows) for series in recorded)
        text += (
            f" Recorded: {len(recorded)} series with {found} windows, standard profile; "
            "no alarm at all is 0, the perfect detector 100."
        )
    return text
