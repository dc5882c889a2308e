"""A connection that comes back whatever the broker does: zmqtt's client with a run loop that never dies.

zmqtt's own ends for good on a protocol error, a refused subscription, a connection that closes before its
CONNACK or during its SUBSCRIBE, and waits for ever for a SUBACK or PUBACK that does not come.
"""

import asyncio
import contextlib
import ssl
from typing import Any, Self

import zmqtt
from faststream.mqtt import MQTTBroker
from typing_extensions import override
from zmqtt._internal.packets.codec import encode
from zmqtt._internal.packets.properties import PublishProperties
from zmqtt._internal.packets.publish import Publish
from zmqtt._internal.protocol import MQTTProtocol
from zmqtt.client import Transport

from pipeline.mqtt.disconnects import Backoff, Complaints, closing_code
from pipeline.mqtt.transport import LARGEST_BYTES, BoundedTransport, open_wire
from pipeline.mqtt.zmqtt_behaviour import HANDED_ON, mend, take_strays
from pipeline.timing.clock import monotonic_s
from pipeline.timing.waiting import first_ended

# From the name's resolution to the CONNACK; a broker that drips bytes does not keep us longer.
REACH_S = 20.0
# Behind all that waited: mosquitto 2.0.11 sends up to 65,535 messages before it, which take a small machine a
# minute. What was not taken by then comes again on the next connection. Less than the watchdog's patience.
SUBACK_S = 80.0
PUBACK_S = 20.0
GOODBYE_S = 2.0
REFUSED_AGAIN_S = 60.0
KEEPALIVE_S = 30
# A PUBLISH takes some 200 bytes beside topic and payload.
HEAD_BYTES = 1_024
# Nobody means a broker that takes no message of ours.
SMALLEST_PACKET_BYTES = 512
UNACKNOWLEDGED = 100
TOO_LARGE = 0x95


class NotOwnerError(RuntimeError):
    """Somebody else owns the home: the session is not ours to take."""


class SteadySubscription(zmqtt.Subscription):
    """Is made again on every connection; where the broker refuses it, now and then."""

    _client: "SteadyClient"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._stands = asyncio.Event()
        self._at_once = 0

    @override
    async def start(self) -> None:
        self._client.restore(self)
        await self._stands.wait()

    @override
    async def stop(self) -> zmqtt.UnsubscribeResult | None:
        # Who waits in `start` goes on waiting: it is cancelled with whoever started it.
        if not self._client.is_connected:
            await self.detach()
            return None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                return await super().stop()
        return None

    @override
    async def get_message(self) -> zmqtt.Message:
        failure = self._client._subscription_failure  # noqa: SLF001 as zmqtt itself asks
        if self._detached or self._queue.empty() or (failure is not None and failure.done()):
            return await super().get_message()
        # What waits already needs none of the two tasks that waiting takes; others must run all the same.
        self._at_once += 1
        if self._at_once % HANDED_ON == 0:
            await asyncio.sleep(0)
        return self._queue.get_nowait() if not self._queue.empty() else await super().get_message()

    async def establish(self, protocol: MQTTProtocol) -> bool:
        """Subscribe on a connection; False where the broker refuses it.

        Raises
        ------
        TimeoutError
            The broker does not say.
        """
        try:
            async with asyncio.timeout(SUBACK_S):
                await self._do_subscribe(protocol)
        except zmqtt.MQTTSubscribeError as error:
            self._client.refused_filters.update(error.failures)
        else:
            for topic_filter in self._filters:
                self._client.refused_filters.pop(topic_filter, None)
        self._stands.set()
        return self._client.refused_filters.keys().isdisjoint(self._filters)


class SteadyClient(zmqtt.MQTTClient):
    """Connects for ever, subscribes again, publishes with bounds; nothing that a broker sends ends it.

    Parameters
    ----------
    largest_bytes
        Messages above are left out.
    options
        As zmqtt's client takes them.
    """

    def __init__(self, *, largest_bytes: int = LARGEST_BYTES, **options: Any) -> None:
        super().__init__(**{**options, "keepalive": KEEPALIVE_S, "transport_factory": self._open})
        self._largest_bytes = largest_bytes
        self._transport: BoundedTransport | None = None
        self._subscriptions: list[SteadySubscription] = []  # type: ignore[assignment]
        self._asked = asyncio.Event()
        self._backoff = Backoff()
        self.complaints = Complaints(str(options.get("client_id", "")))
        self.refused_filters: dict[str, int] = {}
        # Once everything was subscribed that will be, what fits no subscription is of an earlier one.
        self.is_complete = False
        self.subscribed = False
        self.acknowledged = 0
        self._left_out_before = 0
        self._quota = asyncio.Semaphore(UNACKNOWLEDGED)

    @property
    def is_connected(self) -> bool:
        """Return whether the broker has taken us in."""
        return self._connection_info is not None

    @property
    def left_out(self) -> int:
        """Return the number of messages that were too large to be taken."""
        return self._left_out_before + (self._transport.left_out if self._transport else 0)

    @override
    def subscribe(
        self,
        *filters: str,
        qos: zmqtt.QoS = zmqtt.QoS.AT_LEAST_ONCE,
        auto_ack: bool = False,
        **options: Any,
    ) -> SteadySubscription:
        return SteadySubscription(self, list(filters), qos, auto_ack, **options)

    @override
    async def __aenter__(self) -> Self:
        await self._reach(None, 0.0)
        self._run_task = asyncio.create_task(self._run_loop())
        self._run_task.add_done_callback(self._notify_subscription_failure)
        return self

    @override
    async def __aexit__(self, *exc: object) -> None:
        self._connection_info = None
        if self._run_task is not None:
            self._run_task.cancel()
            await asyncio.gather(self._run_task, return_exceptions=True)
        await self._leave()
        self._detached_filters.clear()

    def restore(self, subscription: SteadySubscription) -> None:
        """Make a subscription on this connection and every later one."""
        self._subscriptions.append(subscription)
        self._asked.set()

    def complete(self) -> None:
        """Note that everything was subscribed that will be."""
        self.is_complete = True
        self._asked.set()

    def drop(self) -> None:
        """Cut the connection, for the next one to be better."""
        if self._transport is not None:
            self._transport.abort()

    @override
    async def publish(
        self,
        topic: str,
        payload: bytes | str,
        *,
        qos: zmqtt.QoS = zmqtt.QoS.AT_MOST_ONCE,
        retain: bool = False,
        properties: PublishProperties | None = None,
    ) -> None:
        """Publish and wait for the acknowledgement, for a while.

        Raises
        ------
        zmqtt.MQTTPublishError
            The broker refuses it, or says that it takes none as large.
        zmqtt.MQTTTimeoutError
            It was not acknowledged in time; the connection is cut.
        zmqtt.MQTTError
            There is no connection, or it is no message.
        """
        if "\0" in topic:
            raise zmqtt.MQTTInvalidTopicError("expected a topic without NUL")
        payload = payload.encode() if isinstance(payload, str) else payload
        self._check_size(topic, payload, properties)
        try:
            async with asyncio.timeout(PUBACK_S), self._quota:
                await super().publish(topic, payload, qos=qos, retain=retain, properties=properties)
        except TimeoutError:
            self.drop()
            raise zmqtt.MQTTTimeoutError(f"not acknowledged within {PUBACK_S:.0f} s") from None
        self.acknowledged += 1

    def _check_size(self, topic: str, payload: bytes, properties: PublishProperties | None) -> None:
        info = self._connection_info
        limit = info.properties.maximum_packet_size if info and info.properties else None
        if limit is None or len(payload) + 3 * len(topic) + HEAD_BYTES <= limit:
            return
        qos = zmqtt.QoS.AT_LEAST_ONCE
        packet = Publish(
            topic=topic, payload=payload, qos=qos, retain=False, dup=False, packet_id=1, properties=properties
        )
        size = len(encode(packet, version="5.0"))
        if size > limit:
            words = f"the broker takes packets of {limit:,} bytes at most, this is one of {size:,}"
            raise zmqtt.MQTTPublishError(TOO_LARGE, "Packet too large", words)

    async def _open(self, host: str, port: int, tls: ssl.SSLContext | bool | None) -> Transport:  # noqa: FBT001 zmqtt's signature
        self._left_out_before = self.left_out
        self._transport = BoundedTransport(await open_wire(host, port, tls), self._largest_bytes, self._room)
        return self._transport

    async def _room(self) -> None:
        """Wait until there is room for what may come."""

    async def _before_return(self, code: int | None) -> None:
        """Wait until we may connect again after a connection that the broker ended with a reason code."""

    def _note_subscribed(self) -> None:
        """Take note that the broker has answered every SUBSCRIBE on this connection."""

    async def _note_lost(self) -> None:
        """Take note that the connection was lost, before there is another."""

    async def _reach(self, error: Exception | None, stood_s: float) -> None:
        """Connect, after whatever ended the last connection; returns when the broker has taken us in."""
        while True:
            if error is not None:
                self.complaints.lost(error)
                await asyncio.sleep(self._backoff.after(error, stood_s))
                await self._before_return(closing_code(error))
            try:
                async with asyncio.timeout(REACH_S):
                    await self._connect()
                self._heed()
            except NotOwnerError:
                raise
            # Whatever a peer sends makes whatever error: it is said, counted, and tried again.
            except Exception as failure:  # noqa: BLE001
                error, stood_s = failure, 0.0
                self._connection_info = None
                self.drop()
            else:
                self.complaints.stands()
                return

    def _heed(self) -> None:
        """Take what the broker said of itself, where it can be meant."""
        info, protocol = self.connection_info, self._protocol
        said = info.properties
        receive_maximum = (said.receive_maximum if said else None) or UNACKNOWLEDGED
        self._quota = asyncio.Semaphore(max(1, min(receive_maximum, UNACKNOWLEDGED)))
        limit = said.maximum_packet_size if said else None
        if limit is not None and limit < SMALLEST_PACKET_BYTES:
            raise zmqtt.MQTTProtocolError(f"the broker takes packets of {limit} bytes at most")
        if protocol is not None:
            # Without pings a connection that is half open would stand for ever.
            every_s = protocol._effective_keepalive  # noqa: SLF001 zmqtt has no other place for it
            protocol._effective_keepalive = min(every_s or KEEPALIVE_S, KEEPALIVE_S)  # noqa: SLF001

    @override
    async def _run_loop(self) -> None:
        while True:
            since_s = monotonic_s()
            error: Exception = zmqtt.MQTTDisconnectedError("Connection closed")
            try:
                await self._live()
            except Exception as failure:  # noqa: BLE001 as in `_reach`
                error = failure
            self._connection_info = None
            self.subscribed = False
            await self._leave(politely=False)
            await self._note_lost()
            try:
                await self._reach(error, monotonic_s() - since_s)
            except NotOwnerError:
                # Nobody else would say that this connection does not come back.
                await self._notify_connection_recovery_failed()
                raise

    async def _live(self) -> None:
        """Read and subscribe until the connection ends."""
        protocol, transport = self._protocol, self._transport
        if protocol is None or transport is None:
            return
        mend(protocol, transport)
        tasks = [asyncio.create_task(protocol.run()), asyncio.create_task(self._subscribe(protocol))]
        try:
            for task in await first_ended(tasks):
                task.result()
        finally:
            self._connection_info = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _subscribe(self, protocol: MQTTProtocol) -> None:
        """Make every subscription on this connection, and those that come later."""
        await protocol.started_event.wait()
        standing: set[SteadySubscription] = set()
        is_told = False
        while True:
            self._asked.clear()
            made = [each for each in self._subscriptions if each not in standing]
            taken = await asyncio.gather(*(each.establish(protocol) for each in made))
            standing.update(each for each, is_taken in zip(made, taken, strict=True) if is_taken)
            if self.is_complete and not self.subscribed:
                await take_strays(protocol)
                self.subscribed = True
            # What may not be read is not in sight.
            if self.subscribed and not is_told and not self.refused_filters:
                is_told = True
                self._note_subscribed()
            again_s = REFUSED_AGAIN_S if self.refused_filters else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(again_s):
                    await self._asked.wait()

    async def _leave(self, *, politely: bool = True) -> None:
        """Close the connection; a broker that reads nothing is not waited for."""
        protocol = self._protocol
        if politely and protocol is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await protocol.disconnect()
        self.drop()


class SteadyBroker(MQTTBroker):
    """FastStream's broker over a `SteadyClient`."""

    _client: SteadyClient | None = None

    def make_client(self) -> SteadyClient:
        """The client to connect by."""
        return SteadyClient(**self._connection_kwargs)

    @property
    def client(self) -> SteadyClient | None:
        """The client, once there is one."""
        return self._client

    @property
    def trouble(self) -> str:
        """Return the reason that there is no connection; empty while there is one."""
        return self._client.complaints.latest if self._client is not None else ""

    @override
    async def start(self) -> None:
        await super().start()
        if self._client is not None:
            self._client.complete()

    @override
    async def _connect(self) -> zmqtt.MQTTClient:
        client = self._client = self.make_client()
        await client.connect()
        self.config.connect(client)
        return client
