"""Sessions, wills and retained messages over time, with a clock and links of the test's own."""

from typing import Any

import mqtt5
import pytest

from pipeline.mqtt.broker import Limits
from pipeline.mqtt.broker.exchange import Exchange, RetainedMessages
from pipeline.mqtt.broker.session import NEVER_EXPIRES, Message, Session
from pipeline.mqtt.broker.subscriptions import Subscription


class SilentLink:
    """A link that takes everything."""

    is_writable = True

    def send(self, encoded: bytes) -> None:
        assert encoded

    def close(self, reason: mqtt5.DisconnectReasonCode) -> None:
        raise AssertionError(reason)


def open_session(exchange: Exchange, **options: Any) -> Session:
    """Connect a client with a session."""
    return exchange.open_session("client", mqtt5.ConnectPacket("client", **options), SilentLink())[0]


async def test_a_return_cancels_what_was_to_happen_in_absence() -> None:
    """A session that is resumed neither expires nor has its earlier will published."""
    exchange = Exchange(Limits())
    options: dict[str, Any] = {
        "session_expiry_interval": 60,
        "will": mqtt5.Will("status", will_delay_interval=30),
    }
    session = open_session(exchange, **options)
    exchange.leave_session(session, with_will=True)
    pending = list(session.timers)
    assert len(pending) == 2
    assert open_session(exchange, **options) is session
    assert all(timer.cancelled() for timer in pending)
    assert session.timers == []


async def test_a_session_may_last_for_ever() -> None:
    """The largest session expiry interval means that nothing ends the session."""
    exchange = Exchange(Limits())
    session = open_session(exchange, session_expiry_interval=NEVER_EXPIRES)
    exchange.leave_session(session, with_will=True)
    assert session.timers == []
    assert open_session(exchange, session_expiry_interval=NEVER_EXPIRES) is session


async def test_a_closing_exchange_leaves_no_timer() -> None:
    """Closing cancels what was to happen to sessions whose clients are away."""
    exchange = Exchange(Limits())
    session = open_session(exchange, session_expiry_interval=60)
    exchange.leave_session(session, with_will=True)
    [timer] = session.timers
    exchange.close()
    assert timer.cancelled()


def test_retained_messages_are_forgotten_when_they_expire() -> None:
    """A retained message is found until its interval has passed."""
    now = [0.0]
    retained = RetainedMessages(lambda: now[0])
    retained.keep(Message.received(mqtt5.PublishPacket("a", b"x", message_expiry_interval=10), 0.0))
    now[0] = 9.9
    assert len(retained.matching("#")) == 1
    now[0] = 10.0
    assert retained.matching("#") == []


@pytest.mark.parametrize(("pattern", "is_wanted"), [("a", True), ("$share/group/a", False)])
def test_shares_want_nothing_retained(pattern: str, *, is_wanted: bool) -> None:
    """Only a subscription of one's own is sent what is retained."""
    session = Session("a", max_queued=1, queue_qos0=True, max_inflight=1, clock=float)
    subscription = Subscription(session, mqtt5.TopicFilter(pattern), None)
    assert subscription.wants_retained(is_new=True) == is_wanted
