"""Connections to the MQTT broker: FastStream's, with what it takes to lose nothing around restarts."""

import logging
import secrets
import ssl
import uuid
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

import zmqtt
from faststream.middlewares import AckPolicy
from faststream.mqtt import MQTTBroker, MQTTMessage, QoS
from faststream.security import BaseSecurity, SASLPlaintext
from typing_extensions import override

from pipeline.mqtt.client import SteadyBroker, SteadyClient, SteadySubscription
from pipeline.mqtt.durable_session import Displaced, DurableBroker, Permission, Room, Session
from pipeline.mqtt.intake import Sight
from pipeline.settings.groups import BrokerSettings
from pipeline.settings.sections import StreamSettings
from schemas.messages import QOS
from schemas.outgoing import Outgoing
from schemas.statuses import ServiceStatus
from schemas.topics import Topics

LARGEST_EVENT_BYTES = 1_048_576
EVERY_PACKET_ID = 65_535
# zmqtt drops what finds no subscription in time: unacknowledged, it would come again on the next connection.
FOR_EVER_S = 1e9
CONNECT_TIMEOUT_S = 10.0

Failed = Callable[[], Awaitable[None]]


async def at_once() -> None:
    """Wait for nothing."""


async def nobody_else(_was_taken: bool) -> None:  # noqa: FBT001 as `Displaced` is called
    """Wait for no other client."""


def untold(_: Sight) -> None:
    """Tell nobody what becomes of the connection."""


def security(settings: BrokerSettings) -> BaseSecurity | None:
    """Credentials and TLS, as FastStream takes them."""
    context = None
    if settings.broker_url.startswith("mqtts://"):
        context = ssl.create_default_context(cafile=settings.mqtt_ca_file)
    if settings.mqtt_username is not None:
        password = settings.mqtt_password.get_secret_value() if settings.mqtt_password else ""
        return SASLPlaintext(
            settings.mqtt_username, password, ssl_context=context, use_ssl=context is not None
        )
    return BaseSecurity(ssl_context=context, use_ssl=True) if context is not None else None


def durable_broker(
    settings: StreamSettings,
    on_failed: Failed,
    *,
    permission: Permission,
    room: Room,
    tell: Callable[[Sight], None] = untold,
    displaced: Displaced = nobody_else,
) -> DurableBroker:
    """The intake's connection: a durable session under a fixed client id, reconnecting for ever.

    mosquitto before 2.0.13 exceeds a small receive maximum and resends more than a thousand messages before
    our SUBSCRIBE: so what MQTT allows is asked for unless set, and the replay buffer is unbounded. To ask for
    nothing would not do: it then counts queued messages of QoS 0 as unacknowledged for ever, and after twenty
    of them sends no QoS 1 any more.
    """
    session = Session(
        permission=permission,
        displaced=displaced,
        room=room,
        tell=tell,
        snapshots=settings.input == "statestream",
        acts=(settings.topics.learning_set,),
        states=(settings.topics.learning_set, settings.status_topic),
        signs=(settings.topics.learning_set, settings.status_topic, settings.topics.heartbeat),
    )
    return DurableBroker(
        settings.broker_url,
        session,
        largest_bytes=LARGEST_EVENT_BYTES,
        client_id=settings.mqtt_client_id,
        clean_session=False,
        session_expiry_interval=settings.mqtt_session_expiry_s,
        session_replay_buffer_size=0,
        session_replay_timeout=FOR_EVER_S,
        receive_maximum=settings.mqtt_receive_maximum or EVERY_PACKET_ID,
        **_common(settings, on_failed),
    )


def egress_broker(
    settings: BrokerSettings,
    on_failed: Failed,
    will: zmqtt.Will | None,
    *,
    name: str = "out",
    kind: type[SteadyBroker] = SteadyBroker,
) -> SteadyBroker:
    """The outbox's connection: a publish that waits must never hold up the intake's read loop.

    It has no session to resume, and a name of its own in every process, so that several can publish. The
    stateless consumers have one each, under their own `name` and of the `kind` that they need.
    """
    return kind(
        settings.broker_url,
        client_id=f"{settings.mqtt_client_id}-{name}-{secrets.token_hex(4)}",
        # Twenty at a time, mosquitto's default, would make what a transaction costs be shared by few.
        receive_maximum=settings.mqtt_receive_maximum or EVERY_PACKET_ID,
        will=will,
        **_common(settings, on_failed),
    )


def _common(settings: BrokerSettings, on_failed: Failed) -> dict[str, Any]:
    return {
        "on_connection_recovery_failed": on_failed,
        "mqtt_connect_timeout": CONNECT_TIMEOUT_S,
        "security": security(settings),
        "logger": logging.getLogger("ha_ai.transport"),
        "log_level": logging.DEBUG,
        "apply_types": False,
    }


async def discard_session(settings: BrokerSettings) -> None:
    """Let the broker forget the durable session; whoever has it is disconnected."""
    broker = SteadyBroker(
        settings.broker_url,
        client_id=settings.mqtt_client_id,
        clean_session=True,
        session_expiry_interval=0,
        **_common(settings, at_once),
    )
    await broker.start()
    await broker.stop()


async def connect(broker: MQTTBroker) -> None:
    """Start a broker; one that refuses, is away or talks nonsense is asked again for ever."""
    await broker.start()


async def as_it_came(message: zmqtt.Message) -> MQTTMessage:
    """Parse nothing: the handler gets the message with its raw payload; FastStream's random id takes time."""
    return MQTTMessage(raw_message=message, body=message.payload, correlation_id=message.topic)


async def whole(message: MQTTMessage) -> MQTTMessage:
    """Decode nothing."""
    return message


def subscribe(
    broker: MQTTBroker,
    topic_filter: str,
    put: Callable[[MQTTMessage], Awaitable[None]],
    *,
    shared: str | None = None,
) -> None:
    """Subscribe at QoS 1, to be acknowledged by hand when it is done; of a `shared` group one gets each."""

    # FastStream would answer to whatever response topic a message names, in our name.
    @broker.subscriber(
        topic_filter,
        qos=QoS(QOS),
        shared=shared,
        ack_policy=AckPolicy.MANUAL,
        parser=as_it_came,
        decoder=whole,
        no_reply=True,
    )
    async def intake(message: MQTTMessage) -> None:
        # What `whole` returned is kept in the message itself: thousands of such cycles would wait as garbage.
        message.clear_cache()
        await put(message)


async def detach(broker: MQTTBroker) -> None:
    """Take in no more; what the broker holds for us, and what comes now, waits there."""
    for subscriber in broker.subscribers:
        await subscriber.stop()


def connection_id(broker: MQTTBroker) -> int | None:
    """Number of the present connection, None while there is none."""
    info = _info(broker)
    return info.connection_id if info is not None else None


def session_was_kept(broker: MQTTBroker) -> bool:
    """Return whether the broker had kept our session, as far as there is a connection."""
    info = _info(broker)
    return info is not None and info.session_present


def _info(broker: MQTTBroker) -> zmqtt.ConnectionInfo | None:
    try:
        return broker.connection_info
    except zmqtt.MQTTDisconnectedError:
        return None


class AsPublishedClient(SteadyClient):
    """Asks for "retain as published": else a broker clears the flag on all that it hands on at once."""

    @override
    def subscribe(self, *filters: str, **options: Any) -> SteadySubscription:
        return super().subscribe(*filters, **{**options, "retain_as_published": True})


class AsPublishedBroker(SteadyBroker):
    """FastStream's broker, connecting by an `AsPublishedClient`."""

    @override
    def make_client(self) -> SteadyClient:
        return AsPublishedClient(**self._connection_kwargs)


def status_message(topics: Topics, state: str) -> Outgoing:
    """The retained message that says how the service is."""
    payload = ServiceStatus.model_validate({"state": state, "version": version("ha-ai")})
    return Topics.service.outgoing(topics, uuid.uuid4().hex, payload)


def last_will(topics: Topics) -> zmqtt.Will:
    """Return the will that the broker publishes where we end without a word."""
    goodbye = status_message(topics, "offline")
    return zmqtt.Will(topic=goodbye.topic, payload=goodbye.payload, qos=QoS(QOS), retain=goodbye.retain)
