"""Table of subscriptions: finds the clients that get a message."""

from dataclasses import dataclass
from typing import Final

import mqtt5

from pipeline.mqtt.broker.session import Delivery, Message, Session
from pipeline.mqtt.broker.topics import matches, split_share

_MAX_CACHED_TOPICS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Subscription:
    """One session's interest in one topic filter."""

    session: Session
    options: mqtt5.TopicFilter
    subscription_id: int | None

    def accepts_from(self, client_id: str) -> bool:
        """Return whether messages that `client_id` published are wanted."""
        return not (self.options.no_local and self.session.client_id == client_id)

    def wants_retained(self, *, is_new: bool) -> bool:
        """Return whether what is retained is to be sent after this subscription was made."""
        handling = self.options.retain_handling
        if split_share(self.options.pattern)[0] is not None or handling == mqtt5.RetainHandling.SEND_NEVER:
            return False
        return is_new or handling == mqtt5.RetainHandling.SEND_ALWAYS

    def deliver(self, message: Message) -> None:
        """Hand a message that was just published to the session."""
        packet = message.packet
        retain = packet.retain and self.options.retain_as_published
        self.session.offer(Delivery(message, self._qos(packet), retain, self.subscription_id))

    def replay(self, message: Message) -> None:
        """Hand a retained message to the session."""
        self.session.offer(
            Delivery(message, self._qos(message.packet), retain=True, subscription_id=self.subscription_id)
        )

    def _qos(self, packet: mqtt5.PublishPacket) -> int:
        return min(int(packet.qos), int(self.options.max_qos))


Members = dict[str, Subscription]
"""The members of one share by client id; who is first is next."""


class SubscriptionTable:
    """All subscriptions, with the recipients of recent topics remembered."""

    def __init__(self) -> None:
        self._plain: dict[str, Members] = {}
        self._shared: dict[str, Members] = {}
        self._routes: dict[str, tuple[list[Members], list[Members]]] = {}

    def add(self, subscription: Subscription) -> bool:
        """Add or replace a subscription, and return whether it is new."""
        pattern, client_id = subscription.options.pattern, subscription.session.client_id
        members = self._table(pattern).setdefault(pattern, {})
        is_new = client_id not in members
        members[client_id] = subscription
        self._routes.clear()
        return is_new

    def remove(self, client_id: str, pattern: str) -> bool:
        """Remove a subscription, and return whether there was one."""
        table = self._table(pattern)
        members = table.get(pattern, {})
        existed = members.pop(client_id, None) is not None
        if existed and not members:
            del table[pattern]
        self._routes.clear()
        return existed

    def remove_all(self, client_id: str) -> None:
        """Remove every subscription of a client."""
        for pattern in [*self._plain, *self._shared]:
            self.remove(client_id, pattern)

    def recipients(self, topic: str, publisher: str) -> list[Subscription]:
        """Return who gets a message: each matching subscription, and one member of each matching share."""
        plain, shared = self._route(topic)
        chosen = [
            subscription
            for members in plain
            for subscription in members.values()
            if subscription.accepts_from(publisher)
        ]
        return chosen + [_next_member(members) for members in shared]

    def _table(self, pattern: str) -> dict[str, Members]:
        return self._plain if split_share(pattern)[0] is None else self._shared

    def _route(self, topic: str) -> tuple[list[Members], list[Members]]:
        route = self._routes.get(topic)
        if route is None:
            if len(self._routes) >= _MAX_CACHED_TOPICS:
                self._routes.clear()
            route = _matching(self._plain, topic), _matching(self._shared, topic)
            self._routes[topic] = route
        return route


def _matching(table: dict[str, Members], topic: str) -> list[Members]:
    return [members for pattern, members in table.items() if matches(split_share(pattern)[1], topic)]


def _next_member(members: Members) -> Subscription:
    """Take turns, but let no message wait for an absent member while another is there."""
    present = (client_id for client_id, member in members.items() if member.session.link is not None)
    client_id = next(present, next(iter(members)))
    members[client_id] = subscription = members.pop(client_id)
    return subscription
