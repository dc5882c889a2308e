"""Small homes whose days are known to the second."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from detectors.history import History
from pipeline.learn.log_learner import LogLearner
from schemas.events import Gap, StateChange
from schemas.home import Home
from schemas.instants import to_us
from schemas.patterns import Detail, Evidence, Pattern

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
Told = tuple[int, float, str, str]
HistoryOf = Callable[..., History]
PatternOf = Callable[..., Pattern]


def change(told: Told, start: datetime = MONDAY) -> StateChange:
    """The change that is told as day, minute of the wall clock, entity and state."""
    day, minute, entity_id, state = told
    at_us = to_us(start + timedelta(days=day, minutes=minute))
    return StateChange(at_us, entity_id, "other", state, f"{at_us}-{entity_id}", None, None)


@pytest.fixture
def history_of() -> HistoryOf:
    """Return what makes the closed days of what is told; day 0 is a Monday."""

    def close(told: Sequence[Told], home: Home | None = None, gaps: Sequence[Gap] = ()) -> History:
        home = home or Home()
        learner = LogLearner(home, [])
        start = MONDAY.replace(tzinfo=home.zone)
        for gap in gaps:
            learner.core.note_gap(gap)
        for each in sorted((change(each, start) for each in told), key=lambda each: each.at_us):
            list(learner.take(each))
        list(learner.finish())
        return learner.core.history()

    return close


@pytest.fixture
def pattern_of() -> PatternOf:
    """Return what makes a pattern of a detail."""

    def pattern(detail: Detail, confidence: float = 0.8) -> Pattern:
        nothing = Evidence(
            opportunities=0, hits=0, misses=0, base_rate=0.1, lift=1, interval=(0, 1), e_value=1
        )
        return Pattern.of(
            detail,
            home="home",
            confidence=confidence,
            occurrences=0,
            first_seen=MONDAY,
            last_seen=MONDAY,
            evidence=nothing,
        )

    return pattern
