"""What time it is while the machine's clock jumps, and what is said of that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.bounds import FUTURE_US
from pipeline.runtime.clock import (
    DOUBTED_US,
    SECOND_US,
    STEADY_US,
    WITNESS_US,
    YOUNG_US,
    HomeTime,
    SteadyClock,
    clock_notices,
)

DAY_US = 86_400 * SECOND_US
NOW_US = 1_780_315_200 * SECOND_US
JUMPS = st.sampled_from([-365, -30, -3, -1, 1, 3, 30, 400]).map(lambda days: days * DAY_US)


def started(*, heard: bool = True) -> SteadyClock:
    """A clock that has run a minute, and heard an event half a second before."""
    clock = SteadyClock(wall=NOW_US, boot=0)
    clock.tick(wall=NOW_US + 60 * SECOND_US, boot=60 * SECOND_US)
    if heard:
        clock.hear(NOW_US + 60 * SECOND_US - 500_000, boot=60 * SECOND_US)
    return clock


@given(st.lists(st.tuples(JUMPS, st.integers(1, 3_000)), max_size=12))
def test_events_are_believed_through_every_jump_of_this_machine(jumps: list[tuple[int, int]]) -> None:
    """While Home Assistant's clock is right and one event a minute comes, no jump moves the time."""
    clock, boot = started(), 60 * SECOND_US
    for by_us, seconds in jumps:
        for _ in range(seconds // 60 + 1):
            boot += 60 * SECOND_US
            clock.tick(wall=NOW_US + boot + by_us, boot=boot)
            assert clock.now_us(boot=boot) == NOW_US + boot
            clock.hear(NOW_US + boot, boot=boot)
    clock.tick(wall=NOW_US + boot + SECOND_US, boot=boot + SECOND_US)
    assert (clock.doubted_us, clock_notices(clock, boot=boot, home_assistant_ahead_us=None).get("x")) == (
        0,
        None,
    )


@given(JUMPS)
def test_a_clock_that_is_set_right_is_believed_at_once(by_us: int) -> None:
    """Home Assistant's events said before where the clock goes now."""
    clock = started(heard=False)
    clock.hear(NOW_US + by_us + 60 * SECOND_US, boot=60 * SECOND_US)
    clock.tick(wall=NOW_US + by_us + 61 * SECOND_US, boot=61 * SECOND_US)
    assert clock.doubted_us == 0
    assert clock.now_us(boot=62 * SECOND_US) == NOW_US + by_us + 62 * SECOND_US


@pytest.mark.parametrize("follow", [True, False])
def test_a_jump_of_both_clocks_is_believed_in_the_end(*, follow: bool) -> None:
    """Events that jump too, or none any more: ten minutes later the clock is believed, not before."""
    clock, by_us, first_us = started(), 400 * DAY_US, YOUNG_US + SECOND_US
    clock.hear(NOW_US + YOUNG_US, boot=YOUNG_US)
    for boot in range(first_us, first_us + DOUBTED_US + STEADY_US, SECOND_US):
        clock.tick(wall=NOW_US + by_us + boot, boot=boot)
        if follow:
            clock.hear(NOW_US + by_us + boot, boot=boot)
        assert bool(clock.doubted_us) == (boot - first_us < DOUBTED_US)


@pytest.mark.parametrize("by_us", [400 * DAY_US, -DAY_US])
def test_a_machine_that_has_just_started_is_set_by_its_network(by_us: int) -> None:
    """Without a battery a clock begins in the past: set ahead, and events with it, it is soon believed."""
    clock, first_us = started(), 61 * SECOND_US
    for boot in range(first_us, first_us + 2 * STEADY_US, SECOND_US):
        clock.tick(wall=NOW_US + by_us + boot, boot=boot)
        clock.hear(NOW_US + by_us + boot, boot=boot)
        is_early = boot - first_us < STEADY_US
        assert bool(clock.doubted_us) == (is_early or by_us < 0)
        said = clock_notices(clock, boot=boot, home_assistant_ahead_us=None)["clock"]
        assert ("with it" in said) == bool(clock.doubted_us)


def test_without_events_a_clock_is_believed_once_it_is_steady() -> None:
    """Nobody says otherwise: ten seconds are waited for; an hour after the last event there is nobody."""
    for clock, boot in ((started(heard=False), 61 * SECOND_US), (started(), 61 * SECOND_US + WITNESS_US)):
        assert clock.tick(wall=NOW_US + DAY_US + boot, boot=boot) is not None
        assert clock.doubted_us == DAY_US
        assert clock.tick(wall=NOW_US + DAY_US + boot + STEADY_US, boot=boot + STEADY_US) is None
        assert clock.doubted_us == 0


@given(st.integers(-FUTURE_US, FUTURE_US))
def test_small_steps_are_followed_and_said(by_us: int) -> None:
    """NTP's steps of some minutes are believed at once; below two seconds they are not even noted."""
    clock = started()
    jump = clock.tick(wall=NOW_US + 61 * SECOND_US + by_us, boot=61 * SECOND_US)
    assert (jump is not None) == (abs(by_us) > 2 * SECOND_US)
    assert clock.doubted_us == 0


def test_what_is_said_of_clocks() -> None:
    """Nothing while all is well; a jump, and whose clock is behind, in words that end with what to do."""
    clock = started()
    assert clock_notices(clock, boot=61 * SECOND_US, home_assistant_ahead_us=0) == {}
    clock.tick(wall=NOW_US + 61 * SECOND_US - 3 * 3_600 * SECOND_US, boot=61 * SECOND_US)
    said = clock_notices(clock, boot=61 * SECOND_US, home_assistant_ahead_us=3 * 3_600 * SECOND_US)
    assert said["clock"].startswith("this machine's clock was set back by 3 h")
    assert said["clock of Home Assistant"].startswith("this machine's clock is 3 h behind Home Assistant's")
    ahead = started(heard=False)
    ahead.hear(NOW_US + 10 * 60 * SECOND_US, boot=60 * SECOND_US)
    said = clock_notices(ahead, boot=61 * SECOND_US, home_assistant_ahead_us=None)
    assert "9 min behind Home Assistant's: set up NTP" in said["clock of Home Assistant"]


def test_the_machines_clocks_are_read() -> None:
    """A running process's time is the machine's, as long as nobody sets it."""
    home_time = HomeTime()
    assert home_time.tick() is None
    assert home_time.notices() == {}
