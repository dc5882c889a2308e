"""Detector of anomalies in a home, on past days and as they happen."""

from collections.abc import Iterator, Mapping

import numpy as np

from detectors.anomaly.alarms import said
from detectors.anomaly.follower import Follower
from detectors.anomaly.openings import SLOT_MIN, SLOTS
from detectors.anomaly.walk import Walk
from detectors.anomaly.watch import AnomalyWatch
from detectors.contract import Watch
from detectors.history import Aggregate, Day, History
from schemas.anomalies import Anomaly
from schemas.events import Cause
from schemas.patterns import Pattern

__all__ = ["Anomalies"]

COUNTS = ("changes", "automated", "derived")


class Anomalies:
    """Say what is out of order: left on, opened at night, flapping, silent, missed, numbers out of context.

    Each day is judged by what the days before it let expect, event by event in the order of time; a `watch`
    goes on from there in the open day by the same rules, so that what is said live is found again at night.
    The score of an alarm is minus the base-10 logarithm of its probability if all were in order; a `Budget`
    lets the first of what belongs together pass, and so many a week at most.

    Of numbers, `detect` sees what the history keeps: context sensors in 5-minute steps, of all others when
    they spoke. A watch also judges what those say, and learns that anew, for a week, when the process starts.

    About 3 microseconds an event that is judged, 0.3 a numeric sample that is watched; some kilobytes an
    entity.

    Parameters
    ----------
    per_week
        Alarms a week at most, in the long run. Few homes come near the default, of which mostly less than one
        a week is false.

    Examples
    --------
    >>> Anomalies().kind
    'anomaly'

    References
    ----------
    V. Vovk, R. Wang (2021). E-values: calibration, combination and applications. Annals of Statistics 49(3),
    1736-1754. doi:10.1214/20-AOS2020
    """

    kind = "anomaly"

    def __init__(self, *, per_week: float = 5.0) -> None:
        self.per_week = per_week
        self._walked: tuple[tuple[Day, ...], tuple[Pattern, ...], Follower] | None = None
        self._present: Follower | None = None

    def close_day(self, day: Day) -> Mapping[str, Aggregate]:
        """Count each entity's changes: all, by automations, repeating others', and people's by half-hours."""
        names = sorted({event_type.entity_id for event_type in day.types})
        index = {name: number for number, name in enumerate(names)}
        of_type = np.array([index[each.entity_id] for each in day.types], dtype=np.int64)
        entity = of_type[day.type_ids]
        automated = day.causes == Cause.AUTOMATION
        counts = [
            np.bincount(entity[chosen], minlength=len(names)).tolist()
            for chosen in (np.ones(len(entity), dtype=np.bool_), automated, day.derived)
        ]
        own = ~(automated | day.derived)
        slot = np.minimum(day.minutes[own] // SLOT_MIN, SLOTS - 1).astype(np.int64)
        slots: list[dict[str, int]] = [{} for _ in names]
        cells, uses = np.unique(entity[own] * SLOTS + slot, return_counts=True)
        for cell, used in zip(cells.tolist(), uses.tolist(), strict=True):
            slots[cell // SLOTS][str(cell % SLOTS)] = used
        return {
            name: {
                **{count: counts[which][number] for which, count in enumerate(COUNTS)},
                "slots": slots[number],
            }
            for number, name in enumerate(names)
        }

    def detect(self, history: History) -> Iterator[Anomaly | None]:
        walk = Walk(history, self.kind, self.per_week)
        for alarm in walk.run():
            yield None if alarm is None else said(alarm, history.home)
        self._walked = (history.days, history.found.get("time_of_day", ()), walk.follower)

    def watch(self, history: History) -> Watch:
        walked, self._walked = self._walked, None
        found = history.found.get("time_of_day", ())
        if walked is None or not _same(walked[0], history.days) or walked[1] != found:
            for _ in self.detect(history):
                pass
            return self.watch(history)
        follower = walked[2]
        follower.go_live(self._present)
        self._present = follower
        return AnomalyWatch(follower, history.home, history.days[-1].end_ms if history.days else 0)


def _same(some: tuple[Day, ...], others: tuple[Day, ...]) -> bool:
    return len(some) == len(others) and all(map(lambda one, other: one is other, some, others))
