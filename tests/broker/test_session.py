"""One session's queue, window and handshakes, with a link and a clock of the test's own."""

from typing import Any

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.mqtt.broker.session import Delivery, Message, Session


class Recorder:
    """A link that decodes what is written to it."""

    def __init__(self) -> None:
        self.is_writable = True
        self.packets: list[Any] = []

    def send(self, encoded: bytes) -> None:
        self.packets.append(mqtt5.read(memoryview(encoded))[0])

    def close(self, reason: mqtt5.DisconnectReasonCode) -> None:
        raise AssertionError(reason)

    @property
    def payloads(self) -> list[bytes]:
        return [packet.payload for packet in self.packets]


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def session(clock: Clock) -> Session:
    """A session with room for five messages and a window of two."""
    return Session("test", max_queued=5, queue_qos0=False, max_inflight=2, clock=clock)


def attach(session: Session, **options: Any) -> Recorder:
    """Connect and let the session send what it has."""
    link = Recorder()
    session.attach(link, mqtt5.ConnectPacket("test", **options))
    session.pump()
    return link


def offer(
    session: Session, payload: bytes, qos: int = 1, now: float = 1000.0, expiry_s: int | None = None
) -> None:
    """Offer one message."""
    packet = mqtt5.PublishPacket("a", payload, message_expiry_interval=expiry_s)
    session.offer(Delivery(Message.received(packet, now), qos, retain=False, subscription_id=None))


def offer_numbered(session: Session, count: int) -> list[bytes]:
    """Offer `count` messages of QoS 1 and return their payloads."""
    payloads = [str(number).encode() for number in range(count)]
    for payload in payloads:
        offer(session, payload)
    return payloads


def test_unacknowledged_messages_fill_the_window(session: Session) -> None:
    """No more messages than the window are on their way; each acknowledgement lets one follow."""
    link = attach(session)
    payloads = offer_numbered(session, 4)
    assert link.payloads == payloads[:2]
    session.acknowledge(link.packets[0].packet_id)
    assert link.payloads == payloads[:3]


@pytest.mark.parametrize("receive_max", [1, 3, 4])
def test_the_clients_receive_maximum_is_the_window(session: Session, receive_max: int) -> None:
    """A stated Receive Maximum replaces the default window, also when it is larger."""
    link = attach(session, receive_max=receive_max)
    offer_numbered(session, 5)
    assert len(link.packets) == receive_max


def test_a_second_acknowledgement_opens_no_window(session: Session) -> None:
    """Acknowledging one message twice lets one message follow, not two."""
    link = attach(session)
    offer_numbered(session, 4)
    session.acknowledge(link.packets[0].packet_id)
    session.acknowledge(link.packets[0].packet_id)
    assert len(link.packets) == 3


def test_messages_of_qos_0_keep_their_place(session: Session) -> None:
    """A QoS 0 message does not overtake a QoS 1 message that waits for the window."""
    link = attach(session, receive_max=1)
    for number, qos in enumerate([1, 0, 1, 0]):
        offer(session, str(number).encode(), qos)
    assert link.payloads == [b"0", b"1"]
    session.acknowledge(link.packets[0].packet_id)
    assert link.payloads == [b"0", b"1", b"2", b"3"]


def test_unacknowledged_messages_come_first_again(session: Session) -> None:
    """After a reconnect what was on its way is sent again, in order and marked, before what waited."""
    first = attach(session, receive_max=3)
    payloads = offer_numbered(session, 5)
    session.link = None
    second = attach(session, receive_max=4)
    assert [packet.packet_id for packet in second.packets[:3]] == [
        packet.packet_id for packet in first.packets
    ]
    assert [packet.duplicate for packet in second.packets] == [True, True, True, False]
    assert second.payloads == payloads[:4]


def test_redelivery_respects_a_smaller_window(session: Session) -> None:
    """A client that returns with a smaller Receive Maximum is sent no more than that."""
    first = attach(session, receive_max=4)
    payloads = offer_numbered(session, 4)
    session.link = None
    second = attach(session, receive_max=1)
    for packet in first.packets:
        session.acknowledge(packet.packet_id)
    assert second.payloads == payloads


def test_what_is_acknowledged_before_it_is_sent_again_is_left_out(session: Session) -> None:
    """A message that the client acknowledges on its new connection at once is not redelivered."""
    first = attach(session, receive_max=3)
    offer_numbered(session, 3)
    session.link = None
    second = attach(session, receive_max=1)
    session.acknowledge(first.packets[1].packet_id)
    session.acknowledge(first.packets[0].packet_id)
    assert second.payloads == [b"0", b"2"]


def test_a_message_that_arrived_is_released_not_sent_again(session: Session) -> None:
    """After PUBREC a reconnect repeats PUBREL, never the QoS 2 message."""
    link = attach(session)
    offer(session, b"once", qos=2)
    packet_id = link.packets[0].packet_id
    assert session.release(packet_id)
    session.link = None
    second = attach(session)
    assert [(type(packet), packet.packet_id) for packet in second.packets] == [
        (mqtt5.PubRelPacket, packet_id)
    ]
    session.acknowledge(packet_id)
    assert not session.release(packet_id)


def test_the_queue_is_bounded(session: Session) -> None:
    """Beyond its maximum the queue keeps the oldest messages and counts what it dropped."""
    payloads = offer_numbered(session, 8)
    assert session.dropped == 3
    assert attach(session, receive_max=10).payloads == payloads[:5]


@pytest.mark.parametrize("queue_qos0", [False, True])
def test_messages_of_qos_0_wait_only_if_asked(queue_qos0: bool, clock: Clock) -> None:  # noqa: FBT001 - a case
    """QoS 0 messages for an absent client wait exactly if the broker is set to queue them."""
    session = Session("test", max_queued=5, queue_qos0=queue_qos0, max_inflight=2, clock=clock)
    offer(session, b"0", qos=0)
    offer(session, b"1", qos=1)
    assert attach(session).payloads == ([b"0", b"1"] if queue_qos0 else [b"1"])


def test_nothing_is_sent_to_a_link_without_room(session: Session) -> None:
    """While the client does not read, messages stay in the bounded queue."""
    link = attach(session)
    link.is_writable = False
    offer(session, b"0", qos=0)
    assert link.packets == []
    link.is_writable = True
    session.pump()
    assert link.payloads == [b"0"]


def test_expired_messages_are_not_sent(session: Session, clock: Clock) -> None:
    """A message whose time is over is skipped; another is sent with the time that is left."""
    offer(session, b"short", expiry_s=10)
    offer(session, b"long", expiry_s=60)
    clock.now += 15
    link = attach(session)
    assert [(packet.payload, packet.message_expiry_interval) for packet in link.packets] == [(b"long", 45)]


def test_messages_larger_than_the_client_takes_are_skipped(session: Session) -> None:
    """A message beyond the client's Maximum Packet Size is left out, and the next one follows."""
    link = attach(session, max_packet_size=50, receive_max=1)
    offer(session, bytes(100))
    offer(session, b"small")
    assert link.payloads == [b"small"]


def test_packet_ids_in_use_are_not_given_again(session: Session) -> None:
    """When packet ids have gone round once, one that is still unacknowledged is passed over."""
    link = attach(session)
    offer(session, b"stays")
    for _ in range(0xFFFE):
        offer(session, b"goes")
        session.acknowledge(link.packets.pop().packet_id)
    offer(session, b"last")
    assert [packet.packet_id for packet in link.packets] == [1, 2]


ACTIONS = st.lists(st.one_of(st.just("offer"), st.just("reconnect"), st.integers(0, 5)), max_size=60)


@given(ACTIONS, st.integers(1, 4))
def test_no_message_is_lost_or_overtaken(actions: list[str | int], receive_max: int) -> None:
    """However acknowledgements and breaks of the link fall, all arrive in order, within the window."""
    session = Session("test", max_queued=1000, queue_qos0=False, max_inflight=2, clock=Clock())
    link, offered, arrived = attach(session, receive_max=receive_max), list[bytes](), list[bytes]()
    waiting: list[Any] = []

    def take() -> None:
        waiting.extend(link.packets)
        arrived.extend(packet.payload for packet in link.packets if packet.payload not in arrived)
        link.packets.clear()
        assert len(waiting) <= receive_max

    for action in [*actions, "reconnect", *[0] * len(actions)]:
        if action == "offer":
            offered.append(str(len(offered)).encode())
            offer(session, offered[-1])
        elif action == "reconnect":
            waiting.clear()
            link = attach(session, receive_max=receive_max)
        elif waiting:
            session.acknowledge(waiting.pop(int(action) % len(waiting)).packet_id)
        take()
    assert arrived == offered
    assert waiting == []
