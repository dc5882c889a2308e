"""What chance would do: base rates on small histories whose answer is known."""

from collections.abc import Callable, Generator
from datetime import date
from math import log
from typing import TypeVar, cast

import numpy as np
import pytest

from detectors.evidence import log_e_values
from detectors.following.day_table import LAG_EDGES_MS
from detectors.following.log import Log
from detectors.following.nulls import active_rates, directed, due_rates, dwell_times
from detectors.following.timeline import Timeline
from detectors.following.trials import Candidates, Trials, replay
from detectors.following.tried import tally, try_all
from detectors.history import Day
from schemas.events import EventType

T = TypeVar("T")
Replayed = tuple[Timeline, Candidates, Trials]
Replay = Callable[[list[float], list[float], float], Replayed]


@pytest.fixture
def replay_of() -> Replay:
    """Replay one pair: a button pressed and a lamp switched on for 30 s at these seconds of one day."""

    def make(pressed: list[float], lit: list[float], window_s: float) -> Replayed:
        rows = sorted(
            [(at, "event.button", str(n)) for n, at in enumerate(pressed)]
            + [(at + after, "light.lamp", state) for at in lit for after, state in ((0, "on"), (30, "off"))]
        )
        rows = [(at, entity, "press" if entity == "event.button" else state) for at, entity, state in rows]
        types = tuple(sorted({EventType(entity, state) for _, entity, state in rows}))
        day = Day(
            date=date(2026, 3, 2),
            start_ms=0,
            end_ms=86_400_000,
            types=types,
            at_ms=np.array([round(1000 * at) for at, _, _ in rows], dtype=np.int64),
            minutes=np.array([at / 60 for at, _, _ in rows]),
            type_ids=np.array([types.index(EventType(e, s)) for _, e, s in rows], dtype=np.int32),
            causes=np.zeros(len(rows), dtype=np.uint8),
            derived=np.zeros(len(rows), dtype=np.bool_),
            sunrise=360.0,
            sunset=1080.0,
        )
        pair = [types.index(EventType("event.button", "press")), types.index(EventType("light.lamp", "on"))]
        candidates = Candidates(np.array(pair[:1]), np.array(pair[1:]), np.array([round(1000 * window_s)]))
        timeline = Timeline.of(Log.of([day]), candidates.triggers, candidates.actions)
        return timeline, candidates, replay(timeline, candidates)

    return make


PRESSED = [10_000.0 + 4_000 * i for i in range(16)]


def test_use_at_other_times_is_the_rate_of_whoever_is_active(replay_of: Replay) -> None:
    """Where the lamp is lit 700 s after each press, one of the eight shifts hits every time."""
    timeline, candidates, trials = replay_of(PRESSED, [at + 710 for at in PRESSED], 60)
    assert np.count_nonzero(trials.hits) == 0
    assert active_rates(timeline, candidates, trials)[0] == pytest.approx(1 / 8, abs=0.01)


def test_use_soon_after_counts_by_itself(replay_of: Replay) -> None:
    """Where the lamp is lit again just after the window, the rate just after is the chance."""
    timeline, candidates, trials = replay_of(PRESSED, [at + 200 for at in PRESSED], 60)
    assert active_rates(timeline, candidates, trials)[0] == pytest.approx(0.83, abs=0.03)


def test_habit_itself_is_no_chance(replay_of: Replay) -> None:
    """Hits of the trials themselves do not raise what chance would do."""
    timeline, candidates, trials = replay_of(PRESSED, [at + 20 for at in PRESSED], 60)
    assert trials.hits.all()
    assert active_rates(timeline, candidates, trials)[0] < 0.01


def test_due_action_follows_whatever_happens(replay_of: Replay) -> None:
    """A lamp that is lit every 600 s is due for a button pressed at any time, for window over period."""
    lit = [5_000.0 + 600 * i for i in range(120)]
    pressed = [5_000.0 + 600 * 7 * i + 60 + 31 * i % 500 for i in range(16)]
    timeline, candidates, trials = replay_of(pressed, lit, 120)
    hits = np.count_nonzero(trials.hits) / len(trials.at)
    rate = due_rates(timeline, candidates, trials, dwell_times(timeline))[0]
    assert rate == pytest.approx(hits, abs=0.15)
    assert rate > 0.1


def test_a_hit_is_not_due_because_of_itself(replay_of: Replay) -> None:
    """Where the lamp is lit by nothing but the button, no age of its state explains that: each differs."""
    pressed = [6_000.0 + 2_000 * i + 55 * i * i for i in range(24)]
    timeline, candidates, trials = replay_of(pressed, [at + 20 for at in pressed], 60)
    assert trials.hits.all()
    assert due_rates(timeline, candidates, trials, dwell_times(timeline))[0] < 0.02


@pytest.mark.parametrize(("shares", "expected"), [((12, 4), True), ((11, 5), False)])
def test_direction_needs_three_to_one(replay_of: Replay, shares: tuple[int, int], *, expected: bool) -> None:
    """The trigger nearest to the action is before it three times as often as after it, or it is none."""
    before, _ = shares
    lit = [at + (20 if n < before else -20) for n, at in enumerate(PRESSED)]
    timeline, candidates, _ = replay_of(PRESSED, lit, 60)
    assert directed(timeline, candidates).tolist() == [expected]


def returned(steps: Generator[None, None, T]) -> T:
    """What a generator returns once it has come to its end."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return cast("T", done.value)


def test_the_choice_of_a_window_is_paid_for(replay_of: Replay) -> None:
    """The window in which a pair stands out most was chosen among all lags, which divide its e-value."""
    timeline, candidates, _ = replay_of(PRESSED, [at + 20 for at in PRESSED], 24)
    tries = try_all(timeline, candidates, least_coverage=0.1, least_rate=0.1)
    (tried,) = returned(tries)
    hits, opportunities = tally(tried.trials, tried.candidates)
    (weighed,) = log_e_values(hits, opportunities, tried.rates)
    assert tried.log_e[0] == pytest.approx(weighed - log(len(LAG_EDGES_MS)))
