"""How connections begin and end."""

import asyncio
from typing import Any

import mqtt5
import pytest
from mqtt5 import ConnAckReasonCode, DisconnectReasonCode

from pipeline.mqtt.broker import Credentials, EmbeddedBroker, Limits

CONNECT_3_1_1 = bytes.fromhex("100d 0004 4d515454 04 02 003c 0001 61")
HOUR_S = 3600
FIRST_FAILURE = 0x80
NO_MATCHING_SUBSCRIBERS = 0x10
CONNECT_6 = bytes.fromhex("100e 0004 4d515454 06 02 003c 00 0001 61")
MALFORMED = {
    "no such packet type": bytes.fromhex("0000"),
    "length that never ends": bytes.fromhex("30ffffffffff"),
    "topic with a wildcard": bytes.fromhex("3004 0001 23 00"),
    "topic of a null character": bytes.fromhex("3004 0001 00 00"),
    "no topic": bytes.fromhex("3003 0000 00"),
    "quality of service 3": bytes.fromhex("3606 0001 61 0001 00"),
    "packet id 0": bytes.fromhex("3206 0001 61 0000 00"),
    "subscription to nothing": bytes.fromhex("8203 0001 00"),
    "property twice": bytes.fromhex("300e 0001 61 0a 0200000001 0200000001"),
    "second CONNECT": mqtt5.ConnectPacket("again").write(),
}
TOLERATED_BY_MOSQUITTO = {
    "subscription id from a publisher": mqtt5.PublishPacket("a", b"", subscription_ids=[1]).write(),
    "packet that only brokers send": bytes.fromhex("9004 0001 00 00"),
    "topic alias that was not offered": mqtt5.PublishPacket("a", b"", topic_alias=1).write(),
    "shared subscription without own messages": mqtt5.SubscribePacket(
        1, [mqtt5.TopicFilter("$share/a/b", no_local=True)]
    ).write(),
}
NOT_UTF_8 = bytes.fromhex("3005 0002 fffe 00")


async def test_a_nameless_client_is_given_an_id(broker: Any, connect: Any) -> None:
    """Two clients that name no id get one each, and not the same."""
    first, second = await connect(broker), await connect(broker)
    assert first.connack.assigned_client_id
    assert first.connack.assigned_client_id != second.connack.assigned_client_id


@pytest.mark.parametrize(
    ("connect_packet", "refusal"),
    [
        pytest.param(CONNECT_3_1_1, bytes([0x20, 2, 0, 1]), id="3.1.1"),
        pytest.param(
            CONNECT_6,
            mqtt5.ConnAckPacket(reason_code=ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION).write(),
            id="6",
        ),
    ],
)
async def test_another_version_of_mqtt_is_refused_in_its_own_words(
    embedded_broker: Any, open_wire: Any, connect_packet: bytes, refusal: bytes
) -> None:
    """A client of another version reads that its version is the reason; mosquitto would serve 3.1.1."""
    wire = await open_wire(embedded_broker)
    wire.send(connect_packet)
    assert await wire.hung_up() == refusal


async def test_a_first_packet_other_than_connect_ends_the_connection(broker: Any, open_wire: Any) -> None:
    """Nobody publishes before CONNECT."""
    wire = await open_wire(broker)
    wire.send(mqtt5.PublishPacket("a", b""))
    await wire.hung_up()


@pytest.mark.parametrize("packet", [pytest.param(packet, id=name) for name, packet in MALFORMED.items()])
async def test_a_bad_packet_ends_its_connection_only(broker: Any, connect: Any, packet: bytes) -> None:
    """Who sends what cannot be read is dropped, while others are served."""
    bystander, offender = await connect(broker, "bystander"), await connect(broker, "offender")
    offender.send(packet)
    await offender.hung_up()
    await bystander.assert_silent()


@pytest.mark.parametrize(
    "packet",
    [pytest.param(packet, id=name) for name, packet in (MALFORMED | TOLERATED_BY_MOSQUITTO).items()],
)
async def test_a_bad_packet_is_answered_with_a_reason(
    embedded_broker: Any, connect: Any, packet: bytes
) -> None:
    """The embedded broker says why it hangs up, and is strict where mosquitto 2.0.11 is silent or lenient."""
    offender = await connect(embedded_broker)
    offender.send(packet)
    assert int((await offender.receive(mqtt5.DisconnectPacket)).reason_code) >= FIRST_FAILURE


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # the codec's panic shows itself
async def test_text_that_is_not_utf_8_ends_its_connection_only(embedded_broker: Any, connect: Any) -> None:
    """The codec's panic over text that is not UTF-8 is one client's end, not the broker's."""
    bystander, offender = await connect(embedded_broker), await connect(embedded_broker)
    offender.send(NOT_UTF_8)
    farewell = await offender.receive(mqtt5.DisconnectPacket)
    assert farewell.reason_code == DisconnectReasonCode.MALFORMED_PACKET
    await bystander.assert_silent()


async def test_a_malformed_connect_is_answered_with_a_reason(embedded_broker: Any, open_wire: Any) -> None:
    """A CONNECT that cannot be read gets a CONNACK that says so; mosquitto just hangs up."""
    wire = await open_wire(embedded_broker)
    wire.send(bytes.fromhex("1010 0004 4d515454 05 02 003c 03 210000 0000"))
    assert (await wire.receive(mqtt5.ConnAckPacket)).reason_code == ConnAckReasonCode.MALFORMED_PACKET
    assert await wire.hung_up() == b""


async def test_packets_arrive_in_any_pieces(broker: Any, connect: Any) -> None:
    """A packet is understood byte by byte, and two packets in one write are two packets."""
    client = await connect(broker)
    for byte in mqtt5.PingReqPacket().write():
        client.send(bytes([byte]))
        await asyncio.sleep(0)
    await client.receive(mqtt5.PingRespPacket)
    client.send(mqtt5.PingReqPacket().write() * 2)
    await client.receive(mqtt5.PingRespPacket)
    await client.receive(mqtt5.PingRespPacket)


async def test_a_silent_client_is_told_why_it_is_dropped(embedded_broker: Any, connect: Any) -> None:
    """After one and a half times its keep alive it reads the reason; mosquitto 2.0.11 just hangs up."""
    client = await connect(embedded_broker, keep_alive=1)
    farewell = await client.receive(mqtt5.DisconnectPacket)
    assert farewell.reason_code == DisconnectReasonCode.KEEP_ALIVE_TIMEOUT


async def test_a_second_connection_takes_the_session_over(broker: Any, connect: Any) -> None:
    """The newer connection of a client id keeps its subscriptions, and the older one ends."""
    older = await connect(broker, "same", session_expiry_interval=60)
    await older.subscribe("a")
    newer = await connect(broker, "same", session_expiry_interval=60)
    await older.hung_up()
    assert newer.connack.session_present
    publisher = await connect(broker)
    assert await publisher.publish("a", b"to the newer") == 0
    assert (await newer.take()).payload == b"to the newer"


async def test_a_client_is_told_that_its_session_was_taken_over(embedded_broker: Any, connect: Any) -> None:
    """The older connection reads why it ends; mosquitto 2.0.11 hangs up without a word."""
    older = await connect(embedded_broker, "same")
    await connect(embedded_broker, "same")
    farewell = await older.receive(mqtt5.DisconnectPacket)
    assert farewell.reason_code == DisconnectReasonCode.SESSION_TAKEN_OVER


async def test_a_session_without_expiry_ends_with_its_connection(broker: Any, connect: Any) -> None:
    """Without a session expiry interval nothing is found again."""
    client = await connect(broker, "brief")
    await client.subscribe("a")
    client.send(mqtt5.DisconnectPacket())
    await client.hung_up()
    assert not (await connect(broker, "brief")).connack.session_present


async def test_a_session_expires(broker: Any, connect: Any) -> None:
    """After the session expiry interval the session is no longer there."""
    client = await connect(broker, "short", session_expiry_interval=1)
    await client.subscribe("a")
    client.drop()
    publisher = await connect(broker)
    async with asyncio.timeout(10):
        while await publisher.publish("a") != NO_MATCHING_SUBSCRIBERS:  # noqa: ASYNC110 - asks over the wire
            await asyncio.sleep(0.05)
    assert not (await connect(broker, "short")).connack.session_present


async def test_a_clean_start_forgets_the_session(broker: Any, connect: Any) -> None:
    """Clean start discards subscriptions and what was queued."""
    await (await connect(broker, "same", session_expiry_interval=60)).subscribe("a")
    assert not (await connect(broker, "same", clean_start=True)).connack.session_present
    assert await (await connect(broker)).publish("a") == NO_MATCHING_SUBSCRIBERS


async def test_a_disconnect_may_shorten_the_session(broker: Any, connect: Any) -> None:
    """The session expiry interval of DISCONNECT replaces that of CONNECT."""
    client = await connect(broker, "same", session_expiry_interval=60)
    client.send(mqtt5.DisconnectPacket(session_expiry_interval=0))
    await client.hung_up()
    assert not (await connect(broker, "same")).connack.session_present


async def test_a_disconnect_may_not_make_a_session_durable(broker: Any, connect: Any) -> None:
    """A session that began without expiry cannot be given one; the attempt is a protocol error."""
    client = await connect(broker)
    client.send(mqtt5.DisconnectPacket(session_expiry_interval=60))
    farewell = await client.receive(mqtt5.DisconnectPacket)
    assert farewell.reason_code == DisconnectReasonCode.PROTOCOL_ERROR


async def test_nothing_is_taken_after_a_disconnect(broker: Any, connect: Any) -> None:
    """What follows DISCONNECT in the same write is not read, not even another CONNECT."""
    reader = await connect(broker)
    await reader.subscribe("a")
    client = await connect(broker)
    rest = mqtt5.ConnectPacket("another"), mqtt5.PublishPacket("a", b"x")
    client.send(mqtt5.DisconnectPacket().write() + b"".join(packet.write() for packet in rest))
    assert await client.hung_up() == b""
    await reader.assert_silent()


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        (
            mqtt5.ConnectPacket("", authentication_method="SCRAM-SHA-1").write(),
            ConnAckReasonCode.BAD_AUTHENTICATION_METHOD,
        ),
        (
            mqtt5.ConnectPacket("", will=mqtt5.Will("a/b")).write().replace(b"a/b", b"a/#"),
            ConnAckReasonCode.TOPIC_NAME_INVALID,
        ),
    ],
    ids=["enhanced authentication", "will for a filter"],
)
async def test_a_connect_that_cannot_be_served_is_refused(
    embedded_broker: Any, open_wire: Any, packet: bytes, code: ConnAckReasonCode
) -> None:
    """What the broker cannot do for a client is refused by name; mosquitto hangs up over the will."""
    wire = await open_wire(embedded_broker)
    wire.send(packet)
    assert (await wire.receive(mqtt5.ConnAckPacket)).reason_code == code
    assert await wire.hung_up() == b""


async def test_a_lost_client_leaves_its_will(broker: Any, connect: Any) -> None:
    """A connection that just ends has its will published, with its properties."""
    reader = await connect(broker)
    await reader.subscribe("status")
    will = mqtt5.Will("status", payload=b"gone", qos=mqtt5.QoS.AT_LEAST_ONCE, user_properties=[("a", "b")])
    (await connect(broker, will=will)).drop()
    message = await reader.take()
    assert (message.payload, message.user_properties) == (b"gone", [("a", "b")])


async def test_a_goodbye_withdraws_the_will(broker: Any, connect: Any) -> None:
    """After a normal DISCONNECT no will is published."""
    reader = await connect(broker)
    await reader.subscribe("status")
    client = await connect(broker, will=mqtt5.Will("status", payload=b"gone"))
    client.send(mqtt5.DisconnectPacket())
    await client.hung_up()
    await reader.assert_silent()


async def test_a_goodbye_may_ask_for_the_will(broker: Any, connect: Any) -> None:
    """DISCONNECT with reason 0x04 has the will published."""
    reader = await connect(broker)
    await reader.subscribe("status")
    client = await connect(broker, will=mqtt5.Will("status", payload=b"gone"))
    client.send(mqtt5.DisconnectPacket(reason_code=DisconnectReasonCode.DISCONNECT_WITH_WILL_MESSAGE))
    assert (await reader.take()).payload == b"gone"


async def test_a_will_waits_for_its_delay(broker: Any, connect: Any) -> None:
    """The will of a client that is back within the will delay is never published, a later one is."""
    reader = await connect(broker)
    await reader.subscribe("status")
    options: dict[str, Any] = {"session_expiry_interval": 60}
    patient = mqtt5.Will("status", payload=b"patient", will_delay_interval=HOUR_S)
    prompt = mqtt5.Will("status", payload=b"prompt", will_delay_interval=1)
    (await connect(broker, "same", will=patient, **options)).drop()
    (await connect(broker, "same", will=prompt, **options)).drop()
    assert (await reader.take()).payload == b"prompt"
    await reader.assert_silent()


async def test_the_end_of_a_session_does_not_wait_for_the_will_delay(
    embedded_broker: Any, connect: Any
) -> None:
    """A session that ends has its will published then; mosquitto 2.0.11 waits for the whole delay."""
    reader = await connect(embedded_broker)
    await reader.subscribe("status")
    will = mqtt5.Will("status", payload=b"ended", will_delay_interval=HOUR_S)
    (await connect(embedded_broker, will=will)).drop()
    assert (await reader.take()).payload == b"ended"


async def test_a_packet_that_is_too_large_ends_the_connection() -> None:
    """A packet beyond the announced maximum is refused by its header, before its body is there."""
    async with EmbeddedBroker(limits=Limits(max_packet_size=1000)) as broker:
        reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
        writer.write(mqtt5.ConnectPacket("").write())
        connack, size = mqtt5.read(memoryview(answer := await reader.read(1000)))
        assert isinstance(connack, mqtt5.ConnAckPacket)
        assert connack.max_packet_size == 1000
        assert size == len(answer)
        writer.write(mqtt5.PublishPacket("a", bytes(1000)).write()[:10])
        farewell = mqtt5.DisconnectPacket(reason_code=DisconnectReasonCode.PACKET_TOO_LARGE)
        assert await reader.read() == farewell.write()
        writer.close()


@pytest.mark.parametrize(
    ("username", "password", "code"),
    [
        ("home", b"right", ConnAckReasonCode.SUCCESS),
        ("home", b"wrong", ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD),
        ("away", b"right", ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD),
        (None, None, ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD),
    ],
)
async def test_credentials_are_asked_for(
    open_wire: Any, username: str | None, password: bytes | None, code: ConnAckReasonCode
) -> None:
    """With credentials set, only they open a session."""
    async with EmbeddedBroker(credentials=Credentials("home", "right")) as broker:
        wire = await open_wire(broker)
        assert (await wire.connect("", username=username, password=password)).reason_code == code


async def test_a_stopping_broker_says_goodbye(connect: Any) -> None:
    """Clients read that the server shuts down, and the port is free afterwards."""
    broker = EmbeddedBroker()
    await broker.start()
    client = await connect(broker)
    await broker.stop()
    farewell = await client.receive(mqtt5.DisconnectPacket)
    assert farewell.reason_code == DisconnectReasonCode.SERVER_SHUTTING_DOWN
    await broker.start(port=broker.port)
    await broker.stop()
