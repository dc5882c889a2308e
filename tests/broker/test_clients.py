"""The clients that the project uses, on the wire: aiomqtt and FastStream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiomqtt
import pytest
import zmqtt
from faststream.middlewares import AckPolicy
from faststream.mqtt import MQTTBroker, MQTTMessage, QoS
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

TIMEOUT_S = 10.0


def aiomqtt_client(broker: Any, client_id: str | None = None, **options: Any) -> aiomqtt.Client:
    """Return an MQTT 5 client of aiomqtt."""
    version = aiomqtt.ProtocolVersion.V5
    return aiomqtt.Client(broker.host, broker.port, identifier=client_id, protocol=version, **options)


def properties(packet_type: int, **values: object) -> Properties:
    """Return paho's properties of a packet."""
    result = Properties(packet_type)  # type: ignore[no-untyped-call]  # paho
    for name, value in values.items():
        setattr(result, name, value)
    return result


async def take(client: aiomqtt.Client, count: int) -> list[aiomqtt.Message]:
    """Return the next messages."""
    messages: list[aiomqtt.Message] = []
    async with asyncio.timeout(TIMEOUT_S):
        async for message in client.messages:
            messages.append(message)
            if len(messages) == count:
                break
    return messages


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_aiomqtt_exchanges_messages(broker: Any, qos: int) -> None:
    """A burst arrives completely and in order at every quality of service."""
    async with aiomqtt_client(broker) as reader, aiomqtt_client(broker) as publisher:
        await reader.subscribe("a/+", qos=qos)
        for number in range(200):
            await publisher.publish("a/b", str(number), qos=qos)
        messages = await take(reader, 200)
    assert [message.payload for message in messages] == [str(number).encode() for number in range(200)]
    assert {message.qos for message in messages} == {qos}


async def test_aiomqtt_finds_its_session_again(broker: Any) -> None:
    """What was published while a durable aiomqtt client was away is there when it returns."""
    durable: dict[str, Any] = {
        "clean_start": False,
        "properties": properties(PacketTypes.CONNECT, SessionExpiryInterval=60),
    }
    async with aiomqtt_client(broker, "reader", **durable) as reader:
        await reader.subscribe("a", qos=1)
    async with aiomqtt_client(broker) as publisher:
        for number in range(10):
            await publisher.publish("a", str(number), qos=1)
    async with aiomqtt_client(broker, "reader", **durable) as reader:
        messages = await take(reader, 10)
    assert [message.payload for message in messages] == [str(number).encode() for number in range(10)]


async def test_aiomqtt_gets_an_answer(broker: Any) -> None:
    """A request with response topic and correlation data is answered to whom it came from."""
    async with aiomqtt_client(broker) as asker, aiomqtt_client(broker) as answerer:
        await answerer.subscribe("ask", qos=1)
        await asker.subscribe("answers/1", qos=1)
        question = properties(PacketTypes.PUBLISH, ResponseTopic="answers/1", CorrelationData=b"7")
        await asker.publish("ask", "why?", qos=1, properties=question)
        [asked] = await take(answerer, 1)
        stated: Any = asked.properties
        answer = properties(PacketTypes.PUBLISH, CorrelationData=stated.CorrelationData)
        await answerer.publish(stated.ResponseTopic, "because", qos=1, properties=answer)
        [answered] = await take(asker, 1)
    stated = answered.properties
    assert (answered.payload, stated.CorrelationData) == (b"because", b"7")


async def test_aiomqtt_leaves_its_will(broker: Any, proxy_to: Any) -> None:
    """A client whose connection breaks turns its retained status to offline, for those there and to come."""
    proxy = await proxy_to(broker)
    will = aiomqtt.Will("status", "offline", qos=1, retain=True)
    async with aiomqtt_client(proxy, "service", will=will) as service, aiomqtt_client(broker) as reader:
        await service.publish("status", "online", qos=1, retain=True)
        await reader.subscribe("status", qos=1)
        before = await take(reader, 1)
        proxy.cut()
        after = await take(reader, 1)
        await reader.subscribe("status", qos=1)
        later = await take(reader, 1)
    seen = [(message.payload, message.retain) for message in before + after + later]
    assert seen == [(b"online", True), (b"offline", False), (b"offline", True)]


@asynccontextmanager
async def faststream(port: int, **options: Any) -> AsyncIterator[MQTTBroker]:
    """A durable FastStream broker that acknowledges by hand and reconnects at once and for ever."""
    broker = MQTTBroker(
        f"mqtt://127.0.0.1:{port}",
        client_id="pipeline",
        clean_session=False,
        session_expiry_interval=3600,
        ack_policy=AckPolicy.MANUAL,
        reconnect=zmqtt.ReconnectConfig(initial_delay=0.01, max_delay=0.1, max_attempts=None),
        **options,
    )
    yield broker
    await broker.stop()


async def publish_numbers(broker: Any, numbers: range) -> None:
    """Publish numbers at QoS 1."""
    async with aiomqtt_client(broker) as publisher:
        for number in numbers:
            await publisher.publish("a", str(number), qos=1)


async def test_faststream_gets_unacknowledged_messages_again(broker: Any, proxy_to: Any) -> None:
    """After a broken connection FastStream gets what it had not acknowledged, then what came since."""
    proxy = await proxy_to(broker)
    seen: asyncio.Queue[int] = asyncio.Queue()
    async with faststream(proxy.port) as app:

        @app.subscriber("a", qos=QoS.AT_LEAST_ONCE)
        async def on_number(message: MQTTMessage) -> None:
            number = int(message.body)
            seen.put_nowait(number)
            if number < 5 or proxy.cuts:
                await message.ack()

        await app.start()
        async with asyncio.timeout(TIMEOUT_S):
            await publish_numbers(broker, range(10))
            assert [await seen.get() for _ in range(10)] == list(range(10))
            proxy.cut()
            await publish_numbers(broker, range(10, 15))
            assert [await seen.get() for _ in range(10)] == list(range(5, 15))
            assert seen.empty()


async def test_faststream_loses_nothing_over_many_broken_connections(broker: Any, proxy_to: Any) -> None:
    """However often the connection breaks, every message is handled, first in order."""
    proxy = await proxy_to(broker)
    count, firsts, done = 500, dict[int, None](), asyncio.Event()
    async with faststream(proxy.port, session_replay_buffer_size=0) as app:

        @app.subscriber("a", qos=QoS.AT_LEAST_ONCE)
        async def on_number(message: MQTTMessage) -> None:
            firsts[int(message.body)] = None
            if len(firsts) in range(100, count, 100) and len(firsts) // 100 > proxy.cuts:
                proxy.cut()
            with suppress(zmqtt.MQTTDisconnectedError):
                await message.ack()
            if len(firsts) == count:
                done.set()

        await app.start()
        await publish_numbers(broker, range(count))
        await asyncio.wait_for(done.wait(), 3 * TIMEOUT_S)
    assert proxy.cuts >= 4
    assert list(firsts) == list(range(count))


async def test_faststream_keeps_the_session_when_it_detaches(broker: Any) -> None:
    """A FastStream subscriber that detaches before it stops finds what was published since."""
    seen: asyncio.Queue[int] = asyncio.Queue()
    for numbers in (range(5), range(5, 10)):
        async with faststream(broker.port) as app:
            subscriber = app.subscriber("a", qos=QoS.AT_LEAST_ONCE)

            @subscriber
            async def on_number(message: MQTTMessage) -> None:
                seen.put_nowait(int(message.body))
                await message.ack()

            if numbers.start:
                await publish_numbers(broker, numbers)
            await app.start()
            if not numbers.start:
                await publish_numbers(broker, numbers)
            async with asyncio.timeout(TIMEOUT_S):
                assert [await seen.get() for _ in numbers] == list(numbers)
            assert subscriber._subscription is not None
            await subscriber._subscription.detach()
            subscriber._subscription = None


async def test_faststream_asks_and_is_answered(broker: Any) -> None:
    """FastStream's request reaches a handler and returns with its answer."""
    async with faststream(broker.port) as app:

        @app.subscriber("ask", qos=QoS.AT_LEAST_ONCE, ack_policy=AckPolicy.ACK)
        async def on_question(message: MQTTMessage) -> bytes:
            return b"answer to " + message.body

        await app.start()
        answer = await app.request(b"why", "ask", timeout=TIMEOUT_S)
    assert answer.body == b"answer to why"
