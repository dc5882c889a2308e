"""The past: each day judged by what the days before it let expect."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np

from detectors.anomaly.alarms import Alarm
from detectors.anomaly.follower import Follower
from detectors.anomaly.routines import routines
from detectors.anomaly.signs import Signs, signs_of
from detectors.anomaly.silences import STEP_MS
from detectors.history import Day, History

SLICE = 250
# When the sun rises and sets, for want of a day before.
SUN = (360.0, 1080.0)
# When, of which entity, and its state, the mean of its step, or only that it spoke.
Entry = tuple[int, str, str | float | Signs]


class Walk:
    """Takes a follower through a history, day by day, by what each day and those before it let expect."""

    def __init__(self, history: History, kind: str, per_week: float) -> None:
        self.follower = Follower(history.home, per_week, routines(history.found.get("time_of_day", ())))
        self._history = history
        self._aggregates: tuple[Mapping[str, Any], ...] = history.aggregates[kind]
        self._heard = history.heard or ({},) * len(history.days)

    def run(self) -> Iterator[Alarm | None]:
        """Judge and learn every day, and begin the one after the last; None between slices."""
        follower, days = self.follower, self._history.days
        until_ms, sun = (days[0].start_ms if days else 0), SUN
        for day, aggregates, heard in zip(days, self._aggregates, self._heard, strict=True):
            if day.start_ms > until_ms:
                follower.lose_sight(until_ms, day.start_ms)
            follower.begin_day(day.date, sun)
            for gap in day.gaps_ms:
                follower.lose_sight(*gap)
            yield from self._follow(day, heard)
            yield from follower.pass_time(day.end_ms)
            yield None
            follower.learn_day(aggregates)
            until_ms, sun = day.end_ms, (day.sunrise, day.sunset)
            yield None
        if days:
            follower.begin_day(days[-1].date + timedelta(days=1), sun)

    def _follow(self, day: Day, heard: Mapping[str, bytes]) -> Iterator[Alarm | None]:
        entries: list[Entry] = [
            (at_ms, *day.types[type_id])
            for at_ms, type_id in zip(day.at_ms.tolist(), day.type_ids.tolist(), strict=True)
        ]
        numbers = [*self._signs(day, heard), *self._steps(day)]
        if numbers:
            entries = sorted([*entries, *numbers], key=lambda entry: entry[0])
        yield None
        follower = self.follower
        for number, (at_ms, entity_id, said) in enumerate(entries):
            if isinstance(said, Signs):
                yield from follower.hear(entity_id, said)
            elif isinstance(said, str):
                yield from follower.see(entity_id, said, at_ms)
            else:
                yield from follower.measure_step(entity_id, said, at_ms)
            if number % SLICE == 0:
                yield None

    def _signs(self, day: Day, heard: Mapping[str, bytes]) -> Iterator[Entry]:
        for entity_id, signs in signs_of(heard, day.start_ms, day.end_ms):
            if entity_id not in self._history.steps:
                yield signs.first * STEP_MS, entity_id, signs

    def _steps(self, day: Day) -> list[Entry]:
        entries: list[Entry] = []
        for entity_id, steps in self._history.steps.items():
            low, high = np.searchsorted(steps.start_ms, (day.start_ms, day.end_ms)).tolist()
            starts, means = steps.start_ms[low:high].tolist(), steps.mean[low:high].tolist()
            entries += [(start_ms, entity_id, mean) for start_ms, mean in zip(starts, means, strict=True)]
        return entries
