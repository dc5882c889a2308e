"""Order and duplicates change nothing that is learned."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.day_set import FIXED_POINT, STEP_MS, Context, DaySet
from tests.profiles import examples

LATEST = timedelta(hours=47)
relaxed = settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture])


def check_disorder_is_harmless(
    learned: Callable[..., Any], stream: Any, disorder: Callable[..., Any], seed: int, duplicates: float = 0.5
) -> None:
    """Assert that a disordered delivery yields the same bytes as the orderly one."""
    expected = learned().feed(stream).end().canonical()
    delivered = disorder(stream, seed, duplicates, LATEST)
    assert delivered != stream
    got = learned().feed(delivered).end().canonical()
    # Names alone: to show how texts of some hundred kilobytes differ takes pytest minutes.
    assert [name for name, text in expected.items() if got[name] != text] == []


@relaxed
@given(seed=st.integers(0, 2**32), duplicates=st.floats(0, 1))
def test_disorder_is_harmless(
    learned: Callable[..., Any], stream: Any, disorder: Callable[..., Any], seed: int, duplicates: float
) -> None:
    """Any shuffle within the lateness bound, with any share of duplicates, gives identical bytes."""
    check_disorder_is_harmless(learned, stream, disorder, seed, duplicates)


class LastContextWins(DaySet):
    """Keeps the context that came last."""

    __slots__ = ()

    def add(self, at_ms: int, entity_id: str, state: str, context: Context) -> None:
        self.changes.setdefault(entity_id, {})[at_ms, state] = context


class HighWaterMark(DaySet):
    """Takes whatever is older than the latest of its entity for a duplicate."""

    __slots__ = ()

    def add(self, at_ms: int, entity_id: str, state: str, context: Context) -> None:
        if at_ms >= max((key[0] for key in self.changes.get(entity_id, {})), default=0):
            super().add(at_ms, entity_id, state, context)


class FloatSum(DaySet):
    """Adds numbers as they are, so that the last bits depend on the order."""

    __slots__ = ()

    def add_number(self, at_ms: int, entity_id: str, value: float) -> None:
        before = self.numbers.get(entity_id, {}).get(at_ms // STEP_MS)
        total = (before.sum_millionths if before else 0) + value * FIXED_POINT
        super().add_number(at_ms, entity_id, value)
        self.numbers[entity_id][at_ms // STEP_MS].sum_millionths = total  # type: ignore[assignment]


class LastOfStep(DaySet):
    """Takes the number that came last for the latest."""

    __slots__ = ()

    def add_number(self, at_ms: int, entity_id: str, value: float) -> None:
        super().add_number(at_ms, entity_id, value)
        step = self.numbers[entity_id][at_ms // STEP_MS]
        step.last, step.last_ms = value, 0


class CountsMarks(DaySet):
    """Notes a run once more for every time that it is told."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        self.marks = _Bag()


class _Bag(set[tuple[int, str]]):
    def add(self, mark: tuple[int, str]) -> None:
        super().add((mark[0] + len(self), mark[1]))


SABOTEURS = (LastContextWins, HighWaterMark, FloatSum, LastOfStep, CountsMarks)


@pytest.mark.parametrize("saboteur", SABOTEURS)
def test_the_law_rejects_a_day_set_that_depends_on_order(
    learned: Callable[..., Any],
    stream: Any,
    disorder: Callable[..., Any],
    saboteur: type[DaySet],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A core whose sets remember how they were told does not pass."""
    monkeypatch.setattr("pipeline.core.core.DaySet", saboteur)
    with pytest.raises(AssertionError):
        check_disorder_is_harmless(learned, stream, disorder, seed=1)


def test_the_stream_is_worth_shuffling(learned: Callable[..., Any], stream: Any) -> None:
    """It yields patterns, sets with changes, marks, calls and numbers, and every cause."""
    done = learned().feed(stream).end()
    assert len(done.core.ledger.active) >= 5
    days = done.core.history().days
    assert len(days) >= 10
    assert {int(cause) for day in days for cause in day.causes} == {1, 2, 3}
    sets = [closed.events for closed in done.closed.values()]
    assert all(any(getattr(events, name) for events in sets) for name in DaySet.__slots__)
    assert "sensor.hall_temperature" in done.core.history().steps


def test_how_often_days_close_changes_nothing(learned: Callable[..., Any], stream: Any) -> None:
    """Closing after every event, or once at the end, gives identical bytes."""
    often = learned().feed(stream, close_every=7).end().canonical()
    once = learned().feed(stream, close_every=1_000_000).end().canonical()
    assert [name for name, text in once.items() if often[name] != text] == []
