"""The history as flat arrays, by type and by entity, that a replay looks times up in."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detectors.co_occurrence.day_table import is_action
from detectors.history import Day, Millis
from schemas.events import Cause, EventType

Ids = NDArray[np.int64]
Flags = NDArray[np.bool_]
NEVER = np.int64(1) << 60


@dataclass(frozen=True, slots=True)
class Series:
    """Times of many keys in one sorted array, so that one search answers for all keys at once.

    `times` are sorted by (key, time); `rows` say which event of the timeline each is.
    """

    codes: Ids
    times: Millis
    rows: Ids
    starts: Ids
    stride: int

    @classmethod
    def gather(cls, keys: Ids, times: Millis, rows: Ids, count: int, stride: int) -> "Series":
        """Gather the times of `count` keys; `rows` must be in time order."""
        order = np.argsort(keys.astype(np.uint16 if count < 1 << 16 else np.int64), kind="stable")
        keys, times = keys[order], times[order]
        starts = np.searchsorted(keys, np.arange(count + 1), side="left")
        return cls(keys * np.int64(stride) + times, times, rows[order], starts, stride)

    def counts(self) -> Ids:
        """How many times each key has."""
        return np.diff(self.starts)

    def of(self, key: int) -> Millis:
        """Times of one key."""
        return self.times[self.starts[key] : self.starts[key + 1]]

    def before(self, keys: Ids, at: Millis) -> Ids:
        """Position of the last time of each key before `at`, -1 if there is none."""
        position = np.searchsorted(self.codes, keys * self.stride + at, side="left") - 1
        return np.where(position >= self.starts[keys], position, -1)

    def after(self, keys: Ids, at: Millis) -> Ids:
        """Position of the first time of each key after `at`, -1 if there is none."""
        position = np.searchsorted(self.codes, keys * self.stride + at, side="right")
        return np.where(position < self.starts[keys + 1], position, -1)

    def expand(self, keys: Ids) -> tuple[Ids, Ids]:
        """For all times of all `keys`: which of the keys (0, 1, ...) each is of, and its position."""
        counts = self.starts[keys + 1] - self.starts[keys]
        nth = np.repeat(np.arange(len(keys)), counts)
        within = np.arange(len(nth)) - np.repeat(np.cumsum(counts) - counts, counts)
        return nth, self.starts[keys][nth] + within


@dataclass(frozen=True, slots=True)
class Timeline:
    """All events of the retained days; times are milliseconds since `origin_ms`.

    `triggers` and `actions` are keyed by event type: what people may react to, and what they did. `states`
    are keyed by entity and hold every change, whoever made it. `entities` maps a type to its entity.
    `blind_from` and `blind_to` are the intervals without knowledge, the last one after the end.
    """

    origin_ms: int
    end: int
    types: tuple[EventType, ...]
    entities: Ids
    at: Millis
    type_ids: Ids
    day_numbers: Ids
    minutes: NDArray[np.float64]
    triggers: Series
    actions: Series
    states: Series
    blind_from: Millis
    blind_to: Millis

    @classmethod
    def of(cls, days: Sequence[Day]) -> "Timeline":
        """Lay the days end to end."""
        types = tuple(sorted({event_type for day in days for event_type in day.types}))
        number = {event_type: i for i, event_type in enumerate(types)}
        names = sorted({event_type.entity_id for event_type in types})
        entity = {name: i for i, name in enumerate(names)}
        entities = np.array([entity[t.entity_id] for t in types], dtype=np.int64)
        origin, end = days[0].start_ms, days[-1].end_ms - days[0].start_ms
        ids = np.concatenate(
            [np.array([number[t] for t in d.types], dtype=np.int64)[d.type_ids] for d in days]
        )
        at = np.concatenate([day.at_ms for day in days]) - origin
        primary = ~np.concatenate([day.derived for day in days])
        acts = np.array([is_action(t) for t in types], dtype=np.bool_)[ids]
        by_hand = primary & acts & (np.concatenate([day.causes for day in days]) != Cause.AUTOMATION)
        stride = 4 * end
        blind_from, blind_to = _blind(days)

        def series(keys: Ids, chosen: Flags, count: int) -> Series:
            rows = np.nonzero(chosen)[0]
            return Series.gather(keys[rows], at[rows], rows, count, stride)

        return cls(
            origin, end, types, entities, at, ids,
            np.repeat(np.arange(len(days)), [len(day.at_ms) for day in days]),
            np.concatenate([day.minutes for day in days]),
            series(ids, primary, len(types)),
            series(ids, by_hand, len(types)),
            series(entities[ids], np.ones(len(at), dtype=np.bool_), len(names)),
            blind_from, blind_to,
        )  # fmt: skip

    def seen(self, start: Millis, end: Millis) -> Flags:
        """Tell which of the intervals could be seen whole."""
        return np.asarray(
            (start >= 0) & (self.blind_from[np.searchsorted(self.blind_to, start, side="right")] > end)
        )


def _blind(days: Sequence[Day]) -> tuple[Millis, Millis]:
    """Merge the days' gaps, days that are missing between them, and all time after the last."""
    origin = days[0].start_ms
    gaps = {gap for day in days for gap in day.gaps_ms}
    gaps |= {(one.end_ms, other.start_ms) for one, other in pairwise(days)}
    merged: list[list[int]] = []
    for start, end in sorted((a - origin, b - origin) for a, b in gaps if a < b):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([start, end])
    merged.append([days[-1].end_ms - origin, int(NEVER)])
    return np.array([m[0] for m in merged], dtype=np.int64), np.array([m[1] for m in merged], dtype=np.int64)
