"""Who scores numeric series: each as a function that scores a reading and then learns it."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sin
from typing import Any

from river import anomaly, compose, preprocessing

from benchmarks.numeric.ewma import EwmaZScore
from benchmarks.numeric.series import DAY_MS
from detectors.anomaly.numeric import NumericScorer

Score = Callable[[float, int], float]
# Parts of River's module have no types.
RIVER: Any = anomaly
# Numenta's first 15 % are not scored, two days of its shorter series.
GRACE_HOURS = 48


@dataclass(frozen=True)
class Contender:
    """A way to score, made anew for each series; `imports` is what a process must load for it."""

    name: str
    make: Callable[[], Score]
    imports: str


class Trees:
    """River's HalfSpaceTrees on features scaled to 0..1, as their documentation asks for."""

    def __init__(self, trees: anomaly.HalfSpaceTrees, *, context: bool) -> None:
        self.model = compose.Pipeline(preprocessing.MinMaxScaler(), trees)
        self.context = context
        self.last: float | None = None

    def __call__(self, value: float, at_ms: int) -> float:
        """Score, then learn."""
        features = {"value": value}
        if self.context:
            angle = 2 * pi * at_ms / DAY_MS
            change = 0.0 if self.last is None else value - self.last
            features |= {"change": change, "sin": sin(angle), "cos": cos(angle)}
            self.last = value
        score = float(self.model.score_one(features))
        self.model.learn_one(features)
        return score


class Gaussian:
    """River's GaussianScorer without a window: with one, a constant stretch makes it raise a TypeError."""

    def __init__(self) -> None:
        self.model = RIVER.GaussianScorer()

    def __call__(self, value: float, at_ms: int) -> float:
        """Score, then learn."""
        del at_ms
        score = float(self.model.score_one(None, value))
        self.model.learn_one(None, value)
        return score


class Deviation:
    """River's StandardAbsoluteDeviation: distance from the running mean in running standard deviations."""

    def __init__(self) -> None:
        self.model = RIVER.StandardAbsoluteDeviation()

    def __call__(self, value: float, at_ms: int) -> float:
        """Score, then learn."""
        del at_ms
        score = abs(float(self.model.score_one(None, value)))
        self.model.learn_one(None, value)
        return score


def _trees() -> Score:
    return Trees(anomaly.HalfSpaceTrees(seed=1), context=False)


def _more_trees() -> Score:
    return Trees(anomaly.HalfSpaceTrees(n_trees=25, height=8, window_size=250, seed=1), context=True)


CONTENDERS = (
    Contender(
        "ours", lambda: NumericScorer(grace_hours=GRACE_HOURS).learn_one, "import detectors.anomaly.numeric"
    ),
    Contender("EWMA z-score, rate 0.005", lambda: EwmaZScore(0.005), "pass"),
    Contender("EWMA z-score, rate 0.02", lambda: EwmaZScore(0.02), "pass"),
    Contender("River HalfSpaceTrees, defaults", _trees, "from river import anomaly"),
    Contender(
        "River HalfSpaceTrees, 25 trees, value, change, time of day", _more_trees, "from river import anomaly"
    ),
    Contender("River GaussianScorer", Gaussian, "from river import anomaly"),
    Contender("River StandardAbsoluteDeviation", Deviation, "from river import anomaly"),
)
