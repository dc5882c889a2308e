"""The course of a day: the stays that it holds, and how it began and ended, entity by entity."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.duration.lengths import Ints, buckets
from detectors.duration.states import senses, tells
from detectors.history import Day
from schemas.events import Cause, EventType

BUCKET_BITS = 12
LAST_HOUR = 23


def summarise(day: Day) -> dict[str, dict[str, Any]]:
    """The stays that began and ended on `day`, and the ends of those that did not, by entity.

    ``stays`` holds, by state, a sorted code for each stay: local hour of the week at its begin, and length;
    ``others`` counts those that an automation or another entity's change began or ended; ``ends`` says how
    the day began and ended. A stay is left out that a gap cut, or whose end was not seen: the same state
    came again.
    """
    course = _Course.of(day)
    aggregates: dict[str, dict[str, Any]] = {}
    for low, high in pairwise(course.edges):
        ends = course.ends(low, high - 1)
        aggregates[course.entities[low]] = {"stays": {}, "others": {}, "ends": [list(ends)]}
    for (entity_id, state), code, foreign in course.stays():
        aggregate = aggregates[entity_id]
        if foreign:
            aggregate["others"][state] = aggregate["others"].get(state, 0) + 1
        else:
            aggregate["stays"].setdefault(state, []).append(code)
    for aggregate in aggregates.values():
        for codes in aggregate["stays"].values():
            codes.sort()
    return aggregates


class Ends(NamedTuple):
    """The first and the last change of an entity on a day: what begins or ended on another one.

    `hour_of_week` is the last one's. A change is `foreign` that an automation made, or that only repeats
    another entity's.
    """

    day: int
    first_ms: int
    first_state: str
    first_foreign: int
    last_ms: int
    last_state: str
    last_foreign: int
    hour_of_week: int


@dataclass(frozen=True, slots=True)
class _Course:
    """The changes of a day, entity by entity: those of one from one of `edges` to the next."""

    day: Day
    types: Ints
    at: Ints
    foreign: NDArray[np.bool_]
    hours: Ints
    edges: list[int]
    entities: list[str]

    @classmethod
    def of(cls, day: Day) -> "_Course":
        """Sort by entity and time, without those that hold their states for set times."""
        names = [event_type.entity_id for event_type in day.types]
        number = {name: -1 if senses(name) else place for place, name in enumerate(dict.fromkeys(names))}
        column = np.array([number[name] for name in names], dtype=np.int64)[day.type_ids]
        order = np.argsort(column, kind="stable")[np.count_nonzero(column < 0) :]
        types = day.type_ids[order].astype(np.int64)
        foreign = day.derived | (day.causes == Cause.AUTOMATION)
        hours = day.weekday * 24 + np.minimum((day.minutes / 60).astype(np.int64), LAST_HOUR)
        edges = np.nonzero(np.diff(column[order], prepend=-1, append=-1))[0].tolist()
        return cls(
            day,
            types,
            day.at_ms[order],
            foreign[order],
            hours[order],
            edges,
            [day.types[type_id].entity_id for type_id in types.tolist()],
        )

    def ends(self, first: int, last: int) -> Ends:
        """The first and the last change of an entity."""
        return Ends(
            day=self.day.date.toordinal(),
            first_ms=int(self.at[first]),
            first_state=self.day.types[self.types[first]].state,
            first_foreign=int(self.foreign[first]),
            last_ms=int(self.at[last]),
            last_state=self.day.types[self.types[last]].state,
            last_foreign=int(self.foreign[last]),
            hour_of_week=int(self.hours[last]),
        )

    def stays(self) -> Iterator[tuple[EventType, int, bool]]:
        """Each whole stay in a state that tells: its type and code, and whether it was foreign."""
        telling = np.array([tells(event_type) for event_type in self.day.types], dtype=np.bool_)
        begins = telling[self.types]
        begins[np.array(self.edges[1:], dtype=np.int64) - 1] = False
        begin = np.nonzero(begins)[0]
        begin = begin[self.types[begin] != self.types[begin + 1]]
        begin = begin[~cut(self.at[begin], self.at[begin + 1], edges_of(self.day.gaps_ms))]
        codes = (self.hours[begin] << BUCKET_BITS) | buckets(self.at[begin + 1] - self.at[begin])
        foreign = self.foreign[begin] | self.foreign[begin + 1]
        types = (self.day.types[type_id] for type_id in self.types[begin].tolist())
        return zip(types, codes.tolist(), foreign.tolist(), strict=True)


def edges_of(gaps: Sequence[tuple[int, int]]) -> Ints:
    """Begins and ends of disjoint gaps, one after the other."""
    return np.array([moment for gap in gaps for moment in gap], dtype=np.int64)


def cut(begin: Ints, end: Ints, edges: Ints) -> NDArray[np.bool_]:
    """Return which of these intervals a gap overlaps: one begins or ends within it, or before and goes on."""
    first = np.searchsorted(edges, begin, side="right")
    return np.asarray((first % 2 == 1) | (np.searchsorted(edges, end, side="left") > first), dtype=np.bool_)
