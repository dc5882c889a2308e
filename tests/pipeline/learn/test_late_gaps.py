"""A gap that becomes known after the days that it touches were closed is in their aggregates."""

from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from pipeline.core.core import LearningCore
from pipeline.history.kept_days import KeptDays
from pipeline.mqtt.intake import Sight
from schemas.events import Gap
from schemas.home import Home
from sinks.store import SqlStore, StoreUnavailableError
from tests.fixtures.runs import HOUR_US, START_US, Kept, Run, new_learner, state_changes

CHANGES = state_changes(6)
# The first day, whose set is not at hand any more once all changes are learned.
AWAY = Gap(START_US + 5 * HOUR_US, START_US + 9 * HOUR_US, "broker")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Late days settle without a wait."""
    monkeypatch.setattr("pipeline.learn.learner.LATE_S", 0.0)


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Run]:
    """Make a first process over a store of its own that may know gaps."""

    def started(name: str, *gaps: Gap) -> Run:
        store = SqlStore(f"sqlite:///{tmp_path / name}")
        store.migrate()
        with store.begin() as transaction:
            transaction.note_gaps(gaps)
        return Run(store, new_learner(store))

    return started


def away(run: Run) -> None:
    """All that the broker had kept comes before it is known that we are subscribed again."""
    run.deliver(CHANGES[:2])
    run.write(run.learner.note_sight(Sight(AWAY.from_us, stands=False)))
    for change in CHANGES[2:]:
        run.deliver([change])
    run.rest()
    assert run.store.gaps() == []
    run.write(run.learner.note_sight(Sight(AWAY.to_us, stands=True)))


def clean(start: Callable[..., Run], gaps: list[Gap]) -> Kept:
    """What comes of the same changes where the gaps were known before."""
    run = start("clean.db", *gaps)
    for change in CHANGES:
        run.deliver([change])
    run.rest()
    return run.kept()


@pytest.mark.parametrize("is_killed", [False, True])
def test_days_are_closed_again(start: Callable[..., Run], *, is_killed: bool) -> None:
    """By the process that learns of the gap, and by the next where that one is killed right after."""
    run = start("run.db")
    away(run)
    gaps = run.store.gaps()
    assert [gap.to_us for gap in gaps] == [AWAY.to_us]
    if is_killed:
        run = run.killed()
    run.rest()
    assert run.kept() == clean(start, gaps)


def test_a_store_that_is_away_meanwhile_is_asked_again(start: Callable[..., Run]) -> None:
    """The set of a day could not be read at once."""
    run = start("run.db")
    away(run)
    error = StoreUnavailableError("away")
    with patch.object(KeptDays, "read", side_effect=error), pytest.raises(StoreUnavailableError):
        run.learner.judge_for(1.0)
    run.rest()
    assert run.kept() == clean(start, run.store.gaps())


def test_a_gap_within_another_changes_no_day() -> None:
    """What a day has not seen stays the same, so that it need not be closed again."""
    core = LearningCore(Home(), [])
    for change in CHANGES:
        core.learn_one(change)
    core.note_gap(AWAY)
    core.close_due()
    core.outdated()
    core.note_gap(Gap(AWAY.from_us + HOUR_US, AWAY.to_us - HOUR_US, "not_running"))
    assert core.outdated() == []
    core.forget_gap(AWAY)
    assert [day.start_ms * 1000 for day in core.outdated()] == [START_US]


def test_of_two_gaps_with_one_beginning_the_later_end_counts() -> None:
    """As in the store."""
    core = LearningCore(Home(), [])
    core.note_gap(AWAY)
    core.note_gap(AWAY._replace(to_us=AWAY.to_us - HOUR_US))
    assert core.gaps == [AWAY]


def test_kept_gaps_are_taken_up_as_they_were_kept(start: Callable[..., Run]) -> None:
    """Two that would be joined if they came now: what was in between has counted as seen."""
    gaps = [Gap(START_US + 1, START_US + 2, "paused"), Gap(START_US + 3, START_US + 4, "paused")]
    assert start("run.db", *gaps).learner.core.gaps == gaps
