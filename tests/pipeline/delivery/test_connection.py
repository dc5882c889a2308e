"""The durable session, as a real mosquitto keeps it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiomqtt
import pytest
from faststream.mqtt import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from pipeline.delivery.connection import durable_broker, subscribe
from pipeline.settings import Settings
from tests.conftest import HOST, EmbeddedBrokerThread, Mosquitto

TIMEOUT_S = 10.0
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

    broker = durable_broker(settings, nothing, permission=yes, room=nothing)
    subscribe(broker, settings.eventstream_topic, put)
    await broker.start()
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
