"""Judges a numeric entity's hours: their mean, several of them together, and how much readings change."""

from collections.abc import Mapping
from math import exp, log
from typing import Any

from detectors.anomaly.numeric_surprise import NOTHING, Surprise
from detectors.anomaly.numeric_tail import Tail
from detectors.anomaly.numeric_usual import Spread, Usual

REACH = 4.0  # times the usual deviation: further no single hour moves what is usual
LEVEL_RATE, ROUGHNESS_RATE = 0.15, 0.3  # so the level looks back some 7 hours, the roughness 3
STILLNESS = 0.05  # no change at all counts like this share of the usual one
SLOWEST = 0.01
LARGEST_LEVEL, LARGEST_FACTOR_LOG = 6.0, 50.0
WARM_UP_HOURS = 24


class Hours:
    """Scores each hour in three ways and keeps the most surprising.

    Its mean against a forecast by recent level, hour of the day or hour of the week, whichever erred least,
    carried on from the last hour's deviation; the deviations of some hours together; and the mean change
    between readings against what it is at that hour. Some 6 microseconds an hour; not mergeable.
    """

    # What a snapshot holds beside the parts.
    _PLAIN = (
        "_deviation",
        "_level",
        "_level_size",
        "_memory",
        "_power",
        "_roughness",
        "_roughness_size",
        "closed",
        "quantum",
    )
    __slots__ = (*_PLAIN, "_jump", "_spreads", "_tails", "usual")

    def __init__(self) -> None:
        self.usual = Usual()
        self.closed = 0
        self.quantum = 0.0
        self._deviation: float | None = None
        self._memory, self._power = 0.0, 0.0
        self._level, self._level_size, self._roughness, self._roughness_size = 0.0, 0.0, 0.0, 0.0
        self._jump = Spread()
        self._spreads = {"value": Spread(), "roughness": Spread()}
        self._tails = {"value": Tail(0.03), "level": Tail(0.03), "roughness": Tail(0.03)}

    def expected(self, hour: int) -> float:
        """Forecast of an hour's mean, carried on from the last hour."""
        return self.usual.value(hour) + self._carried()

    def jump_scale(self, hour: int) -> float:
        """Return the usual distance of a reading from both the last one and the forecast."""
        return self._jump.at(hour) + self._least()

    def interrupt(self) -> None:
        """Let no deviation carry over: hours are missing."""
        self._deviation = None

    def score_and_learn(self, hour: int, mean: float, moved: float | None, off: float) -> Surprise:
        """Score an hour by its mean and by the mean change of its readings, then learn it.

        `off` is how far its readings were on average from both the last one and the forecast.
        """
        usual, known = self.usual, self.usual.knows(hour)
        if not self.closed:
            usual.level = mean
        forecast, scale = usual.value(hour), self._spreads["value"].at(hour) + self._least()
        carried, deviation = self._carried(), mean - forecast
        news = deviation - carried
        best = self._tails["value"].score_and_learn(abs(news) / scale) if known else 0.0
        what, level, roughness = "value", self._score_level(deviation / scale), 0.0
        if level > best:
            best, what = level, "level"
        if moved is not None:
            moves = self._usual_moves(hour)
            roughness = self._score_roughness(hour, moved, known=known)
            self._jump.learn_one(hour, off)
        surprise = NOTHING
        if roughness > best:
            surprise = Surprise(roughness, "roughness", moved or 0.0, *moves, usual.context(hour))
        elif best:
            width, centre = (
                scale * self._tails["value"].limit,
                forecast + (carried if what == "value" else 0.0),
            )
            surprise = Surprise(best, what, mean, centre - width, centre + width, usual.context(hour))
        self._learn(hour, mean, deviation, news, scale, known=known)
        return surprise

    def _learn(
        self, hour: int, mean: float, deviation: float, news: float, scale: float, *, known: bool
    ) -> None:
        self.closed += 1
        reach = REACH * scale
        if self._deviation is not None and known:
            rate = max(SLOWEST, 1 / self.closed)
            now, before = (min(max(each, -reach), reach) / scale for each in (deviation, self._deviation))
            self._memory += rate * (now * before - self._memory)
            self._power += rate * (before * before - self._power)
        self.usual.learn_one(hour, mean, reach)
        self._spreads["value"].learn_one(hour, min(abs(news), reach) if known else abs(news))
        self._deviation = deviation

    def _score_level(self, deviation: float) -> float:
        clipped = min(max(deviation, -LARGEST_LEVEL), LARGEST_LEVEL)
        self._level += LEVEL_RATE * (clipped - self._level)
        size, usual, score = abs(self._level), self._level_size, 0.0
        if self.closed >= WARM_UP_HOURS:
            score = self._tails["level"].score_and_learn(size / (usual + 0.05))
        self._level_size += max(SLOWEST, 1 / (self.closed + 2)) * (min(size, 5 * usual + 1) - usual)
        return score

    def _score_roughness(self, hour: int, moved: float, *, known: bool) -> float:
        spread, least, score = self._spreads["roughness"], self._least(), 0.0
        if known:
            at_hour, usual = spread.at(hour), self._roughness_size
            floor = least + STILLNESS * at_hour
            self._roughness += ROUGHNESS_RATE * (log((moved + floor) / (at_hour + floor)) - self._roughness)
            size = abs(self._roughness)
            if self.closed >= WARM_UP_HOURS:
                score = self._tails["roughness"].score_and_learn(size / (usual + 0.05))
            self._roughness_size += max(SLOWEST, 1 / (self.closed + 2)) * (min(size, 5 * usual + 0.5) - usual)
            moved = min(moved, REACH * at_hour + least)
        spread.learn_one(hour, moved)
        return score

    def _usual_moves(self, hour: int) -> tuple[float, float]:
        usual = self._spreads["roughness"].at(hour)
        wide = self._tails["roughness"].limit * (self._roughness_size + 0.05)
        factor = exp(min(wide, LARGEST_FACTOR_LOG))
        return usual / factor, usual * factor

    def _carried(self) -> float:
        """The part of the last hour's deviation that an hour keeps: regression of one on the other."""
        if self._deviation is None or not self._power:
            return 0.0
        return self._deviation * min(max(self._memory / self._power, 0.0), 1.0)

    def _least(self) -> float:
        """The smallest deviation that means anything: half of the smallest change seen."""
        return self.quantum / 2 + 1e-6 * abs(self.usual.level) + 1e-30

    def snapshot(self) -> dict[str, Any]:
        """Plain, finite values."""
        return {
            "plain": [getattr(self, name) for name in self._PLAIN],
            "usual": self.usual.snapshot(),
            "jump": self._jump.snapshot(),
            "spreads": {name: spread.snapshot() for name, spread in self._spreads.items()},
            "tails": {name: tail.snapshot() for name, tail in self._tails.items()},
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take up what `snapshot` returned."""
        for name, value in zip(self._PLAIN, snapshot["plain"], strict=True):
            setattr(self, name, value)
        self.usual.restore(snapshot["usual"])
        self._jump.restore(snapshot["jump"])
        for name, spread in self._spreads.items():
            spread.restore(snapshot["spreads"][name])
        for name, tail in self._tails.items():
            tail.restore(snapshot["tails"][name])
