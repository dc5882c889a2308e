"""Each absence becomes one gap, from the last proof that nothing was missed to the first sign after it."""

import pytest

from pipeline.learn.gap_tracker import GapTracker, Loss
from schemas.events import BROKER, HOME_ASSISTANT, NOT_RUNNING, Gap

S = 1_000_000
MS = 1_000


def tracking(*, event_us: int = 0, heartbeat_us: int = 0) -> GapTracker:
    """A tracker that has had an event and a heartbeat, each received at once."""
    tracker = GapTracker()
    tracker.proved(event_us, heartbeat_us, received_us=max(event_us, heartbeat_us))
    return tracker


def test_a_gap_begins_a_second_before_the_last_proof() -> None:
    """What a dying broker had acknowledged and not delivered was published after it."""
    tracker = tracking(event_us=9 * S)
    tracker.lost(20 * S, BROKER)
    assert tracker.loss == Loss(8 * S, BROKER, 20 * S)


@pytest.mark.parametrize(("event_s", "heartbeat_s"), [(9, 14), (14, 9)])
def test_the_later_proof_counts(event_s: int, heartbeat_s: int) -> None:
    """An event or our heartbeat, whichever was later."""
    tracker = tracking(event_us=event_s * S, heartbeat_us=heartbeat_s * S)
    tracker.lost(20 * S, BROKER)
    assert tracker.loss == Loss(13 * S, BROKER, 20 * S)


def test_without_a_proof_a_gap_begins_with_the_loss() -> None:
    """Before the first event nothing was missed."""
    tracker = GapTracker()
    tracker.lost(20 * S, BROKER)
    assert tracker.loss == Loss(20 * S, BROKER, 20 * S)


def test_an_event_of_the_future_proves_no_more_than_that_it_came() -> None:
    """A gap never begins after the loss."""
    tracker = GapTracker()
    tracker.proved(300 * S, received_us=10 * S)
    tracker.lost(20 * S, BROKER)
    assert tracker.loss == Loss(9 * S, BROKER, 20 * S)


def test_a_clock_that_was_set_back_takes_its_proof_back() -> None:
    """Else what it said before would hide what is lost until it gets there again."""
    tracker = tracking(event_us=900 * S)
    tracker.proved(9 * S, received_us=10 * S)
    tracker.lost(20 * S, BROKER)
    assert tracker.loss == Loss(8 * S, BROKER, 20 * S)


def test_a_late_event_takes_no_proof_away() -> None:
    """One from hours ago makes no gap of hours."""
    tracker = tracking(event_us=90 * S)
    tracker.proved(9 * S, received_us=91 * S)
    tracker.lost(95 * S, BROKER)
    assert tracker.loss == Loss(89 * S, BROKER, 95 * S)


def test_where_events_stopped_coming_a_heartbeat_proves_nothing() -> None:
    """Our own came through a connection that brought nothing else: the gap begins with the last event."""
    tracker = tracking(event_us=10 * S, heartbeat_us=100 * S)
    tracker.deaf(120 * S)
    assert tracker.loss == Loss(9 * S, BROKER, 120 * S)


def test_a_cut_connection_leaves_a_gap_of_moments() -> None:
    """The broker kept what came meanwhile: the gap ends with the first of it, or with the loss."""
    tracker = tracking(event_us=10 * S)
    tracker.lost(10 * S + 200 * MS, BROKER)
    assert tracker.seen(10 * S + 100 * MS) is None
    assert tracker.connected(40 * S, resumed=True) == Gap(9 * S, 10 * S + 200 * MS, BROKER)
    assert tracker.loss is None
    assert tracker.seen(80 * S) is None


def test_without_its_session_a_broker_kept_nothing_until_we_subscribed() -> None:
    """What one publisher resends says nothing of what another lost meanwhile."""
    tracker = tracking(event_us=10 * S)
    tracker.lost(11 * S, BROKER)
    assert tracker.seen(10 * S + 100 * MS) is None
    assert tracker.connected(14 * S, resumed=False) == Gap(9 * S, 14 * S, BROKER)


def test_the_first_change_ends_the_brokers_absence() -> None:
    """Home Assistant returns later than the broker."""
    tracker = tracking(event_us=10 * S)
    tracker.lost(11 * S, BROKER)
    assert tracker.connected(14 * S, resumed=False) is None
    assert tracker.seen(9 * S) is None
    assert tracker.seen(30 * S) == Gap(9 * S, 30 * S, BROKER)
    assert tracker.seen(31 * S) is None


def test_home_assistants_absence_begins_with_its_last_event() -> None:
    """It ends with the first event behind what was noticed; what came before that was before it."""
    tracker = tracking(event_us=8 * S, heartbeat_us=9 * S)
    tracker.lost(10 * S, HOME_ASSISTANT)
    assert tracker.loss == Loss(8 * S, HOME_ASSISTANT, 10 * S)
    assert tracker.seen(9 * S) is None
    assert tracker.seen(70 * S) == Gap(8 * S, 70 * S, HOME_ASSISTANT)


def test_a_silent_home_assistant_was_there_until_its_keepalive() -> None:
    """Its broker says that it is gone after a minute and a half at most."""
    tracker = tracking(event_us=1 * S)
    tracker.lost(1_000 * S, HOME_ASSISTANT)
    assert tracker.loss == Loss(910 * S, HOME_ASSISTANT, 1_000 * S)


def test_our_own_absence_ends_with_the_first_change_that_was_kept() -> None:
    """One from before the loss ends nothing, one from after we subscribed says no more than that."""
    tracker = tracking(event_us=10 * S)
    tracker.lost(50 * S, NOT_RUNNING)
    assert tracker.loss == Loss(9 * S, NOT_RUNNING, 50 * S)
    assert tracker.seen(9 * S) is None
    assert tracker.seen(12 * S) is None
    assert tracker.connected(51 * S, resumed=True) == Gap(9 * S, 12 * S, NOT_RUNNING)
    tracker.lost(80 * S, NOT_RUNNING)
    tracker.connected(81 * S, resumed=True)
    assert tracker.seen(700 * S) == Gap(9 * S, 81 * S, NOT_RUNNING)


def test_a_broker_without_our_session_kept_nothing_while_we_were_away() -> None:
    """However early the first change is that comes then."""
    tracker = tracking(event_us=10 * S)
    tracker.lost(50 * S, NOT_RUNNING)
    tracker.connected(51 * S, resumed=False)
    assert tracker.seen(12 * S) == Gap(9 * S, 51 * S, NOT_RUNNING)


def test_a_second_sign_of_the_same_absence_tells_nothing_new() -> None:
    """The first loss counts, with its reason."""
    tracker = tracking(event_us=10 * S)
    tracker.lost(10 * S, HOME_ASSISTANT)
    tracker.lost(20 * S, BROKER)
    assert tracker.seen(30 * S) == Gap(10 * S, 30 * S, HOME_ASSISTANT)


def test_a_broker_that_stops_is_named_though_the_will_comes_first() -> None:
    """Home Assistant's will a moment before the broker goes is the broker's doing."""
    tracker = tracking(event_us=9 * S)
    tracker.lost(10 * S, HOME_ASSISTANT)
    tracker.lost(11 * S, BROKER)
    tracker.connected(20 * S, resumed=True)
    assert tracker.seen(30 * S) == Gap(8 * S, 30 * S, BROKER)


def test_in_a_quiet_home_the_heartbeat_ends_our_own_absence_when_the_connection_stood() -> None:
    """The broker had kept everything since; a heartbeat that was sent before is no sign."""
    tracker = tracking(heartbeat_us=10 * S)
    tracker.lost(20 * S, NOT_RUNNING)
    assert tracker.heard(21 * S) is None
    tracker.connected(30 * S, resumed=True)
    assert tracker.heard(29 * S) is None
    assert tracker.heard(31 * S) == Gap(9 * S, 30 * S, NOT_RUNNING)


@pytest.mark.parametrize(("reason", "resumed"), [(BROKER, True), (BROKER, False), (NOT_RUNNING, False)])
def test_after_the_broker_home_assistant_gets_a_minute(reason: str, *, resumed: bool) -> None:
    """Only then the heartbeat alone ends the gap."""
    tracker = tracking(heartbeat_us=10 * S)
    tracker.lost(11 * S, reason)
    tracker.connected(30 * S, resumed=resumed)
    assert tracker.heard(60 * S) is None
    assert tracker.heard(91 * S) == Gap(9 * S, 30 * S, reason)


def test_a_heartbeat_says_nothing_of_home_assistant() -> None:
    """While Home Assistant is away only it can come back."""
    tracker = tracking(event_us=10 * S)
    tracker.lost(10 * S, HOME_ASSISTANT)
    tracker.connected(20 * S, resumed=True)
    assert tracker.heard(500 * S) is None
    assert tracker.seen(600 * S) == Gap(10 * S, 600 * S, HOME_ASSISTANT)


def test_a_second_loss_before_we_are_subscribed_is_the_same() -> None:
    """What was seen on a connection that broke again is not what the next one kept."""
    tracker = tracking(event_us=10 * S)
    tracker.lost(11 * S, BROKER)
    tracker.seen(12 * S)
    tracker.lost(13 * S, BROKER)
    assert tracker.connected(14 * S, resumed=False) is None
    assert tracker.seen(15 * S) == Gap(9 * S, 15 * S, BROKER)


def test_what_an_earlier_process_had_lost_is_still_lost() -> None:
    """With its beginning and its reason."""
    tracker = tracking(event_us=90 * S)
    tracker.restore(Loss(8 * S, BROKER, 20 * S))
    tracker.connected(95 * S, resumed=True)
    assert tracker.seen(91 * S) == Gap(8 * S, 91 * S, BROKER)
