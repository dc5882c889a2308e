"""Homes of every origin can be learned and scored alike."""

import pytest

from benchmarks.quality.homes import Origin, Source, is_present, open_house
from benchmarks.quality.jobs import generated, null, recording
from schemas.events import StateChange

DAYS = 7


def need(origin: Origin) -> None:
    """Skip where homes of this origin are absent."""
    if not is_present(origin):
        pytest.skip(f"no {origin} homes beside the checkout")


@pytest.mark.parametrize("origin", ["first", pytest.param("second", marks=pytest.mark.shared)])
def test_generated_homes_are_scored(origin: Origin) -> None:
    """After a week some of the planted habits are found, and counted by days of evidence."""
    need(origin)
    counts = generated(Source(origin, "normal", 1, DAYS)).counts
    assert list(counts) == [DAYS]
    assert 0 < counts[DAYS]["time_of_day hit"] <= counts[DAYS]["time_of_day learnable"]
    assert counts[DAYS]["time_of_day hit"] <= counts[DAYS]["time_of_day right"]


def test_equal_sources_make_equal_homes() -> None:
    """A source says all that is needed to make its events again."""
    source = Source("first", "normal", 3, 1)
    first, second = (list(open_house(source).entries) for _ in range(2))
    assert first == second
    assert len([entry for entry in first if isinstance(entry, StateChange)]) > 100


def test_rotated_homes_are_named_and_hold_no_truth() -> None:
    """Where the habits were taken out nothing planted is left to be found."""
    source = Source("first", "normal", 1, DAYS, "entities")
    assert str(source) == "first normal 1, entities rotated"
    assert open_house(source).made is None
    assert null(source).reported["time_of_day"] == 0


@pytest.mark.shared
def test_recorded_homes_are_checked_on_what_follows() -> None:
    """A recording of four weeks is split twice, and beside ours stands what the plain rule finds."""
    need("recorded")
    rows = recording(Source("recorded", "kasteren_a")).rows
    assert [(row.split.learned_days, row.split.checked_days) for row in rows] == [(21, 7), (14, 14)]
    assert all(0 < row.plain_entities <= row.plain.found for row in rows)
