"""Drift of a daily series of hits and misses: who notices that a habit ended, how soon, and at what price."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import log
from typing import Any

import numpy as np
from river import base, drift

from benchmarks.numeric.cost import cpu_us, import_mb, model_bytes
from detectors.time_of_day.course import ended

HABITS, RATE, DAYS_BEFORE, DAYS_AFTER, YEAR = 400, 0.9, 28, 120, 365
JUDGED_DAYS = 90


class Cusum:
    """Sum of log-likelihood ratios of a lower against the old hit rate, never below 0."""

    def __init__(self, before: float = 0.85, after: float = 0.35, limit: float = 3.5) -> None:
        self.gain = (log((1 - after) / (1 - before)), log(after / before))
        self.limit, self.total = limit, 0.0

    def update(self, hit: float) -> bool:
        """Take a day; whether the rate fell."""
        self.total = max(0.0, self.total + self.gain[int(hit)])
        if self.total > self.limit:
            self.total = 0.0
            return True
        return False


class TwoSegments:
    """What the clock habits use: the best split of the judged days' hits, looked at every night."""

    def __init__(self) -> None:
        self.hits: list[bool] = []

    def update(self, hit: float) -> bool:
        """Take a day; whether the habit is over."""
        self.hits = [*self.hits, bool(hit)][-JUDGED_DAYS:]
        hits = np.array([self.hits])
        if bool(ended(hits, np.ones_like(hits))[0]):
            self.hits = []
            return True
        return False


class Drift:
    """A detector of River's, which also tells a rise; only a fall counts here."""

    def __init__(self, model: base.DriftDetector) -> None:
        self.model = model

    def update(self, hit: float) -> bool:
        """Take a day; whether it drifted."""
        self.model.update(hit)
        return bool(self.model.drift_detected)


@dataclass(frozen=True)
class Watcher:
    """A way to watch, made anew for each habit."""

    name: str
    make: Callable[[], Cusum | TwoSegments | Drift]
    imports: str


# Parts of River's module have no types.
RIVER: Any = drift
IMPORT = "from river import drift"
WATCHERS = (
    Watcher("River ADWIN, defaults", lambda: Drift(RIVER.ADWIN()), IMPORT),
    Watcher("River ADWIN, delta 0.3, clock 1", lambda: Drift(RIVER.ADWIN(delta=0.3, clock=1)), IMPORT),
    Watcher("River PageHinkley, defaults", lambda: Drift(RIVER.PageHinkley()), IMPORT),
    Watcher(
        "River PageHinkley, threshold 5, fall only",
        lambda: Drift(RIVER.PageHinkley(threshold=5, mode="down")),
        IMPORT,
    ),
    Watcher(
        "River PageHinkley, delta 0.1, threshold 4, fall only",
        lambda: Drift(RIVER.PageHinkley(delta=0.1, threshold=4, mode="down")),
        IMPORT,
    ),
    Watcher("Bernoulli CUSUM, 0.85 to 0.35, limit 3.5", Cusum, "pass"),
    Watcher("two segments, as clock habits", TwoSegments, "import detectors.time_of_day.course"),
)


def report(seed: int = 1) -> str:
    """The table."""
    rng = np.random.default_rng(seed)
    steady = rng.random((HABITS, YEAR)) < RATE
    begun = rng.random((HABITS, DAYS_BEFORE)) < RATE
    gone = np.hstack([begun, np.zeros((HABITS, DAYS_AFTER), dtype=bool)])
    halved = np.hstack([begun, rng.random((HABITS, DAYS_AFTER)) < 0.5])
    rows = [_row(watcher, steady, gone, halved) for watcher in WATCHERS]
    return "\n".join(
        [
            (
                f"{HABITS} habits of hit rate {RATE} for {DAYS_BEFORE} days, then none or 0.5: median days "
                f"to notice, share noticed within {DAYS_AFTER}; false alarms of as many that never change."
            ),
            "",
            (
                "| | days to notice none | noticed | days to notice 0.5 | noticed | false alarms a habit and "
                "year | us a day | bytes | import, MB |"
            ),
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
        ]
    )


def _row(watcher: Watcher, steady: np.ndarray, gone: np.ndarray, halved: np.ndarray) -> str:
    false = sum(sum(map(watcher.make().update, row)) for row in steady.astype(float).tolist())
    days = steady.size
    spent = cpu_us(
        lambda: [list(map(watcher.make().update, row)) for row in steady.astype(float).tolist()], days
    )
    size = model_bytes(partial(_trained, watcher.make, steady[0].astype(float).tolist()))
    cells = [watcher.name, *_delays(watcher, gone), *_delays(watcher, halved)]
    cells += [f"{false / len(steady):.2f}", f"{spent:.2f}", str(size), f"{import_mb(watcher.imports):.0f}"]
    return f"| {' | '.join(cells)} |"


def _delays(watcher: Watcher, habits: np.ndarray) -> tuple[str, str]:
    delays = [_delay(watcher, row) for row in habits.astype(float).tolist()]
    noticed = [delay for delay in delays if delay is not None]
    median = f"{np.median([DAYS_AFTER if delay is None else delay for delay in delays]):.0f}"
    return (
        median if len(noticed) * 2 > len(delays) else f"over {DAYS_AFTER}"
    ), f"{len(noticed) / len(delays):.2f}"


def _delay(watcher: Watcher, hits: Sequence[float]) -> int | None:
    """Days from the change to the first alarm after it."""
    update = watcher.make().update
    for day, hit in enumerate(hits):
        if update(hit) and day >= DAYS_BEFORE:
            return day - DAYS_BEFORE + 1
    return None


def _trained(make: Callable[[], Cusum | TwoSegments | Drift], hits: Sequence[float]) -> object:
    watcher = make()
    for hit in hits:
        watcher.update(hit)
    return watcher
