"""A transport on which no peer can take our memory or our time, whatever it sends.

To ask the broker for small packets by MQTT's maximum packet size would not do: mosquitto 2.0.11 counts every
message of QoS 1 that it leaves out for that as unacknowledged for ever, and after twenty sends no other.
"""

import asyncio
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from typing_extensions import override
from zmqtt import MQTTDisconnectedError, MQTTProtocolError
from zmqtt._internal.transport.base import StreamTransport
from zmqtt.client import Transport

# What we say ourselves stays below; a large event of Home Assistant is none that a consumer waits for.
LARGEST_BYTES = 131_072
# A CONNACK or SUBACK with every property there is takes some hundred bytes.
LARGEST_OTHER_BYTES = 65_536
# Our own take some hundred; each takes two hundred bytes of memory once it is decoded.
LARGEST_PROPERTIES_BYTES = 8_192
# What is read before others have their turn: some hundred of the smallest packets, some 20 ms of work.
A_TURN_BYTES = 4_096
# Above, whoever writes waits until the peer has read.
LARGEST_UNSENT_BYTES = 65_536
PUBLISH = 3
PUBACK = b"\x40\x02"
FIXED_HEADER_BYTES = 5
MORE = 0x80

Room = Callable[[], Awaitable[None]]


class Packet(NamedTuple):
    """The beginning of an MQTT packet: its size, whether it is left out, and by which number if it is."""

    size: int
    is_left_out: bool = False
    packet_id: bytes = b""


class Wire(StreamTransport):
    """A connection over TCP or TLS. What is written at one turn of the loop is sent together.

    A thousand acknowledgements would else be as many calls of the system, and as many tasks that wait for
    each. Nothing is written once the connection is lost.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self._unsent = bytearray()

    @property
    @override
    def is_connected(self) -> bool:
        return not self._closed and not self._writer.transport.is_closing()

    @override
    async def write(self, data: bytes) -> None:
        # asyncio would log each such write, and a thousand acknowledgements may be waiting.
        if not self.is_connected:
            raise MQTTDisconnectedError("Connection lost")
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._send)
        self._unsent += data
        if self._writer.transport.get_write_buffer_size() + len(self._unsent) > LARGEST_UNSENT_BYTES:
            self._send()
            await super().write(b"")

    @override
    async def close(self) -> None:
        self._send()
        await super().close()

    def abort(self) -> None:
        """Drop the connection at once, with what was not written yet."""
        self._closed = True
        self._unsent.clear()
        self._writer.transport.abort()

    def _send(self) -> None:
        if self._unsent and self.is_connected:
            self._writer.write(bytes(self._unsent))
        self._unsent.clear()


async def open_wire(host: str, port: int, tls: ssl.SSLContext | bool | None) -> Wire:  # noqa: FBT001 zmqtt's signature
    """Open a connection."""
    context = ssl.create_default_context() if tls is True else tls or None
    return Wire(*await asyncio.open_connection(host, port, ssl=context))


async def _plenty() -> None:
    return


class BoundedTransport:
    """Leaves out PUBLISH packets above a size, and acknowledges them in the reader's name.

    Constant memory: of such a packet nothing is kept but its topic, for a moment. Any other large packet ends
    the connection. Whatever comes, others have their turn after every few kilobytes.

    Parameters
    ----------
    transport
        The connection.
    largest_bytes
        How large a PUBLISH may be.
    room
        Waits until there is room for what may come: the broker is held back through TCP.

    Attributes
    ----------
    left_out
        PUBLISH packets that were too large.
    reads
        How often something was read.
    is_held_back
        Whether there is no room.
    """

    def __init__(
        self, transport: Transport, largest_bytes: int = LARGEST_BYTES, room: Room = _plenty
    ) -> None:
        self._transport = transport
        self._largest_bytes = largest_bytes
        self._room = room
        self._unread = bytearray()
        self._left = 0
        self._is_left_out = False
        self.left_out = 0
        self.reads = 0
        self.is_held_back = False

    @property
    def is_connected(self) -> bool:
        """Return whether the connection stands."""
        return self._transport.is_connected

    async def read(self, n: int) -> bytes:
        """Up to `n` bytes, and no part of a large message.

        Raises
        ------
        zmqtt.MQTTDisconnectedError
            The connection is lost.
        zmqtt.MQTTProtocolError
            A packet is large that is no message.
        """
        while True:
            self.is_held_back = True
            await self._room()
            self.is_held_back = False
            # A stream that holds data already would give it without letting anybody else run.
            await asyncio.sleep(0)
            data = await self._transport.read(min(n, A_TURN_BYTES))
            self.reads += 1
            if not data:
                return data
            self._unread += data
            if passed := await self._passed():
                return passed

    async def write(self, data: bytes) -> None:
        """Write it all."""
        await self._transport.write(data)

    async def close(self) -> None:
        """Close the connection."""
        await self._transport.close()

    def abort(self) -> None:
        """Drop the connection at once."""
        if isinstance(self._transport, Wire):
            self._transport.abort()

    async def _passed(self) -> bytes:
        """Return what may be passed on; the beginning of a packet waits until it says what it is."""
        passed = bytearray()
        while self._unread:
            if not self._left:
                packet = read_packet(self._unread, self._largest_bytes)
                if packet is None:
                    break
                await self._begin(packet)
            taken = self._unread[: self._left]
            del self._unread[: self._left]
            self._left -= len(taken)
            if not self._is_left_out:
                passed += taken
        return bytes(passed)

    async def _begin(self, packet: Packet) -> None:
        self._left = packet.size
        self._is_left_out = packet.is_left_out
        if packet.is_left_out:
            self.left_out += 1
        if packet.packet_id:
            await self._transport.write(PUBACK + packet.packet_id)


def read_packet(data: bytes | bytearray, largest_bytes: int) -> Packet | None:
    r"""Return what the packet is that begins here; None until enough of it is there.

    Of a small one only the fixed header is looked at.

    Raises
    ------
    zmqtt.MQTTProtocolError
        It is large, and no message.

    Examples
    --------
    >>> read_packet(b"\x32\x07\x00\x01a\x00\x09", 100)
    Packet(size=9, is_left_out=False, packet_id=b'')
    >>> read_packet(b"\x32\x07\x00\x01a\x00\x09", 8)
    Packet(size=9, is_left_out=True, packet_id=b'\x00\t')
    """
    size, at, is_whole = 0, 1, False
    while not is_whole and at < min(len(data), FIXED_HEADER_BYTES):
        size |= (data[at] & ~MORE) << 7 * (at - 1)
        is_whole = not data[at] & MORE
        at += 1
    if not is_whole:
        # Five bytes that say no size are no MQTT: whoever reads them will say so.
        return Packet(len(data)) if len(data) > FIXED_HEADER_BYTES else None
    size += at
    if data[0] >> 4 != PUBLISH:
        if size > LARGEST_OTHER_BYTES:
            raise MQTTProtocolError(f"expected a small packet, got {size:,} bytes that are no message")
        return Packet(size)
    if size <= min(largest_bytes, LARGEST_PROPERTIES_BYTES):
        return Packet(size)
    return _large_message(data, at, size, largest_bytes)


def _large_message(data: bytes | bytearray, at: int, size: int, largest_bytes: int) -> Packet | None:
    """Return the PUBLISH whose topic begins at `at`; None until its properties begin."""
    if len(data) < at + 2:
        return None
    (topic_bytes,) = struct.unpack_from(">H", data, at)
    after_topic = at + 2 + topic_bytes
    begin = after_topic + (2 if data[0] >> 1 & 3 else 0)
    is_left_out = size > largest_bytes
    # One that ends before its properties end is told by whoever reads it.
    if len(data) < (begin if is_left_out else min(size, begin + 4)):
        return None
    is_left_out = is_left_out or _number(data, begin) > LARGEST_PROPERTIES_BYTES
    return Packet(size, is_left_out, bytes(data[after_topic:begin]) if is_left_out else b"")


def _number(data: bytes | bytearray, at: int) -> int:
    """The variable byte integer at a place, of at most four bytes."""
    number = 0
    for place, byte in enumerate(data[at : at + 4]):
        number |= (byte & ~MORE) << 7 * place
        if not byte & MORE:
            break
    return number
