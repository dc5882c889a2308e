"""Any split of a stream into parts gives, joined, the sets of the whole."""

import random
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.day_set import DaySet, Step
from pipeline.core.day_shard import DayShard, join, share_of
from pipeline.core.local_days import LocalDays
from schemas.events import ServiceCall, StateChange
from tests.profiles import examples

Entry = StateChange | ServiceCall
relaxed = settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture])


def days_of(entries: Sequence[Entry], place: Callable[[Entry], int], parts: int) -> dict[date, bytes]:
    """The packed day sets of entries that were counted in so many parts."""
    partials = [DayShard(LocalDays(ZoneInfo("Europe/Berlin"))) for _ in range(parts)]
    for entry in entries:
        partials[place(entry)].add(entry)
    packed = [partial.pack() for partial in partials]
    days = sorted({day for each in packed for day in each})
    return {day: join(each[day] for each in packed if day in each).pack() for day in days}


def check_parts(expected: dict[date, bytes], got: dict[date, bytes]) -> None:
    """Assert that the days are the same; only their names are shown where they are not."""
    assert sorted(expected) == sorted(got)
    assert [str(day) for day in expected if expected[day] != got[day]] == []


@pytest.fixture(scope="module")
def told(stream: Sequence[Entry]) -> list[Entry]:
    """The stream without what is told a second time, with another context: the first telling stays."""
    known: dict[object, Entry] = {}
    for entry in stream:
        known.setdefault(entry.key if isinstance(entry, StateChange) else entry, entry)
    return list(known.values())


@pytest.fixture(scope="module")
def whole(told: Sequence[Entry]) -> dict[date, bytes]:
    """Its days, counted in one part."""
    return days_of(told, lambda _: 0, 1)


def by_entity(parts: int) -> Callable[[Entry], int]:
    """Send each entity's changes to one part, and calls to any."""
    return lambda entry: share_of(entry[1] if isinstance(entry[1], str) else str(entry[0]), parts)


@relaxed
@given(seed=st.integers(0, 2**32), parts=st.sampled_from((2, 3, 4, 8)))
def test_entities_in_any_number_of_parts_give_the_whole(told: Any, whole: Any, seed: int, parts: int) -> None:
    """Shuffled, a tenth of it twice, and split by entity: joined, every day is the same, byte for byte."""
    rng = random.Random(seed)
    entries = [*told, *rng.sample(told, len(told) // 10)]
    rng.shuffle(entries)
    check_parts(whole, days_of(entries, by_entity(parts), parts))


def check_any_split(told: Sequence[Entry], whole: dict[date, bytes], seed: int, parts: int) -> None:
    """Assert that parts of which each entry is in one, no matter which, are joined to the whole."""
    rng = random.Random(seed)
    check_parts(whole, days_of(rng.sample(told, len(told)), lambda _: rng.randrange(parts), parts))


@relaxed
@given(seed=st.integers(0, 2**32), parts=st.integers(2, 9))
def test_any_split_of_what_came_once_gives_the_whole(told: Any, whole: Any, seed: int, parts: int) -> None:
    """Even samples of one number may be counted in several parts, where none comes twice."""
    check_any_split(told, whole, seed, parts)


def test_a_part_is_what_the_core_holds(learned: Callable[..., Any], told: Any, whole: Any) -> None:
    """The sets of the one and only part are those of a core that learned the same, days and all."""
    done = learned().feed(told).end()
    assert len(whole) >= 10
    closed = {date.fromisoformat(day): closed.events.pack() for day, closed in done.closed.items()}
    check_parts(whole, {day: packed for day, packed in closed.items() if day in whole})


def test_a_run_before_midnight_explains_what_comes_after_it_in_parts_too(learned: Callable[..., Any]) -> None:
    """An automation's mark of the last seconds of a day stands in both days, as in the core."""
    midnight_us = 1_772_492_400_000_000  # 2026-03-03 in Berlin
    run = StateChange(midnight_us - 2_000_000, "automation.night", "on", "on", "run", mark=True)
    effect = StateChange(midnight_us + 1_000_000, "light.hall", "on", "off", "run")
    (first, second), (_, before) = (
        (DaySet.unpack(packed).marks for packed in days_of([run, effect], lambda _: 0, 1).values()),
        (closed.events.marks for closed in learned().feed([run, effect]).end().closed.values()),
    )
    assert first == second == before == {((midnight_us - 2_000_000) // 1000, "run")}


def test_duplicates_that_do_not_meet_are_counted_twice(told: Any, whole: Any) -> None:
    """What shares are for: samples that come twice must come to one part."""
    parts = iter(range(2 * len(told)))
    with pytest.raises(AssertionError):
        check_parts(whole, days_of([*told, *told], lambda _: next(parts) // len(told), 2))


def test_sealed_days_are_packed_and_counted_once(stream: Any, whole: Any) -> None:
    """Sealing as the stream goes on changes nothing of what is counted."""
    partial = DayShard(LocalDays(ZoneInfo("Europe/Berlin")))
    for entry in stream:
        partial.add(entry)
        partial.seal(entry.at_us // 1000 - 48 * 3_600_000)
    check_parts(whole, dict(partial.pack()))
    changes = [entry for entry in stream if isinstance(entry, StateChange)]
    assert partial.learned == len({change.key for change in changes})
    assert partial.learned + partial.duplicates == len(changes)


class KeepsItsLast(Step):
    """Takes over no later reading of another part."""

    def join(self, other: Step) -> None:
        last = self.last_ms, self.last
        super().join(other)
        self.last_ms, self.last = last


class Overwrites(DaySet):
    """Takes another part's changes of an entity for all of them."""

    def join(self, other: DaySet) -> None:
        super().join(other)
        self.changes.update({entity_id: dict(changes) for entity_id, changes in other.changes.items()})


@pytest.mark.parametrize(
    ("name", "saboteur"),
    [
        ("pipeline.core.day_set.Step", KeepsItsLast),
        ("pipeline.core.day_shard.DaySet", Overwrites),
    ],
)
def test_the_law_rejects_a_join_that_loses_something(
    told: Any, whole: Any, name: str, saboteur: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A join that forgets a part does not pass."""
    monkeypatch.setattr(name, saboteur)
    with pytest.raises(AssertionError):
        check_any_split(told, whole, 1, 4)
