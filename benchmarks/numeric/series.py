"""A numeric series with labelled windows, and the Numenta benchmark's way to score alarms on it."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from math import exp, floor
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

# The standard profile: what an alarm in a window, a false alarm and a missed window weigh.
HIT_WEIGHT, FALSE_WEIGHT, MISS_WEIGHT = 1.0, 0.11, 1.0
PROBATION_SHARE, PROBATION_ROWS = 0.15, 5000
DAY_MS = 86_400_000


def scaled_sigmoid(position: float) -> float:
    """Worth of an alarm: 0.99 at a window's left edge (-1), 0 at its right edge (0), -1 far behind."""
    return -1.0 if position >= 3 else 2 / (1 + exp(5 * position)) - 1


@dataclass(frozen=True)
class Series:
    """Readings in order; `windows` are first and last row of each labelled anomaly."""

    name: str
    at_ms: Sequence[int]
    values: Sequence[float]
    windows: Sequence[tuple[int, int]]

    @property
    def probation(self) -> int:
        """Rows at the start that are not scored."""
        return floor(PROBATION_SHARE * min(len(self.values), PROBATION_ROWS))

    @cached_property
    def weights(self) -> list[float]:
        """Worth of an alarm at each row: at most `HIT_WEIGHT`, at least minus `FALSE_WEIGHT`."""
        weights = [-FALSE_WEIGHT] * len(self.values)
        for first, last in self.windows:
            width = last - first + 1
            for row in range(first, last + 1):
                position = -(last - row + 1) / width
                weights[row] = HIT_WEIGHT * scaled_sigmoid(position) / scaled_sigmoid(-1)
            for row in range(last + 1, len(weights)):
                weights[row] = FALSE_WEIGHT * scaled_sigmoid((row - last) / max(width - 1, 1))
        return weights


def score_alarms(series: Series, alarms: Iterable[int]) -> float:
    """Sum of the worth of alarms: of each window the best, or minus `MISS_WEIGHT`; outside all of them."""
    best = [-MISS_WEIGHT] * len(series.windows)
    outside = 0.0
    for row in alarms:
        if row < series.probation:
            continue
        for index, (first, last) in enumerate(series.windows):
            if first <= row <= last:
                best[index] = max(best[index], series.weights[row])
                break
        else:
            outside += series.weights[row]
    return sum(best) + outside


def normalise(raw: float, windows: int) -> float:
    """Put a summed score on the scale where no alarm at all is 0 and the perfect detector 100."""
    return 100 * (raw + MISS_WEIGHT * windows) / ((HIT_WEIGHT + MISS_WEIGHT) * windows)


def onsets(at_ms: Sequence[int], scores: ArrayLike, threshold: float, pause_ms: int) -> list[int]:
    """Rows whose score reaches the threshold and that no alarm precedes by less than the pause."""
    rows: list[int] = []
    for row in np.flatnonzero(np.asarray(scores) >= threshold).tolist():
        if not rows or at_ms[row] - at_ms[rows[-1]] >= pause_ms:
            rows.append(row)
    return rows


def read_numenta(readings: Path, labels: Path) -> list[Series]:
    """Read the recorded set: `ts, entity_id, state`, and its windows `start, end, label, subject`."""
    windows = defaultdict(list)
    with labels.open(encoding="utf-8") as text:
        for row in csv.DictReader(text):
            windows[row["subject"]].append((_at_ms(row["start"]), _at_ms(row["end"])))
    columns: defaultdict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
    with gzip.open(readings, "rt", encoding="utf-8") as text:
        for row in csv.DictReader(text):
            at_ms, values = columns[row["entity_id"]]
            at_ms.append(_at_ms(row["ts"]))
            values.append(float(row["state"]))
    return [
        Series(name, at_ms, values, [_rows(at_ms, *window) for window in sorted(windows[name])])
        for name, (at_ms, values) in columns.items()
    ]


def _rows(at_ms: Sequence[int], start_ms: int, end_ms: int) -> tuple[int, int]:
    inside = [row for row, at in enumerate(at_ms) if start_ms <= at <= end_ms]
    return inside[0], inside[-1]


def _at_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
