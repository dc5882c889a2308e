"""A broker that behaves as no broker should, in each of many ways that have a name."""

import asyncio
import itertools
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Self

HOST = "127.0.0.1"
CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PINGREQ = 1, 3, 8, 10, 12
CONNACK = b"\x20\x03\x00\x00\x00"
PINGRESP = b"\xd0\x00"
MEGABYTE = 1_048_576


def sized(first: int, body: bytes) -> bytes:
    """A packet with its length before it."""
    return bytes([first]) + varint(len(body)) + body


def varint(number: int) -> bytes:
    """A variable byte integer."""
    encoded = b""
    while number > 127:
        encoded += bytes([number & 127 | 128])
        number >>= 7
    return encoded + bytes([number])


def message(topic: bytes, payload: bytes = b"", *, first: int = 0x30, properties: bytes = b"") -> bytes:
    """A PUBLISH; of QoS 0 unless its first byte says otherwise."""
    number = b"\x00\x07" if first >> 1 & 3 else b""
    head = struct.pack(">H", len(topic)) + topic + number + varint(len(properties)) + properties
    return sized(first, head + payload)


class Peer:
    """One connection: what the client sends, packet by packet, and what is sent back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: list[str]) -> None:
        self._reader = reader
        self._writer = writer
        self._heard = heard

    async def packet(self) -> tuple[int, bytes]:
        """The next packet's first byte and body."""
        first = (await self._reader.readexactly(1))[0]
        size, place = 0, 0
        while True:
            byte = (await self._reader.readexactly(1))[0]
            size |= (byte & 127) << 7 * place
            place += 1
            if not byte & 128:
                return first, await self._reader.readexactly(size)

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        self._writer.write(data)
        await self._writer.drain()

    async def greet(self, connack: bytes = CONNACK) -> None:
        """Take CONNECT and answer it."""
        await self.packet()
        await self.send(connack)

    async def serve(
        self,
        *,
        suback: bytes = b"\x01",
        puback: Callable[[bytes], bytes] | None = lambda number: b"\x40\x02" + number,
        after_suback: bytes = b"",
    ) -> None:
        """Answer whatever comes, as a broker should, but for what is said."""
        while True:
            first, body = await self.packet()
            kind = first >> 4
            if kind == SUBSCRIBE:
                filters = list(_filters(body[3:]))
                self._heard.extend(filters)
                await self.send(sized(0x90, body[:2] + b"\x00" + suback * len(filters)) + after_suback)
            elif kind == UNSUBSCRIBE:
                await self.send(sized(0xB0, body[:2] + b"\x00\x00"))
            elif kind == PINGREQ:
                await self.send(PINGRESP)
            elif kind == PUBLISH:
                (topic,) = struct.unpack_from(">H", body)
                self._heard.append(body[2 : 2 + topic].decode())
                if puback is not None and first >> 1 & 3:
                    await self.send(puback(body[2 + topic : 4 + topic]))

    async def until_closed(self) -> None:
        """Answer nothing."""
        while await self._reader.read(65_536):
            pass


def _filters(rest: bytes) -> Iterator[str]:
    while rest:
        (size,) = struct.unpack_from(">H", rest)
        yield rest[2 : 2 + size].decode()
        rest = rest[3 + size :]


Behaviour = Callable[[Peer], Awaitable[None]]


def says(data: bytes) -> Behaviour:
    """Answers the first packet with bytes and hangs up."""

    async def behave(peer: Peer) -> None:
        await peer.packet()
        await peer.send(data)

    return behave


def after_connack(data: bytes, *, connack: bytes = CONNACK) -> Behaviour:
    """Takes the client in, sends bytes, and goes on as a broker should."""

    async def behave(peer: Peer) -> None:
        await peer.greet(connack)
        await peer.send(data)
        await peer.serve()

    return behave


def floods(data: bytes) -> Behaviour:
    """Takes the client in, lets it subscribe, and sends the same for ever."""
    block = data * max(1, 65_536 // len(data))

    async def behave(peer: Peer) -> None:
        await peer.greet()
        serving = asyncio.create_task(peer.serve())
        try:
            while not serving.done():
                await peer.send(block)
                await asyncio.sleep(0)
        finally:
            serving.cancel()

    return behave


async def good(peer: Peer) -> None:
    """As a broker should."""
    await peer.greet()
    await peer.serve()


async def _at_once(_peer: Peer) -> None:
    return


async def _silent(peer: Peer) -> None:
    await peer.until_closed()


async def _drips(peer: Peer) -> None:
    await peer.packet()
    await peer.send(b"\x20\xff\xff\x01")
    while True:
        await peer.send(b"\x00")
        await asyncio.sleep(0.05)


async def _silent_after_connack(peer: Peer) -> None:
    await peer.greet()
    await peer.until_closed()


async def _closes_after_suback(peer: Peer) -> None:
    await peer.greet()
    while True:
        first, body = await peer.packet()
        if first >> 4 == SUBSCRIBE:
            await peer.send(sized(0x90, body[:2] + b"\x00\x01"))
            return


async def _refuses_subscriptions(peer: Peer) -> None:
    await peer.greet()
    await peer.serve(suback=b"\x87")


async def _refuses_messages(peer: Peer) -> None:
    await peer.greet()
    await peer.serve(puback=lambda number: b"\x40\x04" + number + b"\x97\x00")


async def _acknowledges_nothing(peer: Peer) -> None:
    await peer.greet()
    await peer.serve(puback=None)


async def _acknowledges_others(peer: Peer) -> None:
    await peer.greet()
    await peer.serve(puback=lambda _: b"\x40\x02\x77\x77")


async def _reads_nothing(peer: Peer) -> None:
    await peer.greet()
    await asyncio.Event().wait()


USER_PROPERTY = b"\x26\x00\x01a\x00\x01b"

BEHAVIOURS: dict[str, Behaviour] = {
    "garbage": says(bytes(range(255, 0, -1)) * 40),
    "http": says(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>no</html>"),
    "tls": says(b"\x15\x03\x01\x00\x02\x02\x46"),
    "closes at once": _at_once,
    "disconnects before CONNACK": says(b"\xe0\x02\x8b\x00"),
    "disconnects after CONNACK": after_connack(b"\xe0\x02\x8b\x00"),
    "has moved": says(sized(0x20, b"\x00\x9d\x00")),
    "has moved later": after_connack(b"\xe0\x02\x9d\x00"),
    "session taken over": after_connack(b"\xe0\x02\x8e\x00"),
    "not authorized": says(sized(0x20, b"\x00\x87\x00")),
    "reserved CONNACK code": says(sized(0x20, b"\x00\x7f\x00")),
    "oversize CONNACK": says(sized(0x20, b"\x00\x00" + b"\x00" * 3 * MEGABYTE)),
    "CONNACK without end": says(b"\x20\xff\xff\xff\xff\xff\xff\xff"),
    "CONNACK that never comes whole": says(b"\x20\xff\xff\xff\x7f"),
    "malformed CONNACK properties": says(sized(0x20, b"\x00\x00\x05\x21\x00")),
    "unknown CONNACK property": says(sized(0x20, b"\x00\x00\x02\xfe\x00")),
    "maximum QoS 9": says(sized(0x20, b"\x00\x00\x02\x24\x09")),
    "receive maximum 0": after_connack(b"", connack=sized(0x20, b"\x00\x00\x03\x21\x00\x00")),
    "packets of one byte": says(sized(0x20, b"\x00\x00\x05\x27\x00\x00\x00\x01")),
    "two CONNACKs": after_connack(CONNACK),
    "a CONNECT": after_connack(sized(0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x00")),
    "silent": _silent,
    "drips": _drips,
    "silent after CONNACK": _silent_after_connack,
    "closes after SUBACK": _closes_after_suback,
    "refuses subscriptions": _refuses_subscriptions,
    "SUBACK for another": after_connack(b"\x90\x04\x77\x77\x00\x01"),
    "short SUBACK": after_connack(b"\x90\x01\x77"),
    "refuses messages": _refuses_messages,
    "acknowledges nothing": _acknowledges_nothing,
    "acknowledges others": _acknowledges_others,
    "PUBACK for another": after_connack(b"\x40\x02\x77\x77"),
    "PUBREC for another": after_connack(b"\x50\x02\x77\x77"),
    "topic that is no text": after_connack(message(b"\xff\xfe\xfd")),
    "empty topic": after_connack(message(b"")),
    "topic longer than its packet": after_connack(b"\x30\x04\xff\xff\x00\x00"),
    "QoS 3": after_connack(message(b"a", first=0x36)),
    "malformed properties": after_connack(message(b"a", properties=b"\x26\x00\xff")),
    "reserved packet type": after_connack(b"\x00\x00"),
    "oversize message": after_connack(message(b"ha-ai/test/x", b"x" * 3 * MEGABYTE)),
    "message that never comes whole": after_connack(b"\x30\xff\xff\xff\x7f\x00\x04a/b/"),
    "oversize properties": after_connack(message(b"ha-ai/test/x", properties=USER_PROPERTY * 12_000)),
    "reads nothing": _reads_nothing,
    "flood of QoS 0": floods(message(b"ha-ai/test/x")),
    "flood of unknown topics": floods(message(b"nobody/asked", b"x" * 50)),
    "flood of QoS 1": floods(message(b"ha-ai/test/x", first=0x32)),
    "flood of properties": floods(message(b"ha-ai/test/x", properties=USER_PROPERTY * 1_100)),
    "flood of large messages": floods(message(b"ha-ai/test/x", b"x" * 200_000)),
    "flood of PINGRESP": floods(PINGRESP),
}


class HostileBroker:
    """Behaves on each connection as its `behaviour` is then, or as each of the table in turn.

    Parameters
    ----------
    behaviour
        The name of one, or nothing for all in turn.
    """

    def __init__(self, behaviour: str = "") -> None:
        self.behaviour: Behaviour | None = BEHAVIOURS[behaviour] if behaviour else None
        self.connections = 0
        self.heard: list[str] = []
        self._turns = itertools.cycle(BEHAVIOURS.values())
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"mqtt://{HOST}:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        tasks = list(self._tasks)
        self.hang_up()
        await asyncio.gather(*tasks, return_exceptions=True)
        # An aborted transport closes its socket at the loop's next turn.
        await asyncio.sleep(0)

    def hang_up(self) -> None:
        """End every connection."""
        for task in self._tasks:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        behave = self.behaviour or next(self._turns)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await behave(Peer(reader, writer, self.heard))
        finally:
            writer.transport.abort()
