"""A client that sends and receives single packets, and a proxy whose connections can be cut."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any, Self, TypeVar

import mqtt5
import pytest

from pipeline.mqtt.broker.packets import PacketReader

TIMEOUT_S = 10.0
AT_LEAST_ONCE = mqtt5.QoS.AT_LEAST_ONCE
PacketT = TypeVar("PacketT")


class WireClient:
    """One MQTT 5 connection on which the test does every step itself.

    Parameters
    ----------
    port
        Where the broker listens.
    """

    connack: mqtt5.ConnAckPacket

    def __init__(self, port: int) -> None:
        self._port = port
        self._packets = PacketReader(max_packet_size=10_000_000)
        self._received: list[mqtt5.Packet] = []
        self._packet_id = 0

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.drop()

    def drop(self) -> None:
        """Cut the connection without DISCONNECT."""
        self._writer.transport.abort()

    def send(self, packet: Any) -> None:
        """Send one packet, or bytes as they are."""
        self._writer.write(packet if isinstance(packet, bytes) else packet.write())

    async def receive(self, kind: type[PacketT]) -> PacketT:
        """Return the next packet, which has to be of this kind."""
        while not self._received:
            received = await asyncio.wait_for(self._reader.read(65_536), TIMEOUT_S)
            assert received, f"the broker hung up instead of sending {kind.__name__}"
            self._received.extend(self._packets.feed(received))
        packet = self._received.pop(0)
        assert isinstance(packet, kind), packet
        return packet

    async def hung_up(self) -> bytes:
        """Wait until the broker ends the connection, and return what it sent before."""
        try:
            return await asyncio.wait_for(self._reader.read(), TIMEOUT_S)
        except ConnectionResetError:
            return b""

    async def assert_silent(self) -> None:
        """Assert that nothing is waiting: the answer to a ping is the next packet."""
        self.send(mqtt5.PingReqPacket())
        await self.receive(mqtt5.PingRespPacket)

    async def connect(self, client_id: str, **options: Any) -> mqtt5.ConnAckPacket:
        """Send CONNECT and return the CONNACK."""
        self.send(mqtt5.ConnectPacket(client_id, **options))
        self.connack = await self.receive(mqtt5.ConnAckPacket)
        return self.connack

    async def subscribe(self, *filters: str | mqtt5.TopicFilter, **options: Any) -> list[int]:
        """Subscribe and return the SUBACK's reason codes."""
        topic_filters = [
            mqtt5.TopicFilter(each, max_qos=AT_LEAST_ONCE) if isinstance(each, str) else each
            for each in filters
        ]
        self.send(mqtt5.SubscribePacket(self.next_id(), topic_filters, **options))
        suback = await self.receive(mqtt5.SubAckPacket)
        return [int(code) for code in suback.reason_codes]

    async def publish(self, topic: str, payload: bytes = b"", **options: Any) -> int:
        """Publish at QoS 1 and return the PUBACK's reason code."""
        self.send(mqtt5.PublishPacket(topic, payload, qos=AT_LEAST_ONCE, packet_id=self.next_id(), **options))
        puback = await self.receive(mqtt5.PubAckPacket)
        return int(puback.reason_code)

    async def take(self) -> mqtt5.PublishPacket:
        """Return the next message, acknowledged if it was of QoS 1."""
        message = await self.receive(mqtt5.PublishPacket)
        if message.qos == AT_LEAST_ONCE and message.packet_id is not None:
            self.send(mqtt5.PubAckPacket(message.packet_id))
        return message

    def next_id(self) -> int:
        """Return a packet id that is free."""
        self._packet_id += 1
        return self._packet_id


class Proxy:
    """A TCP proxy whose connections the test can cut.

    Parameters
    ----------
    target_port
        Where the broker listens.
    """

    host = "127.0.0.1"

    def __init__(self, target_port: int) -> None:
        self.cuts = 0
        self._target_port = target_port
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Abort every connection, as a network does."""
        self.cuts += 1
        while self._writers:
            self._writers.pop().transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self.host, self._target_port)
        self._writers += [writer, back]
        with suppress(ConnectionError):
            await asyncio.gather(self._pipe(reader, back), self._pipe(there, writer))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while received := await reader.read(65_536):
            writer.write(received)
            await writer.drain()
        writer.close()


@pytest.fixture
async def proxy_to() -> AsyncIterator[Callable[[Any], Awaitable[Proxy]]]:
    """A factory of proxies to a broker."""
    async with AsyncExitStack() as stack:

        async def start(broker: Any) -> Proxy:
            return await stack.enter_async_context(Proxy(broker.port))

        yield start


OpenWire = Callable[[Any], Awaitable[WireClient]]


@pytest.fixture
async def open_wire() -> AsyncIterator[OpenWire]:
    """A factory of open connections on which nothing has been sent."""
    async with AsyncExitStack() as stack:

        async def open_connection(broker: Any) -> WireClient:
            return await stack.enter_async_context(WireClient(broker.port))

        yield open_connection


@pytest.fixture
def connect(open_wire: OpenWire) -> Callable[..., Awaitable[WireClient]]:
    """A factory of connected wire clients: ``await connect(broker, "name", clean_start=True, ...)``."""

    async def open_client(broker: Any, client_id: str = "", **options: Any) -> WireClient:
        client = await open_wire(broker)
        connack = await client.connect(client_id, **options)
        assert connack.reason_code == mqtt5.ConnAckReasonCode.SUCCESS, connack
        return client

    return open_client
