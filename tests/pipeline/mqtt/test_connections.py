"""The durable session, as a real mosquitto keeps it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiomqtt
import pytest
from faststream.mqtt import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from pipeline.mqtt.connections import durable_broker, subscribe
from pipeline.settings import Settings
from tests.conftest import HOST, EmbeddedBrokerThread, Mosquitto

TIMEOUT_S = 10.0
ROOM = 50
Received = asyncio.Queue[bytes]


@asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[Received]:
    """Take and acknowledge what comes for our session, while the context lasts."""
    received = Received()

    async def put(message: MQTTMessage) -> None:
        await message.ack()
        received.put_nowait(message.raw_message.payload)

    async def yes() -> bool:
        return True

    async def nothing() -> None:
        return None

    stands = asyncio.Event()
    broker = durable_broker(settings, nothing, permission=yes, room=nothing, tell=lambda _: stands.set())
    subscribe(broker, settings.eventstream_topic, put)
    await broker.start()
    await asyncio.wait_for(stands.wait(), TIMEOUT_S)
    try:
        yield received
    finally:
        await broker.stop()


@pytest.mark.mosquitto
async def test_what_had_queued_at_qos_0_does_not_silence_qos_1(mosquitto: Callable[..., Mosquitto]) -> None:
    """Mosquitto 2.0.11 takes every such message off its window for good; ours is too large for that."""
    server = mosquitto()
    settings = Settings(mqtt_url=server.url)
    async with listening(settings):
        pass
    sent = [f"{number}".encode() for number in range(100)]
    async with aiomqtt.Client(HOST, server.port) as publisher:
        for payload in sent:
            await publisher.publish(settings.eventstream_topic, payload, qos=0)
        # Acknowledged, and so behind the others in the queue.
        await publisher.publish(settings.eventstream_topic, b"at least once", qos=1)
        async with listening(settings) as received:
            arrived = [await asyncio.wait_for(received.get(), TIMEOUT_S) for _ in range(101)]
    assert arrived == [*sent, b"at least once"]


async def test_nothing_is_published_where_a_message_asks_for_it(
    embedded_broker: EmbeddedBrokerThread,
) -> None:
    """A message's response topic is no order to us: nothing goes there in our name."""
    settings = Settings(mqtt_url=embedded_broker.url)
    topic, elsewhere = settings.eventstream_topic, "elsewhere"
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ResponseTopic = elsewhere
    version = aiomqtt.ProtocolVersion.V5
    async with (
        listening(settings) as received,
        aiomqtt.Client(HOST, embedded_broker.port, protocol=version) as us,
    ):
        await us.subscribe(elsewhere, 1)
        # The second is taken after all that came of the first.
        for payload in (b"first", b"second"):
            await us.publish(topic, payload, qos=1, properties=properties)
            assert await asyncio.wait_for(received.get(), TIMEOUT_S) == payload
        await us.publish(elsewhere, b"ours", qos=1)
        heard = await asyncio.wait_for(anext(aiter(us.messages)), TIMEOUT_S)
    assert heard.payload == b"ours"


@pytest.mark.mosquitto
async def test_what_waits_at_the_broker_is_taken_before_it_confirms(
    mosquitto: Callable[..., Mosquitto],
) -> None:
    """All of it comes before the SUBACK: no more of it is held than there is room for."""
    server = mosquitto(max_queued_messages=0)
    settings = Settings(mqtt_url=server.url)
    async with listening(settings):
        pass
    number, most = 3_000, 0
    async with aiomqtt.Client(HOST, server.port) as publisher:
        for payload in range(number):
            await publisher.publish(settings.eventstream_topic, f"{payload:500}", qos=1)
    waiting: asyncio.Queue[MQTTMessage] = asyncio.Queue()
    drained = asyncio.Event()

    async def yes() -> bool:
        return True

    async def nothing() -> None:
        return None

    async def room() -> None:
        while waiting.qsize() >= ROOM:
            drained.clear()
            await drained.wait()

    broker = durable_broker(settings, nothing, permission=yes, room=room)
    subscribe(broker, settings.eventstream_topic, waiting.put)
    await broker.start()
    try:
        for payload in range(number):
            message = await asyncio.wait_for(waiting.get(), TIMEOUT_S)
            most = max(most, waiting.qsize())
            assert message.raw_message.payload == f"{payload:500}".encode()
            await message.ack()
            drained.set()
    finally:
        await broker.stop()
    assert most < 10 * ROOM


async def test_who_may_not_connect_again_says_so(embedded_broker: EmbeddedBrokerThread) -> None:
    """While the store is away nobody can say that the lease is ours: the process ends, and is not deaf."""
    stands, failed = asyncio.Event(), asyncio.Event()

    async def permission() -> bool:
        return not stands.is_set()

    async def fail() -> None:
        failed.set()

    async def nothing() -> None:
        return None

    settings = Settings(mqtt_url=embedded_broker.url)
    broker = durable_broker(settings, fail, permission=permission, room=nothing, tell=lambda _: stands.set())
    subscribe(broker, settings.eventstream_topic, lambda message: message.ack())
    await broker.start()
    try:
        await asyncio.wait_for(stands.wait(), TIMEOUT_S)
        assert broker.client is not None
        broker.client.drop()
        await asyncio.wait_for(failed.wait(), TIMEOUT_S)
    finally:
        await broker.stop()
