"""Each absence becomes one gap, from its first sign to the first sign that the home is seen."""

import pytest

from pipeline.delivery.gap_tracker import BROKER, HOME_ASSISTANT, NOT_RUNNING, GapTracker
from schemas.events import Gap

S = 1_000_000


@pytest.mark.parametrize("reason", [BROKER, HOME_ASSISTANT, NOT_RUNNING])
def test_the_first_change_ends_a_gap(reason: str) -> None:
    """The gap lasts from the loss to the change, and is told once."""
    tracker = GapTracker()
    tracker.lost(10 * S, reason)
    assert tracker.loss == (10 * S, reason)
    assert tracker.seen(70 * S) == Gap(10 * S, 70 * S, reason)
    assert tracker.loss is None
    assert tracker.seen(80 * S) is None


def test_what_was_kept_for_us_is_no_gap() -> None:
    """A change from before the loss ends nothing, the next one does."""
    tracker = GapTracker()
    tracker.lost(10 * S, NOT_RUNNING)
    assert tracker.seen(9 * S) is None
    assert tracker.seen(12 * S) is None
    assert tracker.seen(40 * S) is None


def test_a_second_sign_of_the_same_absence_tells_nothing_new() -> None:
    """The first loss counts, with its reason."""
    tracker = GapTracker()
    tracker.lost(10 * S, HOME_ASSISTANT)
    tracker.lost(20 * S, BROKER)
    assert tracker.seen(30 * S) == Gap(10 * S, 30 * S, HOME_ASSISTANT)


def test_a_broker_that_stops_is_named_though_the_will_comes_first() -> None:
    """Home Assistant's will a moment before the broker goes is the broker's doing."""
    tracker = GapTracker()
    tracker.lost(10 * S, HOME_ASSISTANT)
    tracker.lost(11 * S, BROKER)
    assert tracker.seen(30 * S) == Gap(10 * S, 30 * S, BROKER)


def test_in_a_quiet_home_the_heartbeat_ends_our_own_absence_when_the_connection_stood() -> None:
    """The broker had kept everything since the connection stood again."""
    tracker = GapTracker()
    tracker.lost(10 * S, NOT_RUNNING)
    assert tracker.heard(20 * S) is None
    tracker.connected(30 * S)
    assert tracker.heard(31 * S) == Gap(10 * S, 30 * S, NOT_RUNNING)


def test_after_the_broker_home_assistant_gets_a_minute() -> None:
    """Only then the heartbeat alone ends the gap."""
    tracker = GapTracker()
    tracker.lost(10 * S, BROKER)
    tracker.connected(30 * S)
    assert tracker.heard(60 * S) is None
    assert tracker.heard(91 * S) == Gap(10 * S, 30 * S, BROKER)


def test_a_heartbeat_says_nothing_of_home_assistant() -> None:
    """While Home Assistant is away only it can come back."""
    tracker = GapTracker()
    tracker.lost(10 * S, HOME_ASSISTANT)
    tracker.connected(20 * S)
    assert tracker.heard(500 * S) is None
    assert tracker.seen(600 * S) == Gap(10 * S, 600 * S, HOME_ASSISTANT)


def test_a_short_pause_of_ours_is_no_gap() -> None:
    """A restart within seconds leaves nothing unseen worth noting."""
    tracker = GapTracker()
    tracker.lost(10 * S, NOT_RUNNING)
    assert tracker.seen(14 * S) is None
    assert tracker.loss is None
