"""History that detectors judge from: closed local days in compact, sorted form."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from detectors.rollups import Period, Rollup, Rollups
from schemas.events import EventType
from schemas.home import Home
from schemas.patterns import Pattern

Millis = NDArray[np.int64]
Minutes = NDArray[np.float64]
Indices = NDArray[np.int32]
Causes = NDArray[np.uint8]
Aggregate = Mapping[str, object]
Attributes = Mapping[str, Mapping[str, Sequence[tuple[int, float | str]]]]


@dataclass(frozen=True, slots=True)
class Day:
    """One local day's behaviour, attributed and sorted by (time, entity, state).

    Attributes
    ----------
    date
        The local calendar day.
    start_ms, end_ms
        Its local midnights in UTC milliseconds: 23, 24 or 25 hours apart.
    types
        The event types that occur, sorted; `type_ids` index them.
    at_ms, minutes, type_ids, causes
        One element an event: UTC milliseconds, local wall-clock minute (0 <= m < 1440, fraction kept), index
        into `types`, `schemas.events.Cause`. `derived` marks an event that shares its context with an earlier
        one of another entity within a second (a group, a power sensor).
    sunrise, sunset
        Local wall-clock minutes.
    gaps_ms
        Intervals of this day that could not be seen, UTC milliseconds, sorted and disjoint.
    attributes
        What was set with the day's changes, by entity and by name of `schemas.events.SETTINGS`: the first of
        the day, each with its UTC milliseconds.
    initial
        The state of each entity at the day's start, where it is known: a day before tells it, and everything
        since was seen.
    """

    date: date
    start_ms: int
    end_ms: int
    types: tuple[EventType, ...]
    at_ms: Millis
    minutes: Minutes
    type_ids: Indices
    causes: Causes
    derived: NDArray[np.bool_]
    sunrise: float
    sunset: float
    gaps_ms: tuple[tuple[int, int], ...] = ()
    attributes: Attributes = field(default_factory=dict)
    initial: Mapping[str, str] = field(default_factory=dict)

    @property
    def weekday(self) -> int:
        """0 = Monday."""
        return self.date.weekday()


@dataclass(frozen=True, slots=True)
class Steps:
    """A numeric entity in 5-minute steps: UTC milliseconds of each step's start, and its mean.

    `measures` says what: ``temperature``, ``illuminance`` or ``humidity``.
    """

    start_ms: Millis
    mean: NDArray[np.float64]
    measures: str = ""

    def until(self, end_ms: int) -> "Steps":
        """Return the steps that begin before an instant."""
        number = int(np.searchsorted(self.start_ms, end_ms))
        return Steps(self.start_ms[:number], self.mean[:number], self.measures)


@dataclass(frozen=True, slots=True)
class History:
    """The closed days in order, each detector's aggregate of each, and what numeric sensors read meanwhile.

    `aggregates` maps a detector's kind to one mapping (key -> aggregate) for each of `days`. `found` maps the
    kinds that were judged before, in the same judgement, to what they found: later ones build on it. `heard`
    tells of each of `days` in which five minutes each numeric entity spoke, as `numpy.packbits` has it, from
    the day's start: of most of them nothing else is kept. `labels` holds what kinds that were judged before
    say of days: kinds of day and the like. `rollups` has, for each kind, what its aggregates come to in each
    week and month.
    """

    home: Home
    days: tuple[Day, ...]
    aggregates: Mapping[str, tuple[Mapping[str, Aggregate], ...]]
    steps: Mapping[str, Steps] = field(default_factory=dict)
    found: Mapping[str, tuple[Pattern, ...]] = field(default_factory=dict)
    heard: tuple[Mapping[str, bytes], ...] = ()
    labels: Mapping[date, frozenset[str]] = field(default_factory=dict)
    rollups: Mapping[str, Mapping[Period, Rollup]] = field(default_factory=dict)
    _counted: dict[int, tuple[tuple[Day, ...], Mapping[EventType, int]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def first(self, number: int) -> "History":
        """Return the history as it was when so many of its days had closed: nothing is found in it yet."""
        if number == len(self.days):
            return self
        end_ms = self.days[number].start_ms
        steps = {name: each.until(end_ms) for name, each in self.steps.items()}
        days = self.days[:number]
        aggregates = {kind: of_days[:number] for kind, of_days in self.aggregates.items()}
        return History(
            home=self.home,
            days=days,
            aggregates=aggregates,
            steps={name: each for name, each in steps.items() if len(each.mean)},
            heard=self.heard[:number],
            labels={day.date: self.labels[day.date] for day in days if day.date in self.labels},
            rollups=Rollups([day.date for day in days], aggregates),
        )

    def seen_on(self, days: int) -> Iterator[EventType]:
        """Event types that occur on at least so many of the days; counted once, whoever asks."""
        counted = self._counted.get(0)
        if counted is None or counted[0] is not self.days:
            counted = self.days, Counter(chain.from_iterable(day.types for day in self.days))
            self._counted[0] = counted
        return (event_type for event_type, number in counted[1].items() if number >= days)
