"""One client's session: what waits for it, what is on its way, and what it has taken."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import mqtt5

NEVER_EXPIRES: Final = 0xFFFF_FFFF
_UNLIMITED_RECEIVE: Final = 0xFFFF
_LAST_PACKET_ID: Final = 0xFFFF

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """A published message and the monotonic second from which nobody gets it any more."""

    packet: mqtt5.PublishPacket
    expires_at: float | None

    @classmethod
    def received(cls, packet: mqtt5.PublishPacket, now: float) -> "Message":
        """Return the message of a packet that arrived at `now`."""
        interval_s = packet.message_expiry_interval
        return cls(packet, None if interval_s is None else now + interval_s)

    def is_expired(self, now: float) -> bool:
        """Return whether the message's time is over."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(slots=True)
class Delivery:
    """One copy of a message for one subscription."""

    message: Message
    qos: int
    retain: bool
    subscription_id: int | None
    is_released: bool = False  # QoS 2: the client has the message, only the handshake is open

    def encode(self, packet_id: int | None, now: float, *, is_duplicate: bool) -> bytes:
        """Return the bytes of this copy's PUBLISH, with the seconds that are left to it."""
        packet, expires_at = self.message.packet, self.message.expires_at
        return mqtt5.PublishPacket(
            packet.topic,
            packet.payload,
            qos=mqtt5.QoS(self.qos),
            retain=self.retain,
            packet_id=packet_id,
            duplicate=is_duplicate,
            payload_format_indicator=packet.payload_format_indicator,
            message_expiry_interval=None if expires_at is None else max(0, round(expires_at - now)),
            content_type=packet.content_type,
            response_topic=packet.response_topic,
            correlation_data=packet.correlation_data,
            subscription_ids=None if self.subscription_id is None else [self.subscription_id],
            user_properties=packet.user_properties,
        ).write()


class Link(Protocol):
    """The open connection of a session."""

    @property
    def is_writable(self) -> bool:
        """Return whether the client takes what is written, so that more may be."""

    def send(self, encoded: bytes) -> None:
        """Write one encoded packet."""

    def close(self, reason: mqtt5.DisconnectReasonCode) -> None:
        """Say why and hang up."""


class Session:
    """State of one client id, which outlives its connections for the session expiry interval.

    Messages wait in order in one queue. They leave it while the link is writable and fewer than the
    client's Receive Maximum are unacknowledged; after a reconnect the unacknowledged ones go first.

    Parameters
    ----------
    client_id
        The client's name, the key of the session.
    max_queued
        Messages that may wait; further ones are dropped and counted in `dropped`.
    queue_qos0
        Whether QoS 0 messages wait for a client that is away.
    max_inflight
        Unacknowledged messages for a client that states no Receive Maximum.
    clock
        Monotonic seconds, for message expiry.
    """

    def __init__(
        self,
        client_id: str,
        *,
        max_queued: int,
        queue_qos0: bool,
        max_inflight: int,
        clock: Callable[[], float],
    ) -> None:
        self.client_id = client_id
        self.link: Link | None = None
        self.expiry_interval_s = 0
        self.will: mqtt5.Will | None = None
        self.timers: list[asyncio.TimerHandle] = []
        self.received_ids: set[int] = set()
        self.dropped = 0
        self._max_queued = max_queued
        self._queue_qos0 = queue_qos0
        self._max_inflight = max_inflight
        self._clock = clock
        self._receive_max = max_inflight
        self._max_packet_size: int | None = None
        self._queue: deque[Delivery] = deque()
        self._inflight: dict[int, Delivery] = {}
        self._unsent: deque[int] = deque()  # inflight, but not yet on this connection
        self._last_packet_id = 0

    def attach(self, link: Link, connect: mqtt5.ConnectPacket) -> None:
        """Take a new connection; nothing is sent before `pump`."""
        self.link = link
        self.expiry_interval_s = connect.session_expiry_interval
        self.will = connect.will
        stated = connect.receive_max
        self._receive_max = self._max_inflight if stated == _UNLIMITED_RECEIVE else stated
        self._max_packet_size = connect.max_packet_size
        self._unsent = deque(self._inflight)

    def cancel_timers(self) -> None:
        """Forget what was to happen to the session of an absent client."""
        while self.timers:
            self.timers.pop().cancel()

    def offer(self, delivery: Delivery) -> None:
        """Queue one message and send what can be sent."""
        if self.link is None and not (delivery.qos or self._queue_qos0):
            return
        if len(self._queue) >= self._max_queued:
            self._drop()
            return
        self._queue.append(delivery)
        self.pump()

    def pump(self) -> None:
        """Send, in order, what the link and the client's Receive Maximum allow."""
        while self.link is not None and self.link.is_writable:
            has_room = len(self._inflight) - len(self._unsent) < self._receive_max
            if self._unsent and has_room:
                self._resend(self.link, self._unsent.popleft())
            elif not self._unsent and self._queue and (has_room or not self._queue[0].qos):
                self._send(self.link, self._queue.popleft())
            else:
                return

    def acknowledge(self, packet_id: int) -> None:
        """End the delivery of a message that the client took or refused: PUBACK, PUBCOMP, failed PUBREC."""
        if self._inflight.pop(packet_id, None) is not None and packet_id in self._unsent:
            self._unsent.remove(packet_id)
        self.pump()

    def release(self, packet_id: int) -> bool:
        """Note that a QoS 2 message has arrived, and return whether it was on its way."""
        delivery = self._inflight.get(packet_id)
        if delivery is not None:
            delivery.is_released = True
        return delivery is not None

    def _send(self, link: Link, delivery: Delivery) -> None:
        now = self._clock()
        if delivery.message.is_expired(now):
            return
        packet_id = self._free_packet_id() if delivery.qos else None
        encoded = delivery.encode(packet_id, now, is_duplicate=False)
        if self._max_packet_size is not None and len(encoded) > self._max_packet_size:
            return  # MQTT-3.1.2-25: as if it had been delivered
        if packet_id is not None:
            self._inflight[packet_id] = delivery
        link.send(encoded)

    def _resend(self, link: Link, packet_id: int) -> None:
        delivery = self._inflight[packet_id]
        if delivery.is_released:
            link.send(mqtt5.PubRelPacket(packet_id).write())
        else:
            link.send(delivery.encode(packet_id, self._clock(), is_duplicate=True))

    def _free_packet_id(self) -> int:
        while True:
            self._last_packet_id = self._last_packet_id % _LAST_PACKET_ID + 1
            if self._last_packet_id not in self._inflight:
                return self._last_packet_id

    def _drop(self) -> None:
        self.dropped += 1
        if self.dropped == 1:
            logger.warning("queue of %r is full at %d messages, dropping", self.client_id, self._max_queued)
