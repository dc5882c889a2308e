"""Home Assistant's absence ends when it is there again, also where it came back while we were away."""

from collections.abc import Callable

from pipeline.ingest.eventstream import as_eventstream
from pipeline.ingest.messages import Message
from pipeline.learn.gap_tracker import START_US
from pipeline.mqtt.intake import Sight
from schemas.events import HOME_ASSISTANT, Gap, StateChange
from schemas.topics import Topics
from tests.fixtures.runs import HOUR_US, TOPIC, Run
from tests.fixtures.runs import START_US as BEGIN_US

S = 1_000_000
STATUS = "homeassistant/status"
LEFT_US = BEGIN_US + HOUR_US
STANDS_US = LEFT_US + 4 * HOUR_US


def lamp(at_us: int) -> StateChange:
    """Something that is behaviour."""
    return StateChange(at_us, "light.hall", "off", "on", f"c{at_us}")


def appears(at_us: int) -> StateChange:
    """Something that is none: an entity that appears."""
    return StateChange(at_us, "light.hall", None, "off", f"c{at_us}")


def left(start: Callable[[], Run], *, resumed: bool = True) -> Run:
    """A process that was started hours after Home Assistant left, and is subscribed."""
    run = start()
    run.deliver([lamp(LEFT_US - 2 * S)])
    run.tell(STATUS, b"offline", LEFT_US)
    run = run.stopped()
    run.write(run.learner.note_sight(Sight(STANDS_US, stands=True, resumed=resumed)))
    return run


def come(run: Run, received_us: int, *said: StateChange | bytes, retain: bool = False) -> None:
    """What the broker hands over at once, changes and words of the status topic, in one batch."""
    messages = [
        Message(TOPIC, as_eventstream(each), received_us)
        if isinstance(each, StateChange)
        else Message(STATUS, each, received_us, retain=retain)
        for each in said
    ]
    run.write(run.learner.prepare(run.learner.decode(messages)))


def beat(run: Run, at_us: int) -> None:
    """Our own heartbeat comes back."""
    run.tell(Topics().heartbeat, str(at_us).encode(), at_us)


def ends(run: Run) -> list[int]:
    """When the absences of Home Assistant ended."""
    return [gap.to_us for gap in run.store.gaps() if gap.reason == HOME_ASSISTANT]


def test_a_start_that_the_broker_kept_ends_it_when_it_was(start: Callable[[], Run]) -> None:
    """Not hours later, when we receive it."""
    run = left(start)
    come(run, STANDS_US + S, appears(LEFT_US + 600 * S), appears(LEFT_US + 630 * S), b"online")
    assert ends(run) == [LEFT_US + 630 * S]


def test_what_came_before_its_word_ends_it_though_it_comes_in_one_batch(start: Callable[[], Run]) -> None:
    """Messages count in their order."""
    run = left(start)
    come(run, STANDS_US + S, lamp(LEFT_US + 700 * S), b"online", lamp(STANDS_US))
    assert ends(run) == [LEFT_US + 700 * S]


def test_in_a_quiet_home_anything_that_it_says_ends_it_once_a_start_is_over(
    start: Callable[[], Run],
) -> None:
    """Entities that appear while it starts do not show the home yet."""
    run = left(start)
    back_us = STANDS_US + 60 * S
    come(run, back_us, appears(back_us))
    beat(run, back_us + START_US - S)
    assert ends(run) == []
    beat(run, back_us + START_US + S)
    assert ends(run) == [back_us + START_US]
    assert run.learner.gaps.loss is None


def test_that_it_is_online_is_retained_and_ends_it_likewise(start: Callable[[], Run]) -> None:
    """The broker may have lost our session, and with it that Home Assistant started."""
    run = left(start, resumed=False)
    come(run, STANDS_US + S, b"online", retain=True)
    assert ends(run) == []
    beat(run, STANDS_US + START_US + 2 * S)
    assert ends(run) == [STANDS_US + S + START_US]


def test_a_retained_offline_and_our_heartbeat_end_nothing(start: Callable[[], Run]) -> None:
    """While it is away only it can come back."""
    run = left(start)
    come(run, STANDS_US + S, b"offline", retain=True)
    beat(run, STANDS_US + 3 * HOUR_US)
    assert ends(run) == []


def test_what_it_says_before_it_leaves_again_is_no_return(start: Callable[[], Run]) -> None:
    """A start that failed shows nothing."""
    run = left(start)
    come(run, STANDS_US + 60 * S, appears(STANDS_US + 60 * S), b"offline")
    beat(run, STANDS_US + 60 * S + START_US)
    assert ends(run) == []


def test_without_our_session_nothing_was_kept_before_we_were_subscribed(start: Callable[[], Run]) -> None:
    """What a publisher sends again says nothing of what was lost with the session."""
    run = left(start, resumed=False)
    come(run, STANDS_US + S, lamp(STANDS_US - HOUR_US))
    assert ends(run) == [STANDS_US]


def test_that_it_left_while_we_were_away_is_kept_for_us(start: Callable[[], Run]) -> None:
    """Our heartbeat would end our own absence, and Home Assistant's with it."""
    run = start()
    run.deliver([lamp(LEFT_US)])
    beat(run, LEFT_US + S)
    run = run.stopped()
    run.write(run.learner.note_sight(Sight(STANDS_US, stands=True, resumed=True)))
    come(run, STANDS_US + S, b"offline")
    beat(run, STANDS_US + 2 * S)
    assert run.store.gaps() == []
    run.tell(STATUS, b"online", STANDS_US + HOUR_US)
    assert run.store.gaps() == [Gap(LEFT_US, STANDS_US + HOUR_US, HOME_ASSISTANT)]
