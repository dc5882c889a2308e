"""The broker without its sockets: sessions, their wills and ends, and the way of a message."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import mqtt5

from pipeline.mqtt.broker.session import NEVER_EXPIRES, Link, Message, Session
from pipeline.mqtt.broker.subscriptions import Subscription, SubscriptionTable
from pipeline.mqtt.broker.topics import is_valid_filter, matches
from pipeline.timing.clock import monotonic_s


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one client may cost the broker.

    Parameters
    ----------
    max_queued
        Messages that wait for one client; the newest are dropped beyond it.
    queue_qos0
        Whether QoS 0 messages wait for a client that is away.
    max_inflight
        Unacknowledged messages for a client that states no Receive Maximum; mosquitto's default.
    max_packet_size
        Bytes of the largest packet that is accepted.
    """

    max_queued: int = 100_000
    queue_qos0: bool = True
    max_inflight: int = 20
    max_packet_size: int = 1_048_576


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The codes of a SUBACK, and the retained messages that are to follow it."""

    codes: list[mqtt5.SubAckReasonCode]
    retained: list[tuple[Subscription, Message]]


class Exchange:
    """Connect publishers with subscribers.

    Parameters
    ----------
    limits
        Bounds of every session.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._sessions: dict[str, Session] = {}
        self._subscriptions = SubscriptionTable()
        self._retained = RetainedMessages(monotonic_s)

    def open_session(self, client_id: str, connect: mqtt5.ConnectPacket, link: Link) -> tuple[Session, bool]:
        """Resume or begin the session of a client, and return it with whether it was there before."""
        displaced = self._sessions.get(client_id)
        if displaced is not None and displaced.link is not None:
            displaced.link.close(mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER)
        if displaced is not None and connect.clean_start:
            self._end_session(displaced)
        session = self._sessions.get(client_id)
        is_present = session is not None
        if session is None:
            session = self._sessions[client_id] = self._new_session(client_id)
        session.cancel_timers()
        session.attach(link, connect)
        return session, is_present

    def leave_session(self, session: Session, *, with_will: bool) -> None:
        """Note that the connection of a session is gone; publish its will and end it, now or when due."""
        session.link = None
        if not with_will:
            session.will = None
        if session.expiry_interval_s == 0:
            self._end_session(session)
            return
        if session.will is not None:
            self._later(session, session.will.will_delay_interval, self._publish_will)
        if session.expiry_interval_s != NEVER_EXPIRES:
            self._later(session, session.expiry_interval_s, self._end_session)

    def publish(self, packet: mqtt5.PublishPacket, publisher: str) -> bool:
        """Deliver a message to everybody who subscribed to it, and return whether anybody did."""
        message = Message.received(packet, monotonic_s())
        if packet.retain:
            self._retained.keep(message)
        recipients = self._subscriptions.recipients(packet.topic, publisher)
        for subscription in recipients:
            subscription.deliver(message)
        return bool(recipients)

    def subscribe(self, session: Session, packet: mqtt5.SubscribePacket) -> Subscribed:
        """Subscribe a session to every valid filter of a SUBSCRIBE."""
        subscribed = Subscribed([], [])
        for options in packet.topic_filters:
            if not is_valid_filter(options.pattern):
                subscribed.codes.append(mqtt5.SubAckReasonCode.TOPIC_FILTER_INVALID)
                continue
            subscription = Subscription(session, options, packet.subscription_id)
            is_new = self._subscriptions.add(subscription)
            subscribed.codes.append(mqtt5.SubAckReasonCode(int(options.max_qos)))
            if subscription.wants_retained(is_new=is_new):
                retained = self._retained.matching(options.pattern)
                subscribed.retained.extend((subscription, message) for message in retained)
        return subscribed

    def unsubscribe(self, session: Session, pattern: str) -> mqtt5.UnsubAckReasonCode:
        """Remove one subscription of a session."""
        if self._subscriptions.remove(session.client_id, pattern):
            return mqtt5.UnsubAckReasonCode.SUCCESS
        return mqtt5.UnsubAckReasonCode.NO_SUBSCRIPTION_EXISTED

    def close(self) -> None:
        """Forget every session without its will."""
        for session in self._sessions.values():
            session.cancel_timers()
        self._sessions.clear()

    def _new_session(self, client_id: str) -> Session:
        limits = self.limits
        return Session(
            client_id,
            max_queued=limits.max_queued,
            queue_qos0=limits.queue_qos0,
            max_inflight=limits.max_inflight,
            clock=monotonic_s,
        )

    def _later(self, session: Session, delay_s: int, action: Callable[[Session], None]) -> None:
        if delay_s == 0:
            action(session)
        else:
            session.timers.append(asyncio.get_running_loop().call_later(delay_s, action, session))

    def _end_session(self, session: Session) -> None:
        session.cancel_timers()
        if self._sessions.get(session.client_id) is session:
            del self._sessions[session.client_id]
            self._subscriptions.remove_all(session.client_id)
        self._publish_will(session)

    def _publish_will(self, session: Session) -> None:
        will, session.will = session.will, None
        if will is None:
            return
        packet = mqtt5.PublishPacket(
            will.topic,
            will.payload or b"",
            qos=will.qos,
            retain=will.retain,
            packet_id=None if will.qos == mqtt5.QoS.AT_MOST_ONCE else 1,  # the codec wants one
            payload_format_indicator=will.payload_format_indicator,
            message_expiry_interval=will.message_expiry_interval,
            content_type=will.content_type,
            response_topic=will.response_topic,
            correlation_data=will.correlation_data,
            user_properties=will.user_properties,
        )
        self.publish(packet, session.client_id)


class RetainedMessages:
    """Retained messages by topic; expired ones are forgotten when they would be read.

    Parameters
    ----------
    clock
        Monotonic seconds, for message expiry.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._messages: dict[str, Message] = {}

    def keep(self, message: Message) -> None:
        """Replace the topic's message; an empty payload removes it."""
        packet = message.packet
        if packet.payload:
            self._messages[packet.topic] = message
        else:
            self._messages.pop(packet.topic, None)

    def matching(self, topic_filter: str) -> list[Message]:
        """Return the messages that a new subscription to `topic_filter` is to see."""
        now = self._clock()
        for topic in [topic for topic, message in self._messages.items() if message.is_expired(now)]:
            del self._messages[topic]
        return [message for topic, message in self._messages.items() if matches(topic_filter, topic)]
