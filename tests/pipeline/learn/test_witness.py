"""Published, but not received: it is noticed, said, and mended; a quiet home is left in peace."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from typing_extensions import override

from benchmarks.drills.network import Proxy
from benchmarks.processes import HOST, wait_until
from benchmarks.publisher import Publisher
from pipeline.learn import deafness, witness
from pipeline.learn.service import Service
from pipeline.learn.witness import PATIENCE_S, SEVERAL, Doubt
from pipeline.runtime.errors import FatalError
from pipeline.settings import Settings
from schemas.home import Home
from sinks.store import SqlStore
from tests.fixtures.runs import TOPIC
from tests.fixtures.services import happening

CLIENT_ID = "haai-deaf-p0"
LONG_S = 20.0
PUBLISH = 3


class Swallowing(Proxy):
    """Hands on all but the events of the durable session, while it is told to swallow."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.is_swallowing = False
        self.swallowed = 0
        self.witnesses = 0

    @override
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(HOST, self._target_port)
        first = await reader.read(65_536)
        back.write(first)
        self.witnesses += b"-witness-" in first
        is_durable = CLIENT_ID.encode() in first and f"{CLIENT_ID}-".encode() not in first
        with suppress(ConnectionError):
            await asyncio.gather(self._pipe(reader, back), self._hand_on(there, writer, is_durable))

    async def _hand_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        is_durable: bool,  # noqa: FBT001 told once
    ) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                packet = await _packet(reader)
                is_event = packet[0] >> 4 == PUBLISH and TOPIC.encode() in packet[:64]
                if is_durable and is_event and self.is_swallowing:
                    self.swallowed += 1
                else:
                    writer.write(packet)
        writer.close()


async def _packet(reader: asyncio.StreamReader) -> bytes:
    """One MQTT packet."""
    head, size, shift = await reader.readexactly(1), 0, 0
    while True:
        byte = await reader.readexactly(1)
        head += byte
        size |= (byte[0] & 127) << shift
        shift += 7
        if byte[0] < 128:
            return head + await reader.readexactly(size)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Doubt sooner."""
    monkeypatch.setattr(witness, "DOUBT_S", 1.0)
    monkeypatch.setattr(witness, "PATIENCE_S", 1.0)
    monkeypatch.setattr(witness, "LOOK_S", 0.05)


@pytest.fixture
async def proxy(broker: Any) -> AsyncIterator[Swallowing]:
    """A proxy before the broker."""
    async with Swallowing(broker.port) as made:
        yield made


@pytest.fixture
def service(proxy: Swallowing, tmp_path: Path) -> Callable[[], Service]:
    """Make a service behind the proxy."""

    def make() -> Service:
        url = f"mqtt://{HOST}:{proxy.port}"
        settings = Settings(
            _env_file=None,
            mqtt_url=url,
            database_path=tmp_path / "ha-ai.db",
            mqtt_client_id=CLIENT_ID,
            heartbeat_s=0.5,
            lease_s=1.0,
            http_port=0,
        )
        return Service(settings, Home())

    return make


async def until_it_ends(made: Service, broker: Any) -> str:
    """Publish events, a few a second, until the service ends; return why."""
    running = asyncio.create_task(made.run())
    await wait_until(lambda: made.health.ready or running.done(), LONG_S, "a ready service")
    until_s = time.monotonic() + LONG_S
    while not running.done() and time.monotonic() < until_s:
        await Publisher(broker.port).publish(happening(2))
        await asyncio.wait([running], timeout=0.3)
    with pytest.raises(FatalError) as ended:
        await asyncio.wait_for(running, LONG_S)
    return str(ended.value)


async def test_a_deaf_process_says_so_and_ends(
    broker: Any, proxy: Swallowing, service: Callable[[], Service]
) -> None:
    """Its heartbeats come, its events do not; the gap begins with the last one that came."""
    made = service()
    running = asyncio.create_task(made.run())
    await wait_until(lambda: made.health.ready, LONG_S, "a ready service")
    await Publisher(broker.port).publish(happening(1))
    await wait_until(lambda: made.metrics.entries_total == 1, LONG_S, "an event")
    made.stop()
    await asyncio.wait_for(running, LONG_S)
    proxy.is_swallowing = True
    made, last_us = service(), time.time_ns() // 1000
    assert await until_it_ends(made, broker) == deafness.WORDS
    assert made.health.faults[deafness.SUBJECT] == deafness.WORDS
    assert proxy.swallowed
    proxy.is_swallowing = False
    made = service()
    running = asyncio.create_task(made.run())
    await wait_until(lambda: made.metrics.entries_total > 0, LONG_S, "events")
    made.stop()
    await asyncio.wait_for(running, LONG_S)
    store = SqlStore(made.settings.store_url)
    assert any(gap.from_us < last_us for gap in store.gaps())
    store.close()


async def test_a_process_that_is_deaf_again_gives_its_session_up(
    broker: Any, proxy: Swallowing, service: Callable[[], Service]
) -> None:
    """The first time the session is kept, the second time in a row it is not."""
    proxy.is_swallowing = True
    assert await until_it_ends(service(), broker) == deafness.WORDS
    assert await has_session(broker)
    assert await until_it_ends(service(), broker) == deafness.WITH_A_NEW_SESSION
    assert not await has_session(broker)


async def has_session(broker: Any) -> bool:
    """Whether the broker has the durable session."""
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        identifier=CLIENT_ID,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=False,
        properties=_kept(),
    )
    present: list[bool] = []
    connected = client._client.on_connect

    def note(*arguments: Any) -> None:
        present.append(bool(arguments[2].session_present))
        connected(*arguments)  # type: ignore[misc]

    client._client.on_connect = note
    async with client:
        return present[0]


def _kept() -> Any:
    from paho.mqtt.packettypes import PacketTypes  # noqa: PLC0415 for this alone
    from paho.mqtt.properties import Properties  # noqa: PLC0415

    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 600
    return properties


async def test_a_quiet_home_is_no_fault(proxy: Swallowing, service: Callable[[], Service]) -> None:
    """Somebody listens beside, nothing is published, and nothing is said."""
    made = service()
    running = asyncio.create_task(made.run())
    await wait_until(lambda: proxy.witnesses, LONG_S, "a witness")
    await asyncio.sleep(2.5)
    assert not running.done()
    assert made.health.ready
    made.stop()
    await asyncio.wait_for(running, LONG_S)


async def test_while_events_flow_nobody_listens_beside(
    broker: Any, proxy: Swallowing, service: Callable[[], Service]
) -> None:
    """The witness comes with the doubt, and goes with it."""
    made = service()
    running = asyncio.create_task(made.run())
    await wait_until(lambda: made.health.ready, LONG_S, "a ready service")
    for number in range(1, 8):
        await Publisher(broker.port).publish(happening(1))
        await wait_until(lambda number=number: made.metrics.entries_total >= number, LONG_S, "it")  # type: ignore[misc]
        await asyncio.sleep(0.3)
    assert not proxy.witnesses
    made.stop()
    await asyncio.wait_for(running, LONG_S)


def test_a_few_messages_are_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several have to be overheard, and to stay away for a while."""
    monkeypatch.setattr(witness, "PATIENCE_S", PATIENCE_S)
    doubt = Doubt(0.0)
    for number in range(SEVERAL - 1):
        doubt.overhear(float(number))
    assert not doubt.is_deaf(1_000.0)
    doubt.overhear(1_000.0)
    assert not doubt.is_deaf(1_000.0 + PATIENCE_S - 0.1)
    assert doubt.is_deaf(1_000.0 + PATIENCE_S)
    doubt.begin_anew(1_001.0)
    assert not doubt.is_deaf(2_000.0)
