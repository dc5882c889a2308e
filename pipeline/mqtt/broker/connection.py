"""One client's TCP connection: its packets in, its packets out, and its end."""

import asyncio
import hmac
import logging
import uuid
from dataclasses import dataclass
from typing import Final

import mqtt5
from mqtt5 import ConnAckReasonCode, DisconnectReasonCode

from pipeline.mqtt.broker.exchange import Exchange
from pipeline.mqtt.broker.packets import PacketError, PacketReader, UnsupportedVersionError
from pipeline.mqtt.broker.session import Session
from pipeline.mqtt.broker.topics import is_valid_topic, split_share

CONNECT_TIMEOUT_S: Final = 10.0
_KEEP_ALIVE_GRACE: Final = 1.5  # MQTT-3.1.2-22
_MAX_UNREAD_REPLIES: Final = 1_048_576  # bytes of acknowledgements for a client that sends but does not read
_REFUSAL_3_1_1: Final = bytes([0x20, 2, 0, 1])  # CONNACK of MQTT 3: unacceptable protocol version
_NO_MATCHING_SUBSCRIBERS: Final = 0x10
_FIRST_FAILURE: Final = 0x80
_UNKNOWN_PACKET_ID: Final = 0x92

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The one name and password that clients must give."""

    username: str
    password: str

    def allow(self, connect: mqtt5.ConnectPacket) -> bool:
        """Return whether a CONNECT names them."""
        name_fits = hmac.compare_digest((connect.username or "").encode(), self.username.encode())
        return hmac.compare_digest(connect.password or b"", self.password.encode()) and name_fits


class Connection(asyncio.Protocol):
    """Speak MQTT 5 with one client.

    Everything happens synchronously when bytes arrive or the transport has room, so no packet is handled
    while another is. A client that reads slowly stops its session's messages at the transport's
    high-water mark; one that does not even read its acknowledgements is no longer read from.

    Parameters
    ----------
    exchange
        Where sessions live and messages go.
    credentials
        What clients must give; without them anybody may connect.
    """

    def __init__(self, exchange: Exchange, credentials: Credentials | None) -> None:
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._exchange = exchange
        self._credentials = credentials
        self._reader = PacketReader(exchange.limits.max_packet_size)
        self._session: Session | None = None
        self._is_paused = False
        self._loop = asyncio.get_running_loop()
        self._last_seen = self._loop.time()
        self._silence_limit_s = CONNECT_TIMEOUT_S
        self._watch = self._loop.call_later(CONNECT_TIMEOUT_S, self._check_silence)

    @property
    def is_writable(self) -> bool:
        return not self._is_paused and not self._transport.is_closing()

    def send(self, encoded: bytes) -> None:
        # asyncio would log each write to a connection that is lost.
        if not self._transport.is_closing():
            self._transport.write(encoded)

    def close(self, reason: DisconnectReasonCode) -> None:
        if self._transport.is_closing():
            return
        if self._session is not None:
            self._transport.write(mqtt5.DisconnectPacket(reason_code=reason).write())
        self._hang_up()

    def abort(self) -> None:
        """Drop the connection without a word."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the CONNECT."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Handle every packet that has arrived whole."""
        self._last_seen = self._loop.time()
        try:
            for packet in self._reader.feed(data):
                self._handle(packet)
                if self._transport.is_closing():
                    return
        except UnsupportedVersionError as error:
            self._refuse_version(error.version)
        except PacketError as error:
            self._refuse(error.reason)
        if self._transport.get_write_buffer_size() > _MAX_UNREAD_REPLIES:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """Let messages wait: the client reads more slowly than they come."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Go on sending."""
        self._is_paused = False
        self._transport.resume_reading()
        if self._session is not None:
            self._session.pump()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the session to the client's next connection."""
        logger.debug("connection lost: %s", exc)
        self._watch.cancel()
        self._leave(with_will=True)
        self.lost.set_result(None)

    def _handle(self, packet: mqtt5.Packet) -> None:
        if self._session is None:
            if not isinstance(packet, mqtt5.ConnectPacket):
                raise PacketError(DisconnectReasonCode.PROTOCOL_ERROR)
            self._connect(packet)
        elif isinstance(packet, mqtt5.PublishPacket):
            self._take(packet, self._session)
        elif isinstance(packet, mqtt5.DisconnectPacket):
            self._disconnect(packet, self._session)
        elif isinstance(packet, mqtt5.PingReqPacket):
            self.send(mqtt5.PingRespPacket().write())
        elif isinstance(packet, mqtt5.SubscribePacket):
            self._subscribe(packet, self._session)
        elif isinstance(packet, mqtt5.UnsubscribePacket):
            self._unsubscribe(packet, self._session)
        else:
            self._settle(packet, self._session)

    def _settle(self, packet: mqtt5.Packet, session: Session) -> None:
        """Take the next step of a delivery in either direction."""
        match packet:
            case mqtt5.PubAckPacket() | mqtt5.PubCompPacket():
                session.acknowledge(packet.packet_id)
            case mqtt5.PubRecPacket() if int(packet.reason_code) >= _FIRST_FAILURE:
                session.acknowledge(packet.packet_id)
            case mqtt5.PubRecPacket():
                is_known = session.release(packet.packet_id)
                released = mqtt5.PubRelReasonCode(0 if is_known else _UNKNOWN_PACKET_ID)
                self.send(mqtt5.PubRelPacket(packet.packet_id, reason_code=released).write())
            case mqtt5.PubRelPacket():
                is_known = packet.packet_id in session.received_ids
                session.received_ids.discard(packet.packet_id)
                completed = mqtt5.PubCompReasonCode(0 if is_known else _UNKNOWN_PACKET_ID)
                self.send(mqtt5.PubCompPacket(packet.packet_id, reason_code=completed).write())
            case _:
                raise PacketError(DisconnectReasonCode.PROTOCOL_ERROR)

    def _connect(self, connect: mqtt5.ConnectPacket) -> None:
        refusal = self._refusal_of(connect)
        if refusal is not None:
            self.send(mqtt5.ConnAckPacket(reason_code=refusal).write())
            self._hang_up()
            return
        assigned_id = None if connect.client_id else f"assigned-{uuid.uuid4().hex}"
        client_id = assigned_id or connect.client_id
        self._session, is_present = self._exchange.open_session(client_id, connect, self)
        self._silence_limit_s = connect.keep_alive * _KEEP_ALIVE_GRACE
        self._watch_silence(self._silence_limit_s)
        limit = self._exchange.limits.max_packet_size
        self.send(
            mqtt5.ConnAckPacket(
                session_present=is_present, assigned_client_id=assigned_id, max_packet_size=limit
            ).write()
        )
        self._session.pump()

    def _refusal_of(self, connect: mqtt5.ConnectPacket) -> ConnAckReasonCode | None:
        if connect.authentication_method is not None:
            return ConnAckReasonCode.BAD_AUTHENTICATION_METHOD
        if self._credentials is not None and not self._credentials.allow(connect):
            return ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD
        if connect.will is not None and not is_valid_topic(connect.will.topic):
            return ConnAckReasonCode.TOPIC_NAME_INVALID
        return None

    def _take(self, packet: mqtt5.PublishPacket, session: Session) -> None:
        """Accept a PUBLISH and acknowledge it."""
        if packet.topic_alias is not None:
            raise PacketError(DisconnectReasonCode.TOPIC_ALIAS_INVALID)
        if not is_valid_topic(packet.topic):
            raise PacketError(DisconnectReasonCode.TOPIC_NAME_INVALID)
        if packet.packet_id == 0 or packet.subscription_ids:
            raise PacketError(DisconnectReasonCode.PROTOCOL_ERROR)
        if packet.qos == mqtt5.QoS.EXACTLY_ONCE and packet.packet_id in session.received_ids:
            self._acknowledge(packet, session, has_recipients=True)
            return
        has_recipients = self._exchange.publish(packet, session.client_id)
        self._acknowledge(packet, session, has_recipients=has_recipients)

    def _acknowledge(self, packet: mqtt5.PublishPacket, session: Session, *, has_recipients: bool) -> None:
        code = 0 if has_recipients else _NO_MATCHING_SUBSCRIBERS
        if packet.packet_id is None:
            return
        if packet.qos == mqtt5.QoS.AT_LEAST_ONCE:
            self.send(mqtt5.PubAckPacket(packet.packet_id, reason_code=mqtt5.PubAckReasonCode(code)).write())
            return
        session.received_ids.add(packet.packet_id)
        self.send(mqtt5.PubRecPacket(packet.packet_id, reason_code=mqtt5.PubRecReasonCode(code)).write())

    def _subscribe(self, packet: mqtt5.SubscribePacket, session: Session) -> None:
        for options in packet.topic_filters:
            if options.no_local and split_share(options.pattern)[0] is not None:
                raise PacketError(DisconnectReasonCode.PROTOCOL_ERROR)  # MQTT-3.8.3-4
        if packet.packet_id == 0 or not packet.topic_filters:
            raise PacketError(DisconnectReasonCode.PROTOCOL_ERROR)
        subscribed = self._exchange.subscribe(session, packet)
        self.send(mqtt5.SubAckPacket(packet.packet_id, subscribed.codes).write())
        for subscription, message in subscribed.retained:
            subscription.replay(message)

    def _unsubscribe(self, packet: mqtt5.UnsubscribePacket, session: Session) -> None:
        if packet.packet_id == 0 or not packet.patterns:
            raise PacketError(DisconnectReasonCode.PROTOCOL_ERROR)
        codes = [self._exchange.unsubscribe(session, pattern) for pattern in packet.patterns]
        self.send(mqtt5.UnsubAckPacket(packet.packet_id, codes).write())

    def _disconnect(self, packet: mqtt5.DisconnectPacket, session: Session) -> None:
        if packet.session_expiry_interval is not None:
            if session.expiry_interval_s == 0 and packet.session_expiry_interval != 0:
                raise PacketError(DisconnectReasonCode.PROTOCOL_ERROR)  # MQTT-3.1.2-23
            session.expiry_interval_s = packet.session_expiry_interval
        self._leave(with_will=packet.reason_code != DisconnectReasonCode.NORMAL_DISCONNECTION)
        self._hang_up()

    def _refuse(self, reason: DisconnectReasonCode) -> None:
        """End the connection over a packet that cannot be accepted."""
        logger.warning("refused a packet of %r: %r", self._session and self._session.client_id, reason)
        if self._session is None:
            self.send(mqtt5.ConnAckPacket(reason_code=ConnAckReasonCode(int(reason))).write())
        self.close(reason)

    def _refuse_version(self, version: int) -> None:
        logger.warning("refused a client of MQTT protocol version %d, 5 is needed", version)
        unsupported = mqtt5.ConnAckPacket(reason_code=ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION)
        self.send(_REFUSAL_3_1_1 if version in {3, 4} else unsupported.write())
        self._hang_up()

    def _leave(self, *, with_will: bool) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._exchange.leave_session(session, with_will=with_will)

    def _hang_up(self) -> None:
        if self._is_paused:
            self._transport.abort()  # what is buffered is not being read
        else:
            self._transport.close()
        self._leave(with_will=True)

    def _watch_silence(self, delay_s: float) -> None:
        self._watch.cancel()
        if self._silence_limit_s:
            self._watch = self._loop.call_later(delay_s, self._check_silence)

    def _check_silence(self) -> None:
        """End the connection of a client that is not heard from; MQTT-3.1.2-22."""
        left_s = self._last_seen + self._silence_limit_s - self._loop.time()
        if left_s > 0:
            self._watch_silence(left_s)
            return
        self.close(DisconnectReasonCode.KEEP_ALIVE_TIMEOUT)
