"""A connection's flow control and its answer to arbitrary bytes, on a transport of the test's own."""

import asyncio
from typing import Any

import mqtt5
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.mqtt.broker import Limits, connection, server
from pipeline.mqtt.broker.connection import Connection
from pipeline.mqtt.broker.exchange import Exchange
from tests.profiles import examples


class FakeTransport(asyncio.Transport):
    """A transport whose buffer is as full as the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.buffered = 0
        self.is_reading_paused = False
        self.is_closed = False
        self.closed = asyncio.Event()
        self.is_aborted = False

    def write(self, data: Any) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True
        self.closed.set()

    def abort(self) -> None:
        self.is_closed = self.is_aborted = True

    def pause_reading(self) -> None:
        self.is_reading_paused = True

    def resume_reading(self) -> None:
        self.is_reading_paused = False


def open_connection(exchange: Exchange, keep_alive: int = 0) -> tuple[Connection, FakeTransport]:
    """Return a connection whose client has said CONNECT."""
    opened, transport = Connection(exchange, None), FakeTransport()
    opened.connection_made(transport)
    opened.data_received(mqtt5.ConnectPacket("test", keep_alive=keep_alive).write())
    transport.written = b""
    return opened, transport


async def test_a_client_that_reads_no_acknowledgement_is_not_read_from() -> None:
    """Beyond a megabyte of unread replies the broker stops reading until the client reads."""
    opened, transport = open_connection(Exchange(Limits()))
    transport.buffered = 1_000_000
    opened.data_received(mqtt5.PingReqPacket().write())
    assert not transport.is_reading_paused
    transport.buffered = 2_000_000
    opened.data_received(mqtt5.PingReqPacket().write())
    assert transport.is_reading_paused
    opened.resume_writing()
    assert not transport.is_reading_paused


async def test_messages_wait_while_the_transport_is_full() -> None:
    """Between pause and resume of the transport no message is written, and then all are, in order."""
    exchange = Exchange(Limits())
    opened, transport = open_connection(exchange)
    opened.data_received(mqtt5.SubscribePacket(1, [mqtt5.TopicFilter("a")]).write())
    transport.written = b""
    opened.pause_writing()
    for payload in (b"first", b"second"):
        exchange.publish(mqtt5.PublishPacket("a", payload), "publisher")
    assert transport.written == b""
    opened.resume_writing()
    assert 0 < transport.written.index(b"first") < transport.written.index(b"second")


@pytest.mark.parametrize("is_reading", [True, False])
async def test_a_client_that_does_not_read_is_cut_off(*, is_reading: bool) -> None:
    """Closing waits for what is buffered only if the client reads."""
    opened, transport = open_connection(Exchange(Limits()))
    if not is_reading:
        opened.pause_writing()
    opened.close(mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER)
    assert transport.is_closed
    assert transport.is_aborted != is_reading


async def test_a_client_that_never_says_connect_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open connection without CONNECT ends after the connect timeout, without a word."""
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT_S", 0.01)
    transport = FakeTransport()
    Connection(Exchange(Limits()), None).connection_made(transport)
    async with asyncio.timeout(10):
        await transport.closed.wait()
    assert transport.written == b""


async def test_a_lost_connection_leaves_no_timer() -> None:
    """Nothing watches for the silence of a client that is gone."""
    lost, _ = open_connection(Exchange(Limits()), keep_alive=60)
    assert not lost._watch.cancelled()
    lost.connection_lost(None)
    assert lost._watch.cancelled()


async def test_a_stopping_broker_waits_for_nobody_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is still not gone some time after the goodbye is aborted."""
    monkeypatch.setattr(server, "GOODBYE_TIMEOUT_S", 0.01)
    broker, transport = server.EmbeddedBroker(), FakeTransport()
    await broker.start()
    connection = broker._accept()
    connection.connection_made(transport)
    await broker.stop()
    assert transport.is_aborted
    connection.connection_lost(None)


PACKETS = [
    mqtt5.PublishPacket("a/b", b"payload", user_properties=[("a", "b")], response_topic="c").write(),
    mqtt5.PublishPacket("a/b", b"payload", qos=mqtt5.QoS.EXACTLY_ONCE, packet_id=3, retain=True).write(),
    mqtt5.SubscribePacket(
        1, [mqtt5.TopicFilter("a/+"), mqtt5.TopicFilter("$share/g/#")], subscription_id=9
    ).write(),
    mqtt5.UnsubscribePacket(1, ["a/+"]).write(),
    mqtt5.PubAckPacket(1).write(),
    mqtt5.PubRecPacket(1).write(),
    mqtt5.PubRelPacket(3).write(),
    mqtt5.PubCompPacket(1).write(),
    mqtt5.DisconnectPacket(session_expiry_interval=0).write(),
    mqtt5.AuthPacket().write(),
]
CHANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=3)


def alter(packet: bytes, changes: list[tuple[int, int]]) -> bytes:
    """Replace single bytes."""
    altered = bytearray(packet)
    for position, value in changes:
        altered[position % len(altered)] = value
    return bytes(altered)


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # the codec's panic shows itself
@settings(max_examples=examples(300))
@given(st.lists(st.tuples(st.sampled_from(PACKETS), CHANGES), min_size=1, max_size=6), st.booleans())
def test_arbitrary_packets_raise_nothing(
    packets: list[tuple[bytes, list[tuple[int, int]]]],
    is_connected: bool,  # noqa: FBT001 - a case
) -> None:
    """Whatever a client sends is handled, waited for or refused; no exception leaves the connection."""

    async def send_all() -> None:
        exchange = Exchange(Limits())
        bystander, seen = open_connection(exchange)
        bystander.data_received(mqtt5.SubscribePacket(1, [mqtt5.TopicFilter("end")]).write())
        opened, transport = Connection(exchange, None), FakeTransport()
        opened.connection_made(transport)
        if is_connected:
            opened.data_received(mqtt5.ConnectPacket("").write())
        for packet, changes in packets:
            if not transport.is_closing():
                opened.data_received(alter(packet, changes))
        opened.connection_lost(None)
        exchange.publish(mqtt5.PublishPacket("end", b"still served"), "publisher")
        assert seen.written.endswith(b"still served")

    asyncio.run(send_all())
