"""The stays of all days, those across midnight too."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.duration.course import BUCKET_BITS, Ends, cut, edges_of
from detectors.duration.lengths import BUCKETS, Ints, buckets
from detectors.history import Aggregate, Day
from schemas.events import EventType


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

    def latest(self, count: int) -> "Stays":
        """The last so many of them."""
        return self.take(slice(-count, None)) if len(self) > count else self

    def take(self, chosen: NDArray[np.bool_] | slice) -> "Stays":
        """Only the chosen ones."""
        return Stays(
            self.days[chosen],
            self.weekdays[chosen],
            self.hours[chosen],
            self.lengths[chosen],
            self.others,
        )


@dataclass(slots=True)
class _Found:
    """Stays gathered of an event type."""

    days: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    others: int = 0


def gather(
    days: Sequence[Day], aggregates: Sequence[Mapping[str, Aggregate]], wanted: set[EventType]
) -> Iterator[tuple[EventType, Stays] | None]:
    """The stays of each wanted event type, those across midnight too; None between slices."""
    found = {event_type: _Found() for event_type in wanted}
    unseen = edges_of(_unseen(days))
    last: dict[str, Ends] = {}
    for day, of_day in zip(days, aggregates, strict=True):
        _add(found, day.date.toordinal(), of_day)
        _connect(found, last, of_day, unseen)
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
    found: dict[EventType, _Found], last: dict[str, Ends], of_day: Mapping[str, Any], unseen: Ints
) -> None:
    """Make a stay of each last change before and the first change of this day."""
    joints: list[tuple[_Found, Ends, Ends]] = []
    for entity_id, aggregate in of_day.items():
        for each in aggregate["ends"]:
            ends, before = Ends(*each), last.get(entity_id)
            last[entity_id] = ends
            if before is not None and before.last_state != ends.first_state:
                known = found.get(EventType(entity_id, before.last_state))
                if known is not None:
                    joints.append((known, before, ends))
    if not joints:
        return
    begin = np.array([before.last_ms for _, before, _ in joints], dtype=np.int64)
    end = np.array([ends.first_ms for _, _, ends in joints], dtype=np.int64)
    seen = ~cut(begin, end, unseen)
    for (known, before, ends), length, whole in zip(
        joints, buckets(end - begin).tolist(), seen.tolist(), strict=True
    ):
        if before.last_foreign or ends.first_foreign:
            known.others += whole
        elif whole and length < BUCKETS:
            known.codes.append(before.hour_of_week << BUCKET_BITS | length)
            known.days.append(before.day)


def _unseen(days: Sequence[Day]) -> list[tuple[int, int]]:
    """Gaps of the days, and between them where days are missing altogether; sorted."""
    missing = [(one.end_ms, other.start_ms) for one, other in pairwise(days) if one.end_ms < other.start_ms]
    return sorted([*missing, *(gap for day in days for gap in day.gaps_ms)])
