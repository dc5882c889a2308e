"""A durable session that loses nothing: FastStream's MQTT broker over a client of ours.

As they come, FastStream's stop unsubscribes, after which the broker collects nothing for us; a resumed
session with more than a thousand messages blocks the read loop before the SUBACK that would start their
consumer; and a client that lost the home to another process takes the session back. Each class here mends
one of these.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import zmqtt
from faststream.mqtt import MQTTBroker
from typing_extensions import override
from zmqtt._internal.transport.tcp import open_tcp
from zmqtt._internal.transport.tls import open_tls
from zmqtt.client import Transport

UNBOUNDED = 0
UNHANDLED = 200

Permission = Callable[[], Awaitable[bool]]
Room = Callable[[], Awaitable[None]]


class NotOwnerError(RuntimeError):
    """Somebody else owns the home: the session is not ours to take."""


class DurableSubscription(zmqtt.Subscription):
    """Stays at the broker when it is stopped here."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._taken = asyncio.Event()
        self._is_consumed = False

    async def room(self) -> None:
        """Wait while the handler lags behind; before the SUBACK, which has to be read, there is none."""
        while self._is_consumed and self._queue.qsize() > UNHANDLED:
            self._taken.clear()
            await self._taken.wait()

    @override
    async def start(self) -> None:
        await super().start()
        self._is_consumed = True

    @override
    async def stop(self) -> None:
        await self.detach()
        self._is_consumed = False
        self._taken.set()

    @override
    async def get_message(self) -> zmqtt.Message:
        try:
            message = await super().get_message()
        except zmqtt.MQTTDisconnectedError:
            if not self._detached:
                raise
            # FastStream cancels whoever waits here, once it has stopped the subscription.
            return await asyncio.Future()
        self._taken.set()
        return message


class HeldTransport:
    """Reads only while there is room for what may come: the broker is held back through TCP."""

    def __init__(self, transport: Transport, room: Room) -> None:
        self._transport = transport
        self._room = room

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands."""
        return self._transport.is_connected

    async def read(self, n: int) -> bytes:
        """Up to `n` bytes."""
        await self._room()
        return await self._transport.read(n)

    async def write(self, data: bytes) -> None:
        """Write it all."""
        await self._transport.write(data)

    async def close(self) -> None:
        """Close the connection."""
        await self._transport.close()


class DurableClient(zmqtt.MQTTClient):
    """Makes durable subscriptions. Their queues are unbounded, since `HeldTransport` bounds what comes in.

    Parameters
    ----------
    snapshots
        Whether to ask for retained messages whenever the connection stands.
    acts
        Topics of acts: each message says whether it was published to be retained. Else a broker clears that
        flag on what it hands on, and on what it had queued for us.
    """

    def __init__(self, *, snapshots: bool, acts: Collection[str], **options: Any) -> None:
        super().__init__(**options)
        self._acts = frozenset(acts)
        self._made: list[DurableSubscription] = []
        handling = zmqtt.RetainHandling
        self._retain_handling = handling.SEND_ON_SUBSCRIBE if snapshots else handling.DO_NOT_SEND

    @override
    def subscribe(
        self,
        *filters: str,
        qos: zmqtt.QoS = zmqtt.QoS.AT_LEAST_ONCE,
        auto_ack: bool = False,
        **_options: Any,
    ) -> DurableSubscription:
        made = DurableSubscription(
            self,
            list(filters),
            qos,
            auto_ack,
            UNBOUNDED,
            retain_handling=self._retain_handling,
            retain_as_published=self._acts.issuperset(filters),
        )
        self._made.append(made)
        return made

    async def room(self) -> None:
        """Wait while handlers lag behind: reading is faster than they are."""
        for subscription in self._made:
            await subscription.room()


class DurableBroker(MQTTBroker):
    """FastStream's broker, connecting by a `DurableClient` while `permission` is given.

    Parameters
    ----------
    permission
        Asked before every connection attempt; who lost the lease must not take the session back.
    room
        Waits until there is room for messages.
    snapshots
        Whether to ask for retained messages.
    acts
        Topics on which what was published to be retained is no act.
    """

    def __init__(
        self,
        url: str,
        *,
        permission: Permission,
        room: Room,
        snapshots: bool,
        acts: Collection[str] = (),
        **options: Any,
    ) -> None:
        super().__init__(url, **options)
        self._acts = acts
        self._snapshots = snapshots
        self._permission = permission
        self._room = room
        self._client: DurableClient | None = None

    @override
    async def _connect(self) -> zmqtt.MQTTClient:
        client = self._client = DurableClient(
            snapshots=self._snapshots,
            acts=self._acts,
            **self._connection_kwargs,
            transport_factory=self._open,
        )
        await client.connect()
        self.config.connect(client)
        return client

    async def _open(self, host: str, port: int, tls: ssl.SSLContext | bool | None) -> Transport:  # noqa: FBT001 zmqtt's signature
        if not await self._permission():
            raise NotOwnerError
        if not tls:
            return HeldTransport(await open_tcp(host, port), self._has_room)
        context = tls if isinstance(tls, ssl.SSLContext) else ssl.create_default_context()
        return HeldTransport(await open_tls(host, port, context), self._has_room)

    async def _has_room(self) -> None:
        await self._room()
        if self._client is not None:
            await self._client.room()
