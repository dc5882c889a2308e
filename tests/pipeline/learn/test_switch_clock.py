"""What was done to the learning switch under a clock that was ahead counts when it was done."""

from collections.abc import Callable
from unittest.mock import patch

from pipeline.runtime.clock import HomeTime
from schemas.events import PAUSED, Gap, StateChange
from schemas.topics import Topics
from tests.fixtures.runs import HOUR_US, START_US, Run

S = 1_000_000
AHEAD_US = 48 * HOUR_US
SWITCH = Topics().learning_set


def lamp(at_us: int) -> StateChange:
    """Something that is behaviour."""
    return StateChange(at_us, "light.hall", "off", "on", f"c{at_us}")


def turn(run: Run, payload: bytes, at_us: int) -> None:
    """A person sets the switch, as a clock says at that time."""
    run.tell(SWITCH, payload, at_us)


def clip(run: Run, now_us: int, moved_us: int = 0) -> None:
    """The hourly look, after a clock was perhaps set."""
    run.write(run.learner.clip_gaps(now_us, moved_us))


def pauses(run: Run) -> list[Gap]:
    """The pauses that the store keeps."""
    return [gap for gap in run.store.gaps() if gap.reason == PAUSED]


def test_off_under_a_clock_that_was_ahead_is_a_pause_for_its_real_time(start: Callable[[], Run]) -> None:
    """It begins when it was set, and ends when it is."""
    run, off_us = start(), START_US + HOUR_US
    run.deliver([lamp(START_US)])
    turn(run, b"OFF", off_us + AHEAD_US)
    clip(run, off_us + AHEAD_US + 30 * S)
    clip(run, off_us + 90 * S, -AHEAD_US)
    turn(run, b"ON", off_us + HOUR_US)
    assert pauses(run) == [Gap(off_us, off_us + HOUR_US, PAUSED)]


def test_where_nobody_knows_by_how_much_it_begins_after_the_last_event(start: Callable[[], Run]) -> None:
    """The clock was set while we were stopped."""
    run, off_us = start(), START_US + HOUR_US
    run.deliver([lamp(START_US)])
    turn(run, b"OFF", off_us + AHEAD_US)
    run = run.stopped()
    clip(run, off_us + HOUR_US)
    run = run.killed()
    turn(run, b"ON", off_us + 2 * HOUR_US)
    assert [gap.to_us for gap in pauses(run)] == [off_us + 2 * HOUR_US]
    assert START_US < pauses(run)[0].from_us < START_US + S


def test_a_whole_pause_under_a_clock_that_was_ahead_is_moved(start: Callable[[], Run]) -> None:
    """And what happens up to the time that it said is learned, in this process and the next."""
    run, off_us = start(), START_US + HOUR_US
    run.deliver([lamp(START_US)])
    turn(run, b"OFF", off_us + AHEAD_US)
    turn(run, b"ON", off_us + AHEAD_US + HOUR_US)
    clip(run, off_us + 2 * HOUR_US, -AHEAD_US)
    assert pauses(run) == [Gap(off_us, off_us + HOUR_US, PAUSED)]
    for process in (run, run.stopped()):
        assert process.learner._switch.pauses == (Gap(off_us, off_us + HOUR_US, PAUSED),)
    later = [lamp(off_us + 30 * 60 * S), lamp(off_us + AHEAD_US + 30 * 60 * S)]
    assert [run.learner._switch.follow({each.key: each}, []).learned != {} for each in later] == [False, True]


def test_on_under_the_clock_that_was_ahead_ends_a_pause_when_it_was(start: Callable[[], Run]) -> None:
    """Its beginning was told by the clock when it was right."""
    run, off_us = start(), START_US + HOUR_US
    run.deliver([lamp(START_US)])
    turn(run, b"OFF", off_us)
    clip(run, off_us + 60 * S + AHEAD_US, AHEAD_US)
    turn(run, b"ON", off_us + HOUR_US + AHEAD_US)
    clip(run, off_us + HOUR_US + 60 * S, -AHEAD_US)
    assert pauses(run) == [Gap(off_us, off_us + HOUR_US, PAUSED)]


def test_a_clock_that_is_right_moves_nothing(start: Callable[[], Run]) -> None:
    """Nor does a time that was moved back before the switch was set."""
    run, off_us = start(), START_US + HOUR_US
    run.deliver([lamp(START_US)])
    clip(run, off_us, -AHEAD_US)
    turn(run, b"OFF", off_us + S)
    clip(run, off_us + 60 * S, -S)
    turn(run, b"ON", off_us + HOUR_US)
    assert pauses(run) == [Gap(off_us + S, off_us + HOUR_US, PAUSED)]


def test_the_homes_time_says_by_how_much_it_was_moved() -> None:
    """Once; and time that merely passes moves nothing."""
    wall, boot = [AHEAD_US + HOUR_US], [0]
    with (
        patch("pipeline.runtime.clock.wall_us", side_effect=lambda: wall[0]),
        patch("pipeline.runtime.clock.boot_us", side_effect=lambda: boot[0]),
    ):
        time = HomeTime()
        wall[0], boot[0] = HOUR_US + 20 * S, 20 * S
        time.tick()
        wall[0], boot[0] = HOUR_US + 40 * S, 40 * S
        time.tick()
        assert [time.moved_us(), time.moved_us()] == [-AHEAD_US, 0]
