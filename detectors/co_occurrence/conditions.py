"""Under which condition a trigger leads to the action, where it does not always."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detectors.following.log import Flags, Ids, Log
from detectors.history import Day, Millis, Steps
from schemas.patterns import AtHome, Condition, Dark, Hours, Temperature, Weekday

Values = NDArray[np.float64]

LEAST_GAIN = 4.0
LEAST_HITS = 4
QUANTILES = np.linspace(0.05, 0.95, 16)
STEPS_AN_HOUR = 12
STALE_MS = 7_200_000
WORKDAYS, WEEKEND = (0, 1, 2, 3, 4), (5, 6)
SPANS = tuple((start, (start + hours) % 24 or 24) for start in range(24) for hours in range(2, 17))
"""From which hour to which, 2 to 16 hours long."""

IN_SPAN = np.array([[(hour - a) % 24 < (b - a) % 24 for hour in range(24)] for a, b in SPANS], dtype=np.int64)
PLAIN: tuple[Condition, ...] = (
    Dark(),
    Weekday(days=WORKDAYS),
    Weekday(days=WEEKEND),
    AtHome(somebody=True),
    AtHome(somebody=False),
)
PLAIN_KINDS = (1, 2, 2)
"""How many of the plain conditions are of one kind: darkness, days of the week, presence."""


@dataclass(frozen=True, slots=True)
class _Occasions:
    """Circumstances of trials: which plain conditions each meets, its hour, what thermometers read."""

    plain: Flags
    hours: Ids
    readings: list[Values]

    def take(self, chosen: Flags) -> "_Occasions":
        return _Occasions(
            self.plain[:, chosen], self.hours[chosen], [reading[chosen] for reading in self.readings]
        )


class Conditions:
    """All conditions that are tried, and at which events each holds.

    They stand in one order everywhere: dark, days of the week, presence, spans of hours, then thermometers
    below each of their edges, then above.
    """

    def __init__(self, log: Log, days: Sequence[Day], steps: Mapping[str, Steps]) -> None:
        self._log = log
        self._sunrise = np.array([day.sunrise for day in days])
        self._sunset = np.array([day.sunset for day in days])
        self._workday = np.array([day.weekday in WORKDAYS for day in days])
        self._home_at, self._at_home = _occupancy(log)
        self._thermometers = [
            (name, steps[name], _edges(steps[name]))
            for name in sorted(steps)
            if steps[name].measures == "temperature" and len(steps[name].mean)
        ]
        self._edges = [
            (i, float(edge)) for i, (_, _, edges) in enumerate(self._thermometers) for edge in edges
        ]
        kinds = [*PLAIN_KINDS, len(SPANS), 2 * len(self._edges)]
        self._kinds = list(pairwise(np.cumsum([0, *kinds]).tolist()))

    def choose(self, rows: Ids, hits: Flags) -> tuple[Condition, Flags, float] | None:
        """Choose the condition that tells hits from misses best; return it, where it holds, and its gain.

        A condition gains the log-likelihood of two hit rates, within and without, over that of one. First the
        kind is chosen whose conditions gain most on average (the mean of the likelihoods, so that one of many
        must gain more than one of few), then the best of them. There is none unless that mean exceeds
        `LEAST_GAIN`.

        Parameters
        ----------
        rows
            The events that started the trials.
        hits
            Which trials led to the action.
        """
        occasions = self._occasions(rows)
        inside, k_in = self._count(occasions), self._count(occasions.take(hits))
        gains = _gains(inside, k_in, len(hits), int(np.count_nonzero(hits)))
        gain, first, end = max((_mean_gain(gains[a:b]), a, b) for a, b in self._kinds if a < b)
        best = first + int(np.argmax(gains[first:end]))
        return (*self._condition(best, occasions), gain) if gain > LEAST_GAIN else None

    def _occasions(self, rows: Ids) -> _Occasions:
        day, minute, at = (self._log.days_of(rows), self._log.minutes[rows], self._log.at[rows])
        dark = (minute < self._sunrise[day]) | (minute >= self._sunset[day])
        workday = self._workday[day]
        known = np.full(len(rows), len(self._home_at) > 0)
        somebody = self._at_home[np.searchsorted(self._home_at, at, side="right")] > 0
        return _Occasions(
            plain=np.stack([dark, workday, ~workday, known & somebody, known & ~somebody]),
            hours=np.minimum(minute / 60, 23).astype(np.int64),
            readings=[_read(steps, at + self._log.origin_ms) for _, steps, _ in self._thermometers],
        )

    def _count(self, occasions: _Occasions) -> Ids:
        """Return how many of the occasions meet each condition."""
        below, above = [], []
        for (_, _, edges), reading in zip(self._thermometers, occasions.readings, strict=True):
            known = np.sort(reading[~np.isnan(reading)])
            below.append(np.searchsorted(known, edges, side="left"))
            above.append(len(known) - below[-1])
        plain = np.count_nonzero(occasions.plain, axis=1)
        spans = IN_SPAN @ np.bincount(occasions.hours, minlength=24)
        return np.concatenate([plain, spans, *below, *above])

    def _condition(self, number: int, occasions: _Occasions) -> tuple[Condition, Flags]:
        """Tell the condition of this number, and at which of the occasions it holds."""
        if number < len(PLAIN):
            return PLAIN[number], occasions.plain[number]
        number -= len(PLAIN)
        if number < len(SPANS):
            after, before = SPANS[number]
            return Hours(after=after, before=before), IN_SPAN[number][occasions.hours] > 0
        above, place = divmod(number - len(SPANS), len(self._edges))
        thermometer, edge = self._edges[place]
        name, reading = self._thermometers[thermometer][0], occasions.readings[thermometer]
        if above:
            return Temperature(entity_id=name, above=edge), reading >= edge
        return Temperature(entity_id=name, below=edge), reading < edge


def _gains(inside: Ids, k_in: Ids, trials: int, k: int) -> Values:
    """Log-likelihood of two hit rates over that of one, 0 where fewer hits are within than without."""
    outside, k_out = trials - inside, k - k_in
    numbers = np.arange(trials + 1)
    x_log_x = numbers * np.log(np.maximum(numbers, 1))

    def fit(hit: Ids, of: Ids) -> Values:
        return np.asarray(x_log_x[hit] + x_log_x[of - hit] - x_log_x[of])

    gain = fit(k_in, inside) + fit(k_out, outside) - fit(np.array(k), np.array(trials))
    return np.where((k_in * outside > k_out * inside) & (k_in >= LEAST_HITS), gain, 0.0)


def _mean_gain(gains: Values) -> float:
    """Logarithm of the mean likelihood ratio."""
    top = float(gains.max())
    return top + float(np.log(np.exp(gains - top).mean()))


def _edges(steps: Steps) -> Values:
    """Thresholds worth trying: the quantiles of what the thermometer read, hour by hour."""
    return np.unique(np.round(np.quantile(steps.mean[::STEPS_AN_HOUR], QUANTILES), 1))


def _read(steps: Steps, at_ms: Millis) -> Values:
    """Return the reading at each time, NaN (which no threshold meets) where there is no recent one."""
    position = np.searchsorted(steps.start_ms, at_ms, side="right") - 1
    fresh = (position >= 0) & (at_ms - steps.start_ms[position] < STALE_MS)
    return np.where(fresh, steps.mean[position], np.nan)


def _occupancy(log: Log) -> tuple[Millis, Ids]:
    """Return when persons came and went, and how many were at home before, between and after."""
    persons = np.array([t.entity_id.startswith("person.") for t in log.types], dtype=np.bool_)
    rows = np.nonzero(persons[log.type_ids])[0]
    inside: dict[int, bool] = {}
    counts: list[int] = []
    for type_id in log.type_ids[rows].tolist():
        inside[int(log.entities[type_id])] = log.types[type_id].state == "home"
        counts.append(sum(inside.values()))
    return log.at[rows], np.array([*counts[:1], *counts] or [0], dtype=np.int64)
