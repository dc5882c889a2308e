"""Closing a local day: from the exact set to the sorted, attributed form that detectors judge."""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from sys import intern
from typing import Any, cast

import numpy as np

from detectors.history import Aggregate, Attributes, Day
from pipeline.core.attribution import attribute
from pipeline.core.day_set import DaySet, Record
from pipeline.core.local_days import LocalDay, LocalDays
from schemas.events import EventType, Gap
from schemas.home import Home

# An entity that takes more different states than this in a day speaks free text, not behaviour.
DISTINCT_STATES = 40
# Of compression; fast: twice as small again would cost five times as much.
LEVEL = 1


def close(day: LocalDay, events: DaySet, days: LocalDays, home: Home, gaps: Sequence[Gap]) -> Day:
    """Return the closed form of `day`; equal sets and gaps give equal results, bit for bit."""
    records = events.records()
    causes, derived = attribute(events, records)
    talkative = _talkative(events)
    kept = [index for index, record in enumerate(records) if record.entity_id not in talkative]
    types = sorted({_type(records[index]) for index in kept})
    number_of = {event_type: number for number, event_type in enumerate(types)}
    at_ms = np.array([records[index].at_ms for index in kept], dtype=np.int64)
    sunrise, sunset = days.sun(day, home.lat, home.lon)
    return Day(
        date=day.date,
        start_ms=day.start_ms,
        end_ms=day.end_ms,
        types=tuple(types),
        at_ms=at_ms,
        minutes=days.minutes(day, at_ms),
        type_ids=np.array([number_of[_type(records[index])] for index in kept], dtype=np.int32),
        causes=np.array([causes[index] for index in kept], dtype=np.uint8),
        derived=np.array([derived[index] for index in kept], dtype=np.bool_),
        sunrise=sunrise,
        sunset=sunset,
        gaps_ms=within(day, gaps),
        attributes=_attributes(events),
    )


def within(day: LocalDay, gaps: Iterable[Gap]) -> tuple[tuple[int, int], ...]:
    """The parts of gaps that fall on a day, in UTC milliseconds, sorted and disjoint.

    Examples
    --------
    >>> from datetime import date
    >>> day = LocalDay(date(2026, 11, 1), 1_000, 9_000)
    >>> within(day, [Gap(5_000_000, 6_500_000, ""), Gap(0, 2_000_000, ""), Gap(6_000_000, 20_000_000, "")])
    ((1000, 2000), (5000, 9000))
    """
    clipped = sorted(
        (max(gap.from_us // 1000, day.start_ms), min(gap.to_us // 1000, day.end_ms)) for gap in gaps
    )
    joined: list[tuple[int, int]] = []
    for start_ms, end_ms in clipped:
        if start_ms >= end_ms:
            continue
        if joined and start_ms <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end_ms, joined[-1][1]))
        else:
            joined.append((start_ms, end_ms))
    return tuple(joined)


def _attributes(events: DaySet) -> Attributes:
    """Return what was set, by entity and name; packed, as hardly anybody asks for it."""
    told: dict[str, dict[str, list[tuple[int, float | str]]]] = {}
    for entity_id, settings in sorted(events.settings.items()):
        for (at_ms, name), value in sorted(settings.items()):
            told.setdefault(entity_id, {}).setdefault(name, []).append((at_ms, value))
    return cast("Attributes", Packed(told)) if told else {}


def _type(record: Record) -> EventType:
    return EventType(record.entity_id, record.state)


def _talkative(events: DaySet) -> set[str]:
    return {
        entity_id
        for entity_id, changes in events.changes.items()
        if len(changes) > DISTINCT_STATES and len({state for _, state in changes}) > DISTINCT_STATES
    }


class Packed(Mapping[str, Aggregate]):
    """One detector's aggregates of a day, by key, in a tenth of the memory; plain JSON values come back.

    Read day by day: only the last few that were read are at hand unpacked.

    Examples
    --------
    >>> packed = Packed({"light.hall on": {"seconds": [25_200, 72_000]}})
    >>> packed["light.hall on"], len(packed), "light.hall off" in packed
    ({'seconds': [25200, 72000]}, 1, False)
    """

    __slots__ = ("_keys", "_whole")

    def __init__(self, aggregates: Mapping[str, Aggregate]) -> None:
        # The same keys come every day; each is kept once.
        self._keys = tuple(map(intern, aggregates))
        self._whole = zlib.compress(json.dumps(dict(aggregates), separators=(",", ":")).encode(), LEVEL)

    def __getitem__(self, key: str) -> Aggregate:
        aggregate: Aggregate = _unpack(self._whole)[key]
        return aggregate

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


@lru_cache(maxsize=8)
def _unpack(whole: bytes) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(zlib.decompress(whole))
    return plain
