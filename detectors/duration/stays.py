"""Stays of entities in states: what a day holds of them, and how those of many days join."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.duration.lengths import BUCKETS, Ints, buckets
from detectors.history import Aggregate, Day
from schemas.events import Cause, EventType

BUCKET_BITS = 12
LAST_HOUR = 23
DAYS_A_SLICE = 4


class _Ends(NamedTuple):
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
class Stays:
    """The stays of an entity in a state that people began and ended, by day and hour of their begin.

    Attributes
    ----------
    days
        Ordinals of the local days on which they began.
    weekdays, hours
        0 = Monday; the local hour.
    lengths
        Buckets.
    others
        How many stays were an automation's, or another entity's.
    """

    days: Ints
    weekdays: Ints
    hours: Ints
    lengths: Ints
    others: int

    @classmethod
    def of(cls, days: Sequence[int], codes: Sequence[int], others: int) -> "Stays":
        """Sort and decode."""
        day, code = np.array(days, dtype=np.int64), np.array(codes, dtype=np.int64)
        order = np.lexsort((code, day))
        day, code = day[order], code[order]
        hour_of_week = code >> BUCKET_BITS
        lengths = code & ((1 << BUCKET_BITS) - 1)
        return cls(day, hour_of_week // 24, hour_of_week % 24, lengths, others)

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, chosen: NDArray[np.bool_]) -> "Stays":
        """Only the chosen ones."""
        return Stays(
            self.days[chosen],
            self.weekdays[chosen],
            self.hours[chosen],
            self.lengths[chosen],
            self.others,
        )


def summarise(day: Day) -> dict[str, dict[str, Any]]:
    """The stays that began and ended on `day`, and the ends of those that did not, by entity.

    ``stays`` holds, by state, a sorted code for each stay: local hour of the week at its begin, and
    length; ``others`` counts those that an automation or another entity's change began or ended; ``ends``
    says how the day began and ended. A stay is left out that a gap cut, or whose end was not seen: the same
    state came again.
    """
    entities = [event_type.entity_id for event_type in day.types]
    number = {entity_id: place for place, entity_id in enumerate(dict.fromkeys(entities))}
    column = np.array([number[entity_id] for entity_id in entities], dtype=np.int64)[day.type_ids]
    order = np.argsort(column, kind="stable")
    column, types, at = column[order], day.type_ids[order], day.at_ms[order]
    foreign = (day.derived | (day.causes == Cause.AUTOMATION))[order]
    hours = _hours_of_week(day)[order]
    begin = np.nonzero((column[1:] == column[:-1]) & (types[1:] != types[:-1]))[0]
    begin = begin[~_cut(at[begin], at[begin + 1], _edges(day.gaps_ms))]
    codes = (hours[begin] << BUCKET_BITS) | buckets(at[begin + 1] - at[begin])
    others = foreign[begin] | foreign[begin + 1]
    aggregates: dict[str, dict[str, Any]] = {
        entity_id: {"stays": {}, "others": {}, "ends": []} for entity_id in number
    }
    for type_id, code, other in zip(types[begin].tolist(), codes.tolist(), others.tolist(), strict=True):
        entity_id, state = day.types[type_id]
        aggregate = aggregates[entity_id]
        if other:
            aggregate["others"][state] = aggregate["others"].get(state, 0) + 1
        else:
            aggregate["stays"].setdefault(state, []).append(code)
    edges = np.nonzero(np.diff(column, prepend=-1, append=-1))[0].tolist()
    for low, high in pairwise(edges):
        ends = _Ends(
            day.date.toordinal(),
            int(at[low]),
            day.types[types[low]].state,
            int(foreign[low]),
            int(at[high - 1]),
            day.types[types[high - 1]].state,
            int(foreign[high - 1]),
            int(hours[high - 1]),
        )
        aggregates[day.types[types[low]].entity_id]["ends"].append(list(ends))
    for aggregate in aggregates.values():
        for of_state in aggregate["stays"].values():
            of_state.sort()
    return aggregates


def join(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Put together what different days hold of an entity."""
    stays, others = dict(one["stays"]), dict(one["others"])
    for state, codes in other["stays"].items():
        stays[state] = sorted([*stays.get(state, ()), *codes])
    for state, count in other["others"].items():
        others[state] = others.get(state, 0) + count
    return {"stays": stays, "others": others, "ends": sorted([*one["ends"], *other["ends"]])}


@dataclass(slots=True)
class _Found:
    """What was gathered of an event type."""

    days: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    others: int = 0


def gather(
    days: Sequence[Day], aggregates: Sequence[Mapping[str, Aggregate]], wanted: set[EventType]
) -> Iterator[tuple[EventType, Stays] | None]:
    """The stays of each wanted event type, those across midnight too; None between slices."""
    found = {event_type: _Found() for event_type in wanted}
    unseen = _edges(_unseen(days))
    last: dict[str, _Ends] = {}
    for place, (day, of_day) in enumerate(zip(days, aggregates, strict=True)):
        _add(found, day.date.toordinal(), of_day)
        _connect(found, last, of_day, unseen)
        if place % DAYS_A_SLICE == 0:
            yield None
    for event_type, each in sorted(found.items(), key=itemgetter(0)):
        yield event_type, Stays.of(each.days, each.codes, each.others)


def _add(found: dict[EventType, _Found], day: int, of_day: Mapping[str, Any]) -> None:
    for entity_id, aggregate in of_day.items():
        for state, codes in aggregate["stays"].items():
            known = found.get(EventType(entity_id, state))
            if known is not None:
                known.codes += codes
                known.days += [day] * len(codes)
        for state, count in aggregate["others"].items():
            known = found.get(EventType(entity_id, state))
            if known is not None:
                known.others += count


def _connect(
    found: dict[EventType, _Found], last: dict[str, _Ends], of_day: Mapping[str, Any], unseen: Ints
) -> None:
    """Make a stay of each last change before and the first change of this day."""
    joints: list[tuple[_Found, _Ends, _Ends]] = []
    for entity_id, aggregate in of_day.items():
        for each in aggregate["ends"]:
            ends, before = _Ends(*each), last.get(entity_id)
            last[entity_id] = ends
            if before is not None and before.last_state != ends.first_state:
                known = found.get(EventType(entity_id, before.last_state))
                if known is not None:
                    joints.append((known, before, ends))
    if not joints:
        return
    begin = np.array([before.last_ms for _, before, _ in joints], dtype=np.int64)
    end = np.array([ends.first_ms for _, _, ends in joints], dtype=np.int64)
    seen = ~_cut(begin, end, unseen)
    for (known, before, ends), length, whole in zip(
        joints, buckets(end - begin).tolist(), seen.tolist(), strict=True
    ):
        if before.last_foreign or ends.first_foreign:
            known.others += whole
        elif whole and length < BUCKETS:
            known.codes.append(before.hour_of_week << BUCKET_BITS | length)
            known.days.append(before.day)


def _hours_of_week(day: Day) -> Ints:
    """Local hour of each event, counted from Monday's first."""
    return day.weekday * 24 + np.minimum((day.minutes / 60).astype(np.int64), LAST_HOUR)


def _unseen(days: Sequence[Day]) -> list[tuple[int, int]]:
    """Gaps of the days, and between them where days are missing altogether; sorted."""
    missing = [(one.end_ms, other.start_ms) for one, other in pairwise(days) if one.end_ms < other.start_ms]
    return sorted([*missing, *(gap for day in days for gap in day.gaps_ms)])


def _edges(gaps: Sequence[tuple[int, int]]) -> Ints:
    """Begins and ends of disjoint gaps, one after the other."""
    return np.array([moment for gap in gaps for moment in gap], dtype=np.int64)


def _cut(begin: Ints, end: Ints, edges: Ints) -> NDArray[np.bool_]:
    """Which of these intervals a gap overlaps: one begins or ends within it, or before and goes on."""
    first = np.searchsorted(edges, begin, side="right")
    return np.asarray((first % 2 == 1) | (np.searchsorted(edges, end, side="left") > first), dtype=np.bool_)
