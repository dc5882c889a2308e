"""What is too large is acknowledged and left out, whatever pieces it comes in."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zmqtt import MQTTDisconnectedError

from pipeline.discovery.discovery import Discovery, Form
from pipeline.discovery.hub import hub_device
from pipeline.discovery.suggestion import suggestion_device, suggestion_state
from pipeline.mqtt.transport import LARGEST_BYTES, LARGEST_UNSENT_BYTES, BoundedTransport, open_wire
from pipeline.mqtt.transport import Wire as RealWire
from pipeline.suggestions.messages import MessageFactory
from schemas.topics import Topics
from tests.fixtures.discovery import suggestion, trial

LARGEST = 300
PINGRESP = b"\xd0\x00"


class Wire:
    """A connection on which pieces come, and what is written to it."""

    is_connected = True

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.written = b""

    async def read(self, _n: int) -> bytes:
        """The next piece; nothing when it is closed."""
        return self.pieces.pop(0) if self.pieces else b""

    async def write(self, data: bytes) -> None:
        """Note it."""
        self.written += data

    async def close(self) -> None:
        """No more pieces come."""
        self.pieces.clear()


def publish(payload_bytes: int, qos: int = 1, packet_id: int = 7, topic: bytes = b"a/b") -> bytes:
    """A PUBLISH packet of MQTT 5 without properties."""
    number = struct.pack(">H", packet_id) if qos else b""
    body = struct.pack(">H", len(topic)) + topic + number + b"\x00" + b"x" * payload_bytes
    return bytes([0x30 | qos << 1]) + length(len(body)) + body


def length(size: int) -> bytes:
    """A size as MQTT writes it."""
    encoded = b""
    while size > 127:
        encoded += bytes([size & 127 | 128])
        size >>= 7
    return encoded + bytes([size])


async def passed(pieces: list[bytes]) -> tuple[bytes, bytes, int]:
    """What comes through, what was written, and how much was ever held back."""
    wire = Wire(pieces)
    transport = BoundedTransport(wire, LARGEST)
    came, held = b"", 0
    while data := await transport.read(1024):
        came += data
        held = max(held, len(transport._unread))
    return came, wire.written, held


packets = st.lists(
    st.one_of(
        st.just(PINGRESP),
        st.builds(publish, st.integers(0, 2 * LARGEST), st.integers(0, 1), st.integers(1, 65_535)),
    ),
    max_size=8,
)


@given(packets, st.lists(st.integers(1, 400), max_size=20))
async def test_small_packets_come_through_as_they_are(sent: list[bytes], cuts: list[int]) -> None:
    """In whatever pieces; each large one of QoS 1 is acknowledged by its number, in order."""
    stream, pieces = b"".join(sent), []
    for cut in cuts:
        pieces.append(stream[:cut])
        stream = stream[cut:]
    came, written, held = await passed([each for each in (*pieces, stream) if each])
    assert came == b"".join(each for each in sent if len(each) <= LARGEST)
    large = [each for each in sent if len(each) > LARGEST and each[0] >> 1 & 3]
    assert written == b"".join(b"\x40\x02" + each[8:10] for each in large)
    assert held < 16


async def test_byte_by_byte_it_is_the_same() -> None:
    """Also a topic that is longer than the limit by itself."""
    sent = [
        publish(10),
        publish(9_000, topic=b"t" * 500),
        publish(1, packet_id=9),
        publish(20_000, qos=0),
        PINGRESP,
    ]
    stream = b"".join(sent)
    came, written, _ = await passed([stream[at : at + 1] for at in range(len(stream))])
    assert came == sent[0] + sent[2] + sent[4]
    assert written == b"\x40\x02\x00\x07"


async def test_what_is_no_mqtt_comes_through() -> None:
    """To be refused by whoever reads it."""
    came, _, _ = await passed([b"\x30\xff\xff\xff\xff\xff", b"more"])
    assert came.startswith(b"\x30\xff\xff\xff\xff\xff")


@pytest.mark.parametrize("size", [LARGEST, LARGEST + 1])
async def test_the_limit_is_the_whole_packet(size: int) -> None:
    """Its header included."""
    overhead = len(publish(250)) - 250
    came, _, _ = await passed([publish(size - overhead)])
    assert len(came) == (size if size == LARGEST else 0)


def test_what_we_say_ourselves_comes_through() -> None:
    """A year of occasions of each kind, the longest words and YAML that are shown, what announces them."""
    year = trial(365)
    dates = {f"{kind}_dates": year.wanted_dates for kind in ("wanted", "unwanted", "missed")}
    large = suggestion(
        title="\U0001f4a1" * 255,
        description="\U0001f4a1" * 2_000,
        automation_yaml="\u00e9" * 6_000,
        conflicts=("\U0001f4a1" * 200,) * 10,
        trial=year.model_copy(update=dates),
    )
    topics, discovery = Topics(), Discovery("homeassistant")
    messages = MessageFactory("home", topics)
    said = [
        messages.generated(large).payload,
        messages.changed(large, text=large.description).payload,
        suggestion_state(large),
        *discovery.announce(suggestion_device(large, discovery, topics), Form.DEVICE).values(),
        *discovery.announce(hub_device(discovery, topics), Form.DEVICE).values(),
    ]
    assert max(len(payload) for payload in said) < LARGEST_BYTES


class Peer:
    """Whoever is at the other end of a connection over TCP, and what came to it in how many pieces."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.has_gone = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read, while it may, until the end."""
        with suppress(ConnectionError):
            while True:
                await self.reads.wait()
                if not (piece := await reader.read(1_000_000)):
                    break
                self.pieces.append(piece)
        writer.close()
        self.has_gone.set()

    @property
    def came(self) -> bytes:
        """All that came."""
        return b"".join(self.pieces)


@pytest.fixture
async def connected() -> AsyncIterator[tuple[RealWire, Peer]]:
    """A wire and its peer."""
    peer = Peer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    wire = await open_wire("127.0.0.1", server.sockets[0].getsockname()[1], None)
    yield wire, peer
    wire.abort()
    peer.reads.set()
    server.close()
    await asyncio.wait_for(peer.has_gone.wait(), 5.0)


async def test_what_is_written_at_once_is_sent_at_once(connected: tuple[RealWire, Peer]) -> None:
    """In its order, all of it, and what is written last before the end as well."""
    wire, peer = connected
    sent: list[int] = []
    write = wire._writer.write

    def noted(data: bytes) -> None:
        sent.append(len(data))
        write(data)

    wire._writer.write = noted  # type: ignore[method-assign, assignment]
    packets = [struct.pack(">I", number) for number in range(1_000)]
    for packet in packets:
        await wire.write(packet)
    await asyncio.sleep(0)
    await wire.write(b"last")
    await wire.close()
    await asyncio.wait_for(peer.has_gone.wait(), 5.0)
    assert peer.came == b"".join(packets) + b"last"
    assert sent == [4_000, 4]


async def test_who_does_not_read_holds_up_whoever_writes(connected: tuple[RealWire, Peer]) -> None:
    """What was not sent is bounded."""
    wire, peer = connected
    peer.reads.clear()
    written = 0

    async def write_on() -> None:
        nonlocal written
        while True:
            await wire.write(bytes(4_096))
            written += 4_096
            await asyncio.sleep(0)

    task = asyncio.create_task(write_on())
    await asyncio.sleep(0.3)
    before = written
    await asyncio.sleep(0.2)
    assert written == before
    assert wire._writer.transport.get_write_buffer_size() + len(wire._unsent) <= 3 * LARGEST_UNSENT_BYTES
    peer.reads.set()
    await asyncio.sleep(0.2)
    assert written > before
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_nothing_is_written_once_the_connection_is_lost(connected: tuple[RealWire, Peer]) -> None:
    """Nor what was waiting to be sent; whoever writes learns it."""
    wire, peer = connected
    await wire.write(b"waits")
    wire.abort()
    with pytest.raises(MQTTDisconnectedError):
        await wire.write(b"too late")
    await asyncio.wait_for(peer.has_gone.wait(), 5.0)
    assert peer.came == b""
