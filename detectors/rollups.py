"""Weeks and months: what the aggregates of their days come to, exact and bounded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

Aggregates = Mapping[str, Mapping[str, object]]


class Unit(StrEnum):
    """Lengths of a period: a week of ISO 8601, from Monday on, or a calendar month."""

    WEEK = "week"
    MONTH = "month"


class Period(NamedTuple):
    """A week or a month, by its first day."""

    unit: Unit
    first: date

    @classmethod
    def of(cls, unit: Unit, day: date) -> "Period":
        """Return the period that a day belongs to.

        Examples
        --------
        >>> Period.of(Unit.WEEK, date(2026, 11, 1)).first, Period.of(Unit.MONTH, date(2026, 11, 30)).first
        (datetime.date(2026, 10, 26), datetime.date(2026, 11, 1))
        """
        if unit is Unit.WEEK:
            return cls(unit, day - timedelta(days=day.weekday()))
        return cls(unit, day.replace(day=1))


class Sum(NamedTuple):
    """One key's aggregates added up: days that have the key, and a total for each of its fields.

    Of a field that is a number the total is the sum, of one that is a list the number of its elements; other
    fields have none. So it is exact in any order of the days, and as large as one aggregate's fields.
    """

    days: int
    totals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Rollup:
    """A detector's aggregates of a period: over how many closed days, and the sum of each key."""

    days: int
    keys: Mapping[str, Sum]


class Rollups(Mapping[str, Mapping[Period, Rollup]]):
    """The rollups of each kind, computed when a kind is asked for.

    Examples
    --------
    >>> days = [{"light.hall=on": {"n": 2, "seconds": [25_200, 72_000]}}, {"light.hall=on": {"n": 1}}]
    >>> rollups = Rollups([date(2026, 11, 1), date(2026, 11, 2)], {"duration": days})
    >>> rollups["duration"][Period(Unit.MONTH, date(2026, 11, 1))]
    Rollup(days=2, keys={'light.hall=on': Sum(days=2, totals={'n': 3, 'seconds': 2})})
    >>> [(period.first.day, rollup.days) for period, rollup in rollups["duration"].items()]
    [(26, 1), (2, 1), (1, 2)]
    """

    def __init__(self, dates: Sequence[date], aggregates: Mapping[str, Sequence[Aggregates]]) -> None:
        self._dates = dates
        self._aggregates = aggregates
        self._known: dict[str, Mapping[Period, Rollup]] = {}

    def __getitem__(self, kind: str) -> Mapping[Period, Rollup]:
        if kind not in self._known:
            self._known[kind] = _rolled_up(self._dates, self._aggregates[kind])
        return self._known[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._aggregates)

    def __len__(self) -> int:
        return len(self._aggregates)


def _rolled_up(dates: Sequence[date], of_days: Sequence[Aggregates]) -> dict[Period, Rollup]:
    groups: dict[Period, list[Aggregates]] = {}
    for unit in Unit:
        for day, aggregates in zip(dates, of_days, strict=True):
            groups.setdefault(Period.of(unit, day), []).append(aggregates)
    return {period: Rollup(len(group), _summed(group)) for period, group in groups.items()}


def _summed(group: Sequence[Aggregates]) -> dict[str, Sum]:
    days: dict[str, int] = {}
    totals: dict[str, dict[str, int]] = {}
    for aggregates in group:
        for key, aggregate in aggregates.items():
            days[key] = days.get(key, 0) + 1
            total = totals.setdefault(key, {})
            for name, value in aggregate.items():
                size = _size(value)
                if size is not None:
                    total[name] = total.get(name, 0) + size
    return {key: Sum(days[key], totals[key]) for key in sorted(days)}


def _size(value: object) -> int | None:
    if isinstance(value, int):
        return value
    return len(value) if isinstance(value, list | tuple) else None
