"""Changes to zmqtt's behaviour on one connection here."""

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import zmqtt
from zmqtt._internal.packets.publish import Publish
from zmqtt._internal.protocol import MQTTProtocol
from zmqtt._internal.routing import InboundRecipient

from pipeline.mqtt.transport import BoundedTransport

# Some ten milliseconds' worth.
HANDED_ON = 100


def mend(protocol: MQTTProtocol, transport: BoundedTransport) -> None:
    """Apply every change of this module to a new connection, before the first message is read."""
    take_turns(protocol)
    be_patient(protocol, transport)
    keep_order(protocol)
    take_each(protocol)
    take_notice(protocol)


def take_turns(protocol: MQTTProtocol) -> None:
    """Let others run while what waited at the broker is handed on.

    mosquitto 2.0.11 sends up to 65,535 messages before the SUBACK, and zmqtt hands them on in one go. For
    seconds no lease would be renewed, and of two that would own the home each would lose it before its first
    commit.
    """
    hand_on, count = protocol.inbound.deliver_replay, itertools.count(1)

    async def in_turns(publish: Publish, recipient: Any) -> None:
        if next(count) % HANDED_ON == 0:
            await asyncio.sleep(0)
        await hand_on(publish, recipient)

    protocol.inbound.deliver_replay = in_turns  # type: ignore[method-assign]


def keep_order(protocol: MQTTProtocol) -> None:
    """Let nothing overtake what waits to be handed on.

    zmqtt keeps the order of each topic alone, and the parts of one change of `mqtt_statestream` come on many.
    """
    inbound = protocol.inbound
    take = inbound._select_recipient_or_buffer  # noqa: SLF001 nothing else comes between

    async def in_order(publish: Publish) -> InboundRecipient | None:
        replay = inbound._replay  # noqa: SLF001 nothing else tells
        if not getattr(replay, "_message_count", 0):
            return await take(publish)
        nobody = InboundRecipient(message=inbound._make_message(publish))  # noqa: SLF001 as zmqtt does
        _, following = await replay.accept(publish, nobody)
        if inbound._replay is replay:  # noqa: SLF001 as zmqtt does
            inbound._replay = following  # noqa: SLF001 as zmqtt does
        return None

    inbound._select_recipient_or_buffer = in_order  # type: ignore[method-assign]  # noqa: SLF001


def take_each(protocol: MQTTProtocol) -> None:
    """Take every message for one of its own, also while another with its packet identifier waits.

    MQTT 5 sends none again on the same connection. mosquitto 2.0.11 exceeds every receive maximum, and of
    more than 65,535 messages several have one identifier. Left out as sent twice, they would come days late.
    """
    inbound = protocol.inbound
    handle = inbound._handle_qos1_publish  # noqa: SLF001 nothing else comes between

    async def each(packet: Publish) -> None:
        waiting: set[int] = getattr(inbound._replay, "_packet_ids", set())  # noqa: SLF001 nothing else tells
        waiting.discard(packet.packet_id or 0)
        await handle(packet)

    inbound._handle_qos1_publish = each  # type: ignore[method-assign]  # noqa: SLF001


def be_patient(protocol: MQTTProtocol, transport: BoundedTransport) -> None:
    """Take whatever comes for a sign of life, and nothing for none while we do not read.

    The PINGRESP comes behind all that the broker has sent: of a backlog that takes longer than zmqtt waits.
    """
    ping = protocol.ping

    async def patient(timeout: float | None = None) -> float:  # noqa: ASYNC109 zmqtt's signature
        while True:
            before = transport.reads
            try:
                return await ping(timeout)
            except zmqtt.MQTTTimeoutError:
                if transport.reads == before and not transport.is_held_back:
                    raise

    protocol.ping = patient  # type: ignore[method-assign]


def take_notice(protocol: MQTTProtocol) -> None:
    """See to it that what fails with the connection is looked at, also where nobody awaits it any more.

    asyncio would log each with its traceback. zmqtt fails all of it in one place, and forgets it after that.
    """
    fail = protocol._cancel_pending  # noqa: SLF001 nothing else tells

    def noticed() -> None:
        waiting = list(_waiting(protocol))
        fail()
        for future in waiting:
            if future.done() and not future.cancelled():
                future.exception()

    protocol._cancel_pending = noticed  # type: ignore[method-assign]  # noqa: SLF001


def _waiting(protocol: MQTTProtocol) -> Iterator[asyncio.Future[Any]]:
    """Yield the futures that wait for an answer of the broker."""
    state = protocol._state  # noqa: SLF001 nothing else tells
    yield from state.pending_subs.values()
    yield from state.pending_unsubs.values()
    yield from protocol._ping_waiters  # noqa: SLF001 nothing else tells
    yield from (flight.future for flight in state.inflight_qos1.values())


async def take_strays(protocol: MQTTProtocol) -> None:
    """Acknowledge what the session kept of subscriptions that are none any more: it would fill the window."""
    inbound = protocol.inbound
    strays = list(getattr(inbound._replay, "_publishes", ()))  # noqa: SLF001 nothing else tells
    inbound.clear()
    for stray in strays:
        await inbound.handle_publish(stray)
