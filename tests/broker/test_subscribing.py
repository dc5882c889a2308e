"""Subscriptions: retained messages, options, identifiers, shares, and their end."""

from typing import Any

import mqtt5
import pytest
from mqtt5 import RetainHandling

NO_SUBSCRIPTION_EXISTED = 0x11
TOPIC_FILTER_INVALID = 0x8F
AT_LEAST_ONCE = mqtt5.QoS.AT_LEAST_ONCE
DURABLE: dict[str, Any] = {"session_expiry_interval": 60}


def option(pattern: str, **options: Any) -> mqtt5.TopicFilter:
    """Return a topic filter of QoS 1 whose other options are off unless given."""
    return mqtt5.TopicFilter(pattern, max_qos=AT_LEAST_ONCE, **{"retain_as_published": False, **options})


async def test_a_new_subscription_gets_what_is_retained(broker: Any, connect: Any) -> None:
    """The last retained message of each matching topic arrives, marked as retained."""
    publisher = await connect(broker)
    for topic, payload in [("a/1", b"old"), ("a/1", b"new"), ("a/2", b"other"), ("b", b"elsewhere")]:
        await publisher.publish(topic, payload, retain=True)
    client = await connect(broker)
    await client.subscribe(option("a/#"))
    messages = [await client.take() for _ in range(2)]
    assert sorted((message.payload, message.retain) for message in messages) == [
        (b"new", True),
        (b"other", True),
    ]
    await client.assert_silent()


async def test_an_empty_payload_ends_the_retention(broker: Any, connect: Any) -> None:
    """After an empty retained message nothing is retained on the topic."""
    publisher = await connect(broker)
    await publisher.publish("a", b"x", retain=True)
    await publisher.publish("a", b"", retain=True)
    client = await connect(broker)
    await client.subscribe(option("a"))
    await client.assert_silent()


@pytest.mark.parametrize(
    ("handling", "first", "again"),
    [
        (RetainHandling.SEND_ALWAYS, True, True),
        (RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS, True, False),
        (RetainHandling.SEND_NEVER, False, False),
    ],
    ids=["always", "if new", "never"],
)
async def test_the_subscriber_chooses_when_it_gets_what_is_retained(
    broker: Any, connect: Any, handling: RetainHandling, *, first: bool, again: bool
) -> None:
    """Retain handling decides about retained messages for new and for repeated subscriptions."""
    await (await connect(broker)).publish("a", b"x", retain=True)
    client = await connect(broker)
    for is_expected in (first, again):
        await client.subscribe(option("a", retain_handling=handling))
        if is_expected:
            await client.take()
        await client.assert_silent()


@pytest.mark.parametrize("retain_as_published", [True, False])
async def test_the_retain_flag_of_live_messages_is_the_subscribers_choice(
    broker: Any, connect: Any, *, retain_as_published: bool
) -> None:
    """A live message keeps the publisher's retain flag only if the subscriber asks for it."""
    client = await connect(broker)
    await client.subscribe(option("a", retain_as_published=retain_as_published))
    await (await connect(broker)).publish("a", b"x", retain=True)
    assert (await client.take()).retain == retain_as_published


async def test_what_is_retained_expires(embedded_broker: Any, connect: Any) -> None:
    """A retained message is gone after its expiry interval, and tells the time it has left before."""
    publisher = await connect(embedded_broker)
    await publisher.publish("a", b"x", retain=True, message_expiry_interval=0)
    await publisher.publish("b", b"x", retain=True, message_expiry_interval=60)
    client = await connect(embedded_broker)
    await client.subscribe(option("a"), option("b"))
    message = await client.take()
    assert (message.topic, message.message_expiry_interval) == ("b", 60)
    await client.assert_silent()


async def test_own_messages_can_be_declined(broker: Any, connect: Any) -> None:
    """With No Local a client does not get back what it published itself, others do."""
    client, other = await connect(broker), await connect(broker)
    await client.subscribe(option("a", no_local=True))
    await other.subscribe(option("a"))
    await client.publish("a", b"x")
    await client.assert_silent()
    await other.take()


async def test_messages_name_the_subscription_they_match(broker: Any, connect: Any) -> None:
    """Each matching subscription gets a copy of its own that carries its identifier."""
    client = await connect(broker)
    await client.subscribe(option("a/#"), subscription_id=1)
    await client.subscribe(option("a/b"), subscription_id=200_000)
    await client.subscribe(option("c"))
    publisher = await connect(broker)
    await publisher.publish("a/b", b"x")
    await publisher.publish("c", b"x")
    messages = [await client.take() for _ in range(3)]
    assert sorted(message.subscription_ids for message in messages) == [[], [1], [200_000]]


async def test_a_repeated_subscription_replaces_the_first(broker: Any, connect: Any) -> None:
    """Subscribing again with other options changes them and adds no copy."""
    client = await connect(broker)
    await client.subscribe(option("a"), subscription_id=1)
    await client.subscribe(mqtt5.TopicFilter("a", max_qos=mqtt5.QoS.AT_MOST_ONCE), subscription_id=2)
    await (await connect(broker)).publish("a", b"x")
    message = await client.take()
    assert (message.qos, message.subscription_ids) == (0, [2])
    await client.assert_silent()


async def test_each_invalid_filter_is_refused_alone(embedded_broker: Any, connect: Any) -> None:
    """The SUBACK refuses what is no topic filter and grants the rest; mosquitto hangs up over it."""
    client = await connect(embedded_broker)
    packet = (
        mqtt5.SubscribePacket(1, [option("a"), option("bad"), option("c")])
        .write()
        .replace(b"bad", b"b/#"[::-1])
    )
    client.send(packet)
    assert [int(code) for code in (await client.receive(mqtt5.SubAckPacket)).reason_codes] == [
        1,
        TOPIC_FILTER_INVALID,
        1,
    ]


async def test_unsubscribing_ends_a_subscription(broker: Any, connect: Any) -> None:
    """The UNSUBACK says for each filter whether it was there, and nothing is delivered afterwards."""
    client = await connect(broker)
    await client.subscribe(option("a"), option("b"))
    client.send(mqtt5.UnsubscribePacket(5, ["a", "never"]))
    unsuback = await client.receive(mqtt5.UnsubAckPacket)
    assert unsuback.packet_id == 5
    assert [int(code) for code in unsuback.reason_codes] == [0, NO_SUBSCRIPTION_EXISTED]
    publisher = await connect(broker)
    await publisher.publish("a", b"x")
    await publisher.publish("b", b"x")
    assert (await client.take()).topic == "b"
    await client.assert_silent()


async def test_a_share_divides_messages_among_its_members(broker: Any, connect: Any) -> None:
    """Each message goes to one member of the share, in turns, and to every other subscription."""
    members = [await connect(broker), await connect(broker)]
    for member in members:
        await member.subscribe(option("$share/group/a"))
    alone = await connect(broker)
    await alone.subscribe(option("$share/other/a"))
    publisher = await connect(broker)
    for number in range(6):
        await publisher.publish("a", b"%d" % number)
    shares = [{(await member.take()).payload for _ in range(3)} for member in members]
    assert shares[0] | shares[1] == {b"%d" % number for number in range(6)}
    assert [(await alone.take()).payload for _ in range(6)] == [b"%d" % number for number in range(6)]
    for client in (*members, alone):
        await client.assert_silent()


async def test_a_share_passes_over_absent_members(embedded_broker: Any, connect: Any) -> None:
    """While a member is online nothing waits for an absent one; mosquitto goes on queueing for it."""
    absent = await connect(embedded_broker, "absent", **DURABLE)
    await absent.subscribe(option("$share/group/a"))
    absent.drop()
    present = await connect(embedded_broker, "present")
    await present.subscribe(option("$share/group/a"))
    publisher = await connect(embedded_broker)
    for number in range(4):
        await publisher.publish("a", b"%d" % number)
    assert [(await present.take()).payload for _ in range(4)] == [b"%d" % number for number in range(4)]


async def test_a_share_of_absent_members_keeps_messages(broker: Any, connect: Any) -> None:
    """With no member online the messages wait for a durable one."""
    absent = await connect(broker, "absent", **DURABLE)
    await absent.subscribe(option("$share/group/a"))
    absent.drop()
    assert await (await connect(broker)).publish("a", b"x") == 0
    absent = await connect(broker, "absent", **DURABLE)
    assert (await absent.take()).payload == b"x"


async def test_a_share_gets_nothing_retained(embedded_broker: Any, connect: Any) -> None:
    """A new member of a share is not sent what is retained; mosquitto 2.0.11 sends it."""
    await (await connect(embedded_broker)).publish("a", b"x", retain=True)
    client = await connect(embedded_broker)
    await client.subscribe(option("$share/group/a"))
    await client.assert_silent()
