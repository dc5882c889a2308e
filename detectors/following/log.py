"""All events of the retained days, end to end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.following.day_table import is_action, is_trigger
from detectors.history import Day, Millis
from schemas.events import Cause, EventType

Flags = NDArray[np.bool_]
Ids = NDArray[np.integer[Any]]
NEVER = 1 << 60
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Log:
    """The events in time order; a row is the place of an event in it.

    Attributes
    ----------
    origin_ms, end
        UTC milliseconds of the first midnight; `at` and all other times count from there, up to `end`.
    types, entities
        All event types, sorted, and the number of each one's entity.
    type_ids, at, minutes, first_rows
        Type, time and local minute of each event; the row with which each day starts.
    may_trigger, by_hand
        Which events people may react to, and which are actions that no automation took. Of events with one
        context only the first counts.
    blind_from, blind_to
        Intervals without knowledge: gaps, days that are missing, and all time after the last day.
    """

    origin_ms: int
    end: int
    types: tuple[EventType, ...]
    entities: Ids
    type_ids: Ids
    at: Millis
    minutes: NDArray[np.float32]
    first_rows: Ids
    may_trigger: Flags
    by_hand: Flags
    blind_from: Millis
    blind_to: Millis

    @classmethod
    def of(cls, days: Sequence[Day]) -> "Log":
        """Lay the days end to end."""
        types = tuple(sorted({event_type for day in days for event_type in day.types}))
        number = {event_type: i for i, event_type in enumerate(types)}
        width = np.uint16 if len(types) < 1 << 16 else np.int32
        names = {name: i for i, name in enumerate(sorted({event_type.entity_id for event_type in types}))}
        type_ids = np.concatenate(
            [np.array([number[t] for t in day.types], dtype=width)[day.type_ids] for day in days]
        )
        primary = ~np.concatenate([day.derived for day in days])
        triggers = np.array([is_trigger(event_type) for event_type in types], dtype=np.bool_)
        actions = np.array([is_action(event_type) for event_type in types], dtype=np.bool_)
        by_people = np.concatenate([day.causes for day in days]) != Cause.AUTOMATION
        blind_from, blind_to = _blind(days)
        return cls(
            origin_ms=days[0].start_ms,
            end=days[-1].end_ms - days[0].start_ms,
            types=types,
            entities=np.array([names[event_type.entity_id] for event_type in types], dtype=np.int64),
            type_ids=type_ids,
            at=np.concatenate([day.at_ms for day in days]) - days[0].start_ms,
            minutes=np.concatenate([day.minutes.astype(np.float32) for day in days]),
            first_rows=np.cumsum([0, *(len(day.at_ms) for day in days)])[:-1],
            may_trigger=primary & triggers[type_ids],
            by_hand=primary & actions[type_ids] & by_people,
            blind_from=blind_from,
            blind_to=blind_to,
        )

    def count(self, chosen: Flags) -> Ids:
        """Return how many of the chosen events each type has."""
        return np.bincount(self.type_ids[chosen], minlength=len(self.types))

    def days_of(self, rows: Ids) -> Ids:
        """Number of the day, in order, that each row is of."""
        return np.searchsorted(self.first_rows, rows, side="right") - 1

    def moment(self, at: int) -> datetime:
        """When a time of the log was."""
        return EPOCH + timedelta(milliseconds=self.origin_ms + at)

    def seen(self, start: Millis, end: Millis) -> Flags:
        """Tell which of the intervals could be seen whole."""
        following = np.searchsorted(self.blind_to, start, side="right")
        return np.asarray((start >= 0) & (self.blind_from[following] > end))


def _blind(days: Sequence[Day]) -> tuple[Millis, Millis]:
    """Merge the days' gaps, days that are missing between them, and all time after the last."""
    gaps = {gap for day in days for gap in day.gaps_ms}
    gaps |= {(one.end_ms, other.start_ms) for one, other in pairwise(days)}
    merged: list[list[int]] = []
    for start, end in sorted(gap for gap in gaps if gap[0] < gap[1]):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([start, end])
    merged.append([days[-1].end_ms, NEVER])
    bounds = np.array(merged, dtype=np.int64) - days[0].start_ms
    return bounds[:, 0], bounds[:, 1]
