"""A transport that lets no large message through, so that a flood of them takes no memory.

To ask the broker for it by MQTT's maximum packet size would not do: mosquitto 2.0.11 counts every message of
QoS 1 that it leaves out for that as unacknowledged for ever, and after twenty of them sends no other.
"""

import ssl
import struct
from typing import NamedTuple

from zmqtt._internal.transport.tcp import open_tcp
from zmqtt._internal.transport.tls import open_tls
from zmqtt.client import Transport

# What we say ourselves stays below; a large event of Home Assistant is none that a consumer waits for.
LARGEST_BYTES = 131_072
PUBLISH = 3
PUBACK = b"\x40\x02"
FIXED_HEADER_BYTES = 5
MORE = 0x80


class Packet(NamedTuple):
    """The beginning of an MQTT packet: its size on the wire, and what a PUBLISH is acknowledged by."""

    size: int
    is_publish: bool
    packet_id: bytes


class BoundedTransport:
    """Leaves out PUBLISH packets above a size, and acknowledges them in the reader's name.

    Constant memory: of such a packet nothing is kept but its topic, for a moment.
    """

    def __init__(self, transport: Transport, largest_bytes: int = LARGEST_BYTES) -> None:
        self._transport = transport
        self._largest_bytes = largest_bytes
        self._unread = bytearray()
        self._left = 0
        self._is_left_out = False

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands."""
        return self._transport.is_connected

    async def read(self, n: int) -> bytes:
        """Up to `n` bytes, and no part of a large message."""
        while data := await self._transport.read(n):
            self._unread += data
            if passed := await self._passed():
                return passed
        return data

    async def write(self, data: bytes) -> None:
        """Write it all."""
        await self._transport.write(data)

    async def close(self) -> None:
        """Close the connection."""
        await self._transport.close()

    async def _passed(self) -> bytes:
        """What has come that may be passed on; the beginning of a packet waits until it says what it is."""
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
        self._is_left_out = packet.is_publish and packet.size > self._largest_bytes
        if self._is_left_out and packet.packet_id:
            await self._transport.write(PUBACK + packet.packet_id)


def read_packet(data: bytes | bytearray, largest_bytes: int) -> Packet | None:
    r"""Return what the packet is that begins here; None until enough of it is there.

    Of a small one only the fixed header is looked at.

    Examples
    --------
    >>> read_packet(b"\x32\x07\x00\x01a\x00\x09", 100)
    Packet(size=9, is_publish=True, packet_id=b'')
    >>> read_packet(b"\x32\x07\x00\x01a\x00\x09", 8)
    Packet(size=9, is_publish=True, packet_id=b'\x00\t')
    """
    size, at, is_whole = 0, 1, False
    while not is_whole and at < min(len(data), FIXED_HEADER_BYTES):
        size |= (data[at] & ~MORE) << 7 * (at - 1)
        is_whole = not data[at] & MORE
        at += 1
    if not is_whole:
        # Five bytes that say no size are no MQTT: whoever reads them will say so.
        return Packet(len(data), is_publish=False, packet_id=b"") if len(data) > FIXED_HEADER_BYTES else None
    size += at
    is_publish, qos = data[0] >> 4 == PUBLISH, data[0] >> 1 & 3
    if not is_publish or not qos or size <= largest_bytes:
        return Packet(size, is_publish, b"")
    if len(data) < at + 2:
        return None
    (topic_bytes,) = struct.unpack_from(">H", data, at)
    begin = at + 2 + topic_bytes
    return Packet(size, is_publish, bytes(data[begin : begin + 2])) if len(data) >= begin + 2 else None


async def open_bounded(host: str, port: int, tls: ssl.SSLContext | bool | None) -> Transport:  # noqa: FBT001 zmqtt's signature
    """Open a connection that lets no large message through."""
    if not tls:
        return BoundedTransport(await open_tcp(host, port))
    context = tls if isinstance(tls, ssl.SSLContext) else ssl.create_default_context()
    return BoundedTransport(await open_tls(host, port, context))
