"""While much that waited at the broker is handed on, everything else in the process goes on too."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from types import SimpleNamespace
from typing import Any, cast

import pytest
import zmqtt
from zmqtt import QoS
from zmqtt._internal.packets.publish import Publish
from zmqtt._internal.packets.subscribe import SubscriptionRequest
from zmqtt._internal.protocol import MQTTProtocol
from zmqtt._internal.state import SessionState
from zmqtt._internal.subscription_index import SubscriptionEntry

from benchmarks.processes import wait_until
from pipeline.mqtt.durable_session import DurableClient, DurableSubscription, Session
from pipeline.mqtt.transport import BoundedTransport
from pipeline.mqtt.zmqtt_behaviour import (
    HANDED_ON,
    be_patient,
    keep_order,
    take_each,
    take_notice,
    take_turns,
)

ROUNDS = 10


class Others:
    """What else runs in the loop, and how often it had its turn."""

    def __init__(self) -> None:
        self.turns = 0

    async def run(self) -> None:
        """Take turns for ever."""
        while True:
            self.turns += 1
            await asyncio.sleep(0)


@pytest.fixture
async def others() -> AsyncIterator[Others]:
    """Others, who run until the test ends."""
    made = Others()
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_replay_lets_others_run(others: Others) -> None:
    """Of what a broker sent before the SUBACK not all is handed on in one go, and none is left out."""
    handed_on: list[int] = []

    class Inbound:
        async def deliver_replay(self, publish: Any, recipient: Any) -> None:
            del recipient
            handed_on.append(publish)

    protocol: Any = SimpleNamespace(inbound=Inbound())
    take_turns(protocol)
    for number in range(ROUNDS * HANDED_ON):
        await protocol.inbound.deliver_replay(number, None)
    assert handed_on == list(range(ROUNDS * HANDED_ON))
    assert others.turns >= ROUNDS


async def test_a_full_queue_lets_others_run(others: Others) -> None:
    """Whoever takes one waiting message after the other waits for none of them, and yet is not alone."""
    client: Any = SimpleNamespace(_subscription_failure=None)
    subscription = DurableSubscription(client, ["home"], zmqtt.QoS.AT_LEAST_ONCE, False, 0)
    for _ in range(ROUNDS * HANDED_ON):
        subscription._queue.put_nowait(cast("zmqtt.Message", object()))
    for _ in range(ROUNDS * HANDED_ON):
        await subscription.get_message()
    assert others.turns >= ROUNDS


async def test_a_sign_is_handled_behind_what_came_before_it() -> None:
    """A heartbeat proves the events that were published before it, each of which has a queue of its own."""
    client = a_client(signs={"heartbeat"})
    events, heartbeats = client.subscribe("home"), client.subscribe("heartbeat")
    client._subscriptions += [events, heartbeats]
    handled: list[str] = []
    for _ in range(3 * HANDED_ON):
        events._queue.put_nowait(message("home"))
    heartbeats._queue.put_nowait(message("heartbeat"))
    for subscription in (heartbeats, events):
        subscription._is_consumed = True

    async def consume(subscription: DurableSubscription) -> None:
        while True:
            handled.append((await subscription.get_message()).topic)

    tasks = [asyncio.create_task(consume(each)) for each in (heartbeats, events)]
    await wait_until(lambda: "heartbeat" in handled, 5.0, "a heartbeat that was handled")
    assert handled.index("heartbeat") == 3 * HANDED_ON
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_sign_does_not_wait_for_what_nobody_handles() -> None:
    """Once the events' subscription is stopped they wait at the broker."""
    client = a_client(signs={"heartbeat"})
    events, heartbeats = client.subscribe("home"), client.subscribe("heartbeat")
    client._subscriptions += [events, heartbeats]
    events._queue.put_nowait(message("home"))
    heartbeats._queue.put_nowait(message("heartbeat"))
    assert (await asyncio.wait_for(heartbeats.get_message(), 5.0)).topic == "heartbeat"


def a_client(signs: set[str]) -> DurableClient:
    """A client that is not connected."""

    async def never() -> bool:
        return False

    async def nothing(*_told: object) -> None:
        return

    session = Session(
        permission=never,
        displaced=nothing,
        room=nothing,
        tell=lambda _sight: None,
        snapshots=False,
        acts=(),
        signs=signs,
    )
    return DurableClient(session=session, host="localhost")


def message(topic: str) -> zmqtt.Message:
    """A message on a topic."""
    return zmqtt.Message(topic=topic, payload=b"", qos=QoS.AT_LEAST_ONCE, retain=False)


async def test_a_backlog_before_the_pingresp_is_a_sign_of_life() -> None:
    """As is nothing at all while there is no room for it; only silence ends the connection."""
    transport = cast("BoundedTransport", SimpleNamespace(reads=0, is_held_back=False))
    protocol = MQTTProtocol(Deaf(), SessionState(), version="5.0")
    be_patient(protocol, transport)
    pinging = asyncio.create_task(protocol.ping(timeout=0.05))
    for _ in range(6):
        transport.reads += 1
        await asyncio.sleep(0.03)
    transport.is_held_back = True
    await asyncio.sleep(0.15)
    assert not pinging.done()
    transport.is_held_back = False
    with pytest.raises(zmqtt.MQTTTimeoutError):
        await asyncio.wait_for(pinging, 5.0)


class Deaf:
    """A wire that takes all and answers nothing."""

    is_connected = True

    async def write(self, _data: bytes) -> None:
        """Take it."""

    async def read(self, _n: int) -> bytes:
        """Wait for ever."""
        return await asyncio.Future()

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("what", ["subscribe", "unsubscribe", "ping"])
async def test_what_fails_with_the_connection_is_looked_at(what: str) -> None:
    """A cut while a packet is on its way leaves nothing that asyncio would log with a traceback."""
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, failure: failures.append(failure))
    transport = Mute()
    protocol = MQTTProtocol(transport, SessionState(), version="5.0")  # type: ignore[arg-type]
    take_notice(protocol)
    request = SubscriptionRequest(topic_filter="a", qos=QoS.AT_LEAST_ONCE)
    asked: dict[str, Callable[[MQTTProtocol], Coroutine[Any, Any, object]]] = {
        "subscribe": lambda each: each._send_subscribe([request], None),
        "unsubscribe": lambda each: each._send_unsubscribe(["a"]),
        "ping": lambda each: each.ping(),
    }
    task = asyncio.create_task(asked[what](protocol))
    await transport.asked.wait()
    protocol._cancel_pending()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    del task, protocol
    gc.collect()
    await asyncio.sleep(0)
    assert failures == []


class Mute:
    """A wire that takes nothing, as that of a peer which does not read."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def write(self, _data: bytes) -> None:
        """Wait for ever."""
        self.asked.set()
        await asyncio.Event().wait()


async def test_what_comes_overtakes_nothing_that_waits() -> None:
    """The parts of one change come on many topics: whatever waits goes first, whichever topic it is on."""
    protocol = MQTTProtocol(Mute(), SessionState(), version="5.0")  # type: ignore[arg-type]
    keep_order(protocol)
    inbound = protocol.inbound
    inbound.begin_session(session_present=True)
    await inbound.handle_publish(part("lamp/state"))
    queue: asyncio.Queue[zmqtt.Message] = asyncio.Queue()
    protocol._state.subscriptions.add("lamp/#", SubscriptionEntry(queue=queue, actual_filter="lamp/#"))
    await inbound.handle_publish(part("lamp/last_updated"))
    assert queue.empty()
    await inbound.drain()
    await inbound.handle_publish(part("lamp/last_changed"))
    arrived = [queue.get_nowait().topic for _ in range(3)]
    assert arrived == ["lamp/state", "lamp/last_updated", "lamp/last_changed"]


async def test_of_two_with_one_packet_identifier_none_is_left_out() -> None:
    """Some brokers send more at once than there are identifiers; all of it is different."""
    protocol = MQTTProtocol(Deaf(), SessionState(), version="5.0")
    keep_order(protocol)
    take_each(protocol)
    inbound = protocol.inbound
    inbound.begin_session(session_present=True)
    for payload in (b"first", b"second"):
        await inbound.handle_publish(numbered(payload, 7))
    queue: asyncio.Queue[zmqtt.Message] = asyncio.Queue()
    entry = SubscriptionEntry(queue=queue, actual_filter="home", auto_ack=False)
    protocol._state.subscriptions.add("home", entry)
    await inbound.drain()
    assert [queue.get_nowait().payload for _ in range(queue.qsize())] == [b"first", b"second"]


def numbered(payload: bytes, packet_id: int) -> Publish:
    """A message at QoS 1."""
    return Publish(
        topic="home", payload=payload, qos=QoS.AT_LEAST_ONCE, retain=False, dup=False, packet_id=packet_id
    )


def part(topic: str) -> Publish:
    """One part of a change, at QoS 0."""
    return Publish(topic=topic, payload=b"", qos=QoS.AT_MOST_ONCE, retain=False, dup=False, packet_id=None)
