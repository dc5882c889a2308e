"""A durable session that loses nothing: FastStream's MQTT broker over a client of ours.

As they come, FastStream's stop unsubscribes, after which the broker collects nothing for us; a resumed
session with more than a thousand messages blocks the read loop before the SUBACK that would start their
consumer; and a client that lost the home or its session to another process takes it back. Each class here
mends some of these.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import zmqtt
from typing_extensions import override
from zmqtt._internal.protocol import MQTTProtocol
from zmqtt.client import Transport

from pipeline.mqtt.client import NotOwnerError, SteadyBroker, SteadyClient, SteadySubscription
from pipeline.mqtt.disconnects import SESSION_TAKEN_OVER
from pipeline.mqtt.intake import Sight
from pipeline.mqtt.zmqtt_behaviour import HANDED_ON
from pipeline.timing.clock import monotonic_s, wall_us

UNBOUNDED = 0
UNHANDLED = 200
# Twenty turns of a switch within the milliseconds that handling them takes are no person's.
STATES_AT_ONCE = 20
# Handing over what was read takes milliseconds, and waits for nothing.
HANDLED_S = 5.0
HANDLING_S = 0.01

Permission = Callable[[], Awaitable[bool]]
Displaced = Callable[[bool], Awaitable[None]]
Room = Callable[[], Awaitable[None]]


class DurableSubscription(SteadySubscription):
    """Stays at the broker when it is stopped here."""

    _client: "DurableClient"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._taken = asyncio.Event()
        self._is_consumed = False
        self._taken_out = 0
        self._handled = 0
        self.is_state = False
        self.is_sign = False

    async def room(self) -> None:
        """Wait while the handler lags behind; before there is one, nothing is waited for."""
        while self._is_consumed and self._queue.qsize() > UNHANDLED:
            self._taken.clear()
            await self._taken.wait()

    @override
    async def start(self) -> None:
        self._client.restore(self)
        self._is_consumed = True

    @override
    async def establish(self, protocol: MQTTProtocol) -> bool:
        """Subscribe; what a broker had kept for us is handed on before it answers.

        It sends all of that first: some ten thousand messages that would all be held until then.
        """
        handing_on = asyncio.create_task(self._hand_on(protocol))
        try:
            return await super().establish(protocol)
        finally:
            handing_on.cancel()
            await asyncio.gather(handing_on, return_exceptions=True)

    async def _hand_on(self, protocol: MQTTProtocol) -> None:
        """Once messages find their way to us, take those that came before."""
        known = protocol._state.subscriptions  # noqa: SLF001 nothing else tells
        while any(known.get(each) is None for each in self._filters):  # noqa: ASYNC110 the next turn or the one after
            await asyncio.sleep(0)
        # What is stopped before the broker answers is detached as well.
        self._registered_filters = list(self._filters)
        await protocol.inbound.drain()

    @override
    async def stop(self) -> None:
        await self.detach()
        self._is_consumed = False
        self._taken.set()

    @override
    async def get_message(self) -> zmqtt.Message:
        # Whoever asks for the next one has handled those before.
        self._handled = self._taken_out
        try:
            message = await super().get_message()
        except zmqtt.MQTTDisconnectedError:
            if not self._detached:
                raise
            # FastStream cancels whoever waits here, once it has stopped the subscription.
            return await asyncio.Future()
        self._taken_out += 1
        if self.is_state:
            message = await self._last_of_a_flood(message)
        self._taken.set()
        if self.is_sign:
            await self._client.behind_others()
        elif self._taken_out % HANDED_ON == 0:
            # While many wait, neither the queue nor the handler waits for anything.
            await asyncio.sleep(0)
        return message

    @property
    def came(self) -> int:
        """Return the number of messages that have come so far."""
        return self._taken_out + self._queue.qsize()

    def is_handled(self, came: int) -> bool:
        """Return whether as many have been handled, or nobody handles any more."""
        return self._handled >= came or not self._is_consumed

    async def _last_of_a_flood(self, message: zmqtt.Message) -> zmqtt.Message:
        """Return the last of a flood, where more wait than anybody sends: the last above that alone counts.

        What was kept at the broker is no act, and takes the place of none.
        """
        while self._queue.qsize() > STATES_AT_ONCE:
            following = self._queue.get_nowait()
            self._taken_out += 1
            passed_over, message = (following, message) if following.retain else (message, following)
            with suppress(zmqtt.MQTTDisconnectedError, OSError):
                await passed_over.ack()
        return message


@dataclass(frozen=True, slots=True)
class Session:
    """Questions that a durable session asks before it acts, whom it tells, and how its topics are read.

    Attributes
    ----------
    permission
        Asked before every connection attempt; who lost the lease must not take the session back.
    displaced
        Waits while another client has the session; is told whether the broker said that one took it.
    room
        Waits until there is room for messages.
    tell
        Told what becomes of the connection, at its place among the messages.
    snapshots
        Whether to ask for retained messages whenever the connection stands.
    acts
        Topics of acts: each message says whether it was published to be retained. Else a broker clears that
        flag on what it hands on, and on what it had queued for us.
    states
        Topics of which the last message alone counts, where very many wait.
    signs
        Topics whose messages tell of what came before them on the others, and so are handled behind it. Each
        subscription has a queue of its own: a heartbeat would overtake the events of which it is the proof.
    """

    permission: Permission
    displaced: Displaced
    room: Room
    tell: Callable[[Sight], None]
    snapshots: bool
    acts: Collection[str]
    states: Collection[str] = ()
    signs: Collection[str] = ()


class DurableClient(SteadyClient):
    """Makes durable subscriptions. Their queues are unbounded, since reading waits while there is no room.

    Parameters
    ----------
    session
        What it is to the session that it connects.
    """

    def __init__(self, *, session: Session, **options: Any) -> None:
        super().__init__(**options)
        self._session = session
        handling = zmqtt.RetainHandling
        self._retain_handling = handling.SEND_ON_SUBSCRIBE if session.snapshots else handling.DO_NOT_SEND

    @override
    def subscribe(
        self,
        *filters: str,
        qos: zmqtt.QoS = zmqtt.QoS.AT_LEAST_ONCE,
        auto_ack: bool = False,
        **_options: Any,
    ) -> DurableSubscription:
        states = set(filters).issubset(self._session.states) and not set(filters).issubset(self._session.acts)
        made = DurableSubscription(
            self,
            list(filters),
            qos,
            auto_ack,
            UNBOUNDED,
            # How a state of affairs stands is asked for always.
            retain_handling=zmqtt.RetainHandling.SEND_ON_SUBSCRIBE if states else self._retain_handling,
            retain_as_published=set(filters).issubset(self._session.acts),
        )
        made.is_state = set(filters).issubset(self._session.states)
        made.is_sign = set(filters).issubset(self._session.signs)
        return made

    async def behind_others(self) -> None:
        """Wait until all that has come by now on topics that are no signs is handled; which takes moments."""
        for other in self._subscriptions:
            if isinstance(other, DurableSubscription) and not other.is_sign:
                came = other.came
                while not other.is_handled(came):  # noqa: ASYNC110 a queue tells not how far its handler is
                    await asyncio.sleep(0)

    @override
    async def _subscribe(self, protocol: MQTTProtocol) -> None:
        """Ask for everything at once: each answer comes behind all that waited, also for the others."""
        while not self.is_complete:
            self._asked.clear()
            await self._asked.wait()
        await super()._subscribe(protocol)

    @override
    async def _room(self) -> None:
        """Wait while the intake is full or handlers lag behind: reading is faster than they are."""
        await self._session.room()
        for subscription in self._subscriptions:
            if isinstance(subscription, DurableSubscription):
                await subscription.room()

    @override
    async def _open(self, host: str, port: int, tls: ssl.SSLContext | bool | None) -> Transport:
        if not await self._session.permission():
            raise NotOwnerError
        return await super()._open(host, port, tls)

    @override
    async def _before_return(self, code: int | None) -> None:
        # Whoever lost the home as well learns that first: then the session is another's by right.
        if await self._session.permission():
            await self._session.displaced(code == SESSION_TAKEN_OVER)

    @override
    def _note_subscribed(self) -> None:
        resumed = self._connection_info is not None and self._connection_info.session_present
        self._session.tell(Sight(_now_us(), stands=True, resumed=resumed))

    @override
    async def _note_lost(self) -> None:
        """Say so behind the messages that came before, once they were handled."""
        at_us, until_s = _now_us(), monotonic_s() + HANDLED_S
        while self._is_behind() and monotonic_s() < until_s:  # noqa: ASYNC110 a queue tells not when it is empty
            await asyncio.sleep(HANDLING_S)
        await asyncio.sleep(HANDLING_S)
        self._session.tell(Sight(at_us, stands=False))

    def _is_behind(self) -> bool:
        return any(not each._queue.empty() for each in self._subscriptions)  # noqa: SLF001 nothing else tells


def _now_us() -> int:
    return wall_us()


class DurableBroker(SteadyBroker):
    """FastStream's broker, connecting by a `DurableClient`."""

    def __init__(self, url: str, session: Session, *, largest_bytes: int, **options: Any) -> None:
        super().__init__(url, **options)
        self._session = session
        self._largest_bytes = largest_bytes

    @override
    def make_client(self) -> SteadyClient:
        return DurableClient(
            session=self._session, largest_bytes=self._largest_bytes, **self._connection_kwargs
        )
