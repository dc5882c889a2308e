"""How messages travel: qualities of service, queues, redelivery, properties."""

import asyncio
from typing import Any

import mqtt5
import pytest

from pipeline.mqtt.broker import EmbeddedBroker, Limits

NO_MATCHING_SUBSCRIBERS = 0x10
PACKET_ID_NOT_FOUND = 0x92
EXACTLY_ONCE = mqtt5.QoS.EXACTLY_ONCE
DURABLE: dict[str, Any] = {"session_expiry_interval": 60}


@pytest.mark.parametrize("published", [0, 1, 2])
@pytest.mark.parametrize("subscribed", [0, 1, 2])
async def test_the_lower_quality_of_service_holds(
    broker: Any, connect: Any, published: int, subscribed: int
) -> None:
    """A message is delivered at the lower of the publisher's and the subscriber's QoS."""
    client = await connect(broker)
    assert await client.subscribe(mqtt5.TopicFilter("a", max_qos=mqtt5.QoS(subscribed))) == [subscribed]
    publisher = await connect(broker)
    packet_id = 7 if published else None
    publisher.send(mqtt5.PublishPacket("a", b"x", qos=mqtt5.QoS(published), packet_id=packet_id))
    if published == 2:
        await publisher.receive(mqtt5.PubRecPacket)
        publisher.send(mqtt5.PubRelPacket(7))
    message = await client.receive(mqtt5.PublishPacket)
    assert message.qos == min(published, subscribed)
    assert (message.packet_id is None) == (min(published, subscribed) == 0)


async def test_a_message_of_qos_2_is_taken_once(broker: Any, connect: Any) -> None:
    """A PUBLISH that is repeated before PUBREL is acknowledged again and delivered once."""
    client = await connect(broker)
    await client.subscribe("a")
    publisher = await connect(broker)
    for is_duplicate in (False, True):
        publish = mqtt5.PublishPacket("a", b"x", qos=EXACTLY_ONCE, packet_id=7, duplicate=is_duplicate)
        publisher.send(publish)
        assert (await publisher.receive(mqtt5.PubRecPacket)).packet_id == 7
    publisher.send(mqtt5.PubRelPacket(7))
    assert (await publisher.receive(mqtt5.PubCompPacket)).packet_id == 7
    await client.take()
    await client.assert_silent()


async def test_a_message_of_qos_2_is_taken_once_over_two_connections(broker: Any, connect: Any) -> None:
    """The broker remembers over a reconnect which QoS 2 messages it has taken."""
    client = await connect(broker)
    await client.subscribe("a")
    publish = mqtt5.PublishPacket("a", b"x", qos=EXACTLY_ONCE, packet_id=7)
    first = await connect(broker, "publisher", **DURABLE)
    first.send(publish)
    await first.receive(mqtt5.PubRecPacket)
    first.drop()
    second = await connect(broker, "publisher", **DURABLE)
    second.send(publish)
    await second.receive(mqtt5.PubRecPacket)
    second.send(mqtt5.PubRelPacket(7))
    await second.receive(mqtt5.PubCompPacket)
    await client.take()
    await client.assert_silent()


async def test_a_message_of_qos_2_is_handed_over_in_four_steps(broker: Any, connect: Any) -> None:
    """PUBLISH, PUBREC, PUBREL, PUBCOMP, and the message is done with."""
    client = await connect(broker, "reader", **DURABLE)
    await client.subscribe(mqtt5.TopicFilter("a", max_qos=EXACTLY_ONCE))
    publisher = await connect(broker)
    publisher.send(mqtt5.PublishPacket("a", b"x", qos=EXACTLY_ONCE, packet_id=1))
    await publisher.receive(mqtt5.PubRecPacket)
    publisher.send(mqtt5.PubRelPacket(1))
    message = await client.receive(mqtt5.PublishPacket)
    assert message.packet_id is not None
    client.send(mqtt5.PubRecPacket(message.packet_id))
    assert (await client.receive(mqtt5.PubRelPacket)).packet_id == message.packet_id
    client.send(mqtt5.PubCompPacket(message.packet_id))
    await client.assert_silent()
    await (await connect(broker, "reader", **DURABLE)).assert_silent()


async def test_a_packet_id_is_free_again_after_its_handshake(broker: Any, connect: Any) -> None:
    """After PUBCOMP the same packet id stands for a new message."""
    client = await connect(broker)
    await client.subscribe("a")
    publisher = await connect(broker)
    for payload in (b"first", b"second"):
        publisher.send(mqtt5.PublishPacket("a", payload, qos=EXACTLY_ONCE, packet_id=7))
        await publisher.receive(mqtt5.PubRecPacket)
        publisher.send(mqtt5.PubRelPacket(7))
        await publisher.receive(mqtt5.PubCompPacket)
        assert (await client.take()).payload == payload


async def test_a_refused_message_is_done_with(broker: Any, connect: Any) -> None:
    """A PUBREC that reports a failure ends the delivery: no PUBREL, and the next message follows."""
    client = await connect(broker, receive_max=1)
    await client.subscribe(mqtt5.TopicFilter("a", max_qos=EXACTLY_ONCE))
    publisher = await connect(broker)
    for packet_id in (1, 2):
        publisher.send(mqtt5.PublishPacket("a", b"%d" % packet_id, qos=EXACTLY_ONCE, packet_id=packet_id))
        await publisher.receive(mqtt5.PubRecPacket)
        publisher.send(mqtt5.PubRelPacket(packet_id))
        await publisher.receive(mqtt5.PubCompPacket)
    message = await client.receive(mqtt5.PublishPacket)
    refusal = mqtt5.PubRecReasonCode.QUOTA_EXCEEDED
    client.send(mqtt5.PubRecPacket(message.packet_id or 0, reason_code=refusal))
    assert (await client.receive(mqtt5.PublishPacket)).payload == b"2"


async def test_unknown_packet_ids_are_named(embedded_broker: Any, connect: Any) -> None:
    """What answers PUBREC and PUBREL for nothing says so; mosquitto 2.0.11 reports success."""
    client = await connect(embedded_broker)
    client.send(mqtt5.PubRecPacket(5))
    assert (await client.receive(mqtt5.PubRelPacket)).reason_code == PACKET_ID_NOT_FOUND
    client.send(mqtt5.PubRelPacket(5))
    assert (await client.receive(mqtt5.PubCompPacket)).reason_code == PACKET_ID_NOT_FOUND


async def test_a_message_for_nobody_is_named(broker: Any, connect: Any) -> None:
    """The PUBACK says whether anybody subscribed."""
    publisher = await connect(broker)
    assert await publisher.publish("a") == NO_MATCHING_SUBSCRIBERS
    await publisher.subscribe("b")
    publisher.send(mqtt5.PublishPacket("b", b"", qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=9))
    received = {type(await publisher.receive(object)) for _ in range(2)}
    assert received == {mqtt5.PubAckPacket, mqtt5.PublishPacket}


@pytest.mark.parametrize("qos", [0, 1])
async def test_messages_wait_for_an_absent_client(broker: Any, connect: Any, qos: int) -> None:
    """A durable session collects what is published while its client is away, in order."""
    client = await connect(broker, "reader", **DURABLE)
    await client.subscribe("a")
    client.drop()
    publisher = await connect(broker)
    for number in range(200):
        packet_id = publisher.next_id() if qos else None
        publisher.send(mqtt5.PublishPacket("a", b"%d" % number, qos=mqtt5.QoS(qos), packet_id=packet_id))
    for _ in range(200 * qos):
        await publisher.receive(mqtt5.PubAckPacket)
    await publisher.assert_silent()
    client = await connect(broker, "reader", **DURABLE)
    assert client.connack.session_present
    assert [(await client.take()).payload for _ in range(200)] == [b"%d" % number for number in range(200)]


async def test_unacknowledged_messages_are_redelivered(broker: Any, connect: Any) -> None:
    """What was sent and not acknowledged comes again, marked, in order, before what was not sent yet."""
    client = await connect(broker, "reader", **DURABLE)
    await client.subscribe("a")
    publisher = await connect(broker)
    for payload in (b"0", b"1", b"2"):
        await publisher.publish("a", payload)
    await client.take()
    for _ in range(2):
        await client.receive(mqtt5.PublishPacket)
    await client.assert_silent()
    client.drop()
    await publisher.publish("a", b"3")
    client = await connect(broker, "reader", **DURABLE)
    messages = [await client.take() for _ in range(3)]
    assert [message.payload for message in messages] == [b"1", b"2", b"3"]
    assert all(message.duplicate for message in messages[:2])


async def test_a_released_message_is_not_redelivered(broker: Any, connect: Any) -> None:
    """After PUBREC a reconnect brings PUBREL, not the message."""
    client = await connect(broker, "reader", **DURABLE)
    await client.subscribe(mqtt5.TopicFilter("a", max_qos=EXACTLY_ONCE))
    publisher = await connect(broker)
    publisher.send(mqtt5.PublishPacket("a", b"x", qos=EXACTLY_ONCE, packet_id=1))
    await publisher.receive(mqtt5.PubRecPacket)
    publisher.send(mqtt5.PubRelPacket(1))
    message = await client.receive(mqtt5.PublishPacket)
    assert message.packet_id is not None
    client.send(mqtt5.PubRecPacket(message.packet_id))
    await client.receive(mqtt5.PubRelPacket)
    client.drop()
    client = await connect(broker, "reader", **DURABLE)
    assert (await client.receive(mqtt5.PubRelPacket)).packet_id == message.packet_id


async def test_the_receive_maximum_is_honoured(embedded_broker: Any, connect: Any) -> None:
    """Never are more messages unacknowledged than the client allows; mosquitto 2.0.11 overshoots."""
    client = await connect(embedded_broker, receive_max=3)
    await client.subscribe("a")
    publisher = await connect(embedded_broker)
    for number in range(20):
        await publisher.publish("a", b"%d" % number)
    waiting = [await client.receive(mqtt5.PublishPacket) for _ in range(3)]
    for _ in range(17):
        await client.assert_silent()
        client.send(mqtt5.PubAckPacket(waiting.pop().packet_id or 0))
        waiting.append(await client.receive(mqtt5.PublishPacket))
    assert sorted(int(message.payload) for message in waiting) == [0, 1, 19]


async def test_properties_travel_along(broker: Any, connect: Any) -> None:
    """What the publisher says about a message reaches the subscriber unchanged."""
    client = await connect(broker)
    await client.subscribe("a")
    properties: dict[str, Any] = {
        "payload_format_indicator": 1,
        "content_type": "application/json",
        "response_topic": "answers",
        "correlation_data": b"\x00\xff",
        "user_properties": [("first", "1"), ("second", "2"), ("first", "3")],
    }
    await (await connect(broker)).publish("a", b"{}", **properties)
    message = await client.take()
    assert {name: getattr(message, name) for name in properties} == properties


async def test_messages_expire_while_they_wait(broker: Any, connect: Any) -> None:
    """A message whose interval has passed is not delivered; another tells the seconds it has left."""
    client = await connect(broker, "reader", **DURABLE)
    await client.subscribe("a")
    client.drop()
    publisher = await connect(broker)
    await publisher.publish("a", b"short", message_expiry_interval=1)
    await publisher.publish("a", b"long", message_expiry_interval=60)
    await asyncio.sleep(2.1)
    client = await connect(broker, "reader", **DURABLE)
    message = await client.take()
    assert message.payload == b"long"
    assert message.message_expiry_interval in range(56, 60)


async def test_the_maximum_packet_size_of_a_client_is_honoured(broker: Any, connect: Any) -> None:
    """A message that is too large for a client is left out for it, and the next one follows."""
    client = await connect(broker, max_packet_size=100)
    await client.subscribe("a")
    publisher = await connect(broker)
    await publisher.publish("a", bytes(200))
    await publisher.publish("a", b"small")
    assert (await client.take()).payload == b"small"


async def test_a_slow_reader_costs_bounded_memory(connect: Any) -> None:
    """What a client does not read waits in its bounded queue: the oldest arrive, and others are served."""
    async with EmbeddedBroker(limits=Limits(max_queued=20)) as broker:
        slow = await connect(broker, "slow")
        await slow.subscribe("a")
        publisher, count, filling = await connect(broker), 300, bytes(100_000)
        for number in range(count):
            await publisher.publish("a", b"%d " % number + filling)
        numbers = [int(message.payload.split()[0]) for message in await read_all(slow)]
        assert 20 <= len(numbers) < count
        assert numbers == list(range(len(numbers)))


async def read_all(client: Any) -> list[mqtt5.PublishPacket]:
    """Take messages until a ping brings nothing but its answer."""
    messages: list[mqtt5.PublishPacket] = []
    before = -1
    while before < len(messages):
        before = len(messages)
        client.send(mqtt5.PingReqPacket())
        while isinstance(packet := await client.receive(object), mqtt5.PublishPacket):
            messages.append(packet)
            if packet.packet_id is not None:
                client.send(mqtt5.PubAckPacket(packet.packet_id))
    return messages
