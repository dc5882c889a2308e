"""The outbox goes out in order, at least once, under ids that let readers ignore what came twice."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import zmqtt
from faststream.mqtt import QoS

from benchmarks.processes import wait_until
from pipeline.health import Health, Metrics
from pipeline.mqtt import client as steady
from pipeline.mqtt import disconnects as peers
from pipeline.mqtt import outbox as module
from pipeline.mqtt import outbox_bounds
from pipeline.mqtt import outbox_lanes as lanes
from pipeline.mqtt.client import SteadyBroker
from pipeline.mqtt.connections import at_once, egress_broker
from pipeline.mqtt.outbox import Egress, MessageExpiry
from pipeline.mqtt.refusals import Refusals
from pipeline.settings import Settings
from schemas.outgoing import Outgoing
from schemas.statuses import DeadLetter
from sinks.store import SqlStore, StoreThread
from tests.hostile_broker import PUBLISH, HostileBroker, Peer, good, sized

PATIENCE_S = 10.0
MESSAGES = [Outgoing(f"id{number}", "ha-ai/dead-letter", b"%d" % number, expiry_s=60) for number in range(5)]


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    """A store whose outbox holds five messages."""
    made = SqlStore(f"sqlite:///{tmp_path}/ha-ai.db")
    made.migrate()
    with made.begin() as transaction:
        transaction.enqueue(MESSAGES, time.time_ns() // 1000)
    return made


@pytest.fixture
async def connected(broker: Any) -> AsyncIterator[SteadyBroker]:
    """The outbox's connection to a broker."""
    async with connection_to(broker.url) as made:
        yield made


@asynccontextmanager
async def connection_to(url: str) -> AsyncIterator[SteadyBroker]:
    """An outbox's connection."""
    will = zmqtt.Will(topic="ha-ai/gone", payload=b"", qos=zmqtt.QoS.AT_LEAST_ONCE, retain=False)

    made = egress_broker(Settings(_env_file=None, mqtt_url=url), at_once, will)
    made.add_middleware(MessageExpiry)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def reader(broker: Any) -> AsyncIterator[list[aiomqtt.Message]]:
    """What an independent client receives under ``ha-ai/``."""
    received: list[aiomqtt.Message] = []

    async def read(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            received.append(message)  # noqa: PERF401 it does not end

    async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("ha-ai/#", qos=1)
        reading = asyncio.create_task(read(client))
        yield received
        reading.cancel()


def outbox(
    store: SqlStore, broker: SteadyBroker, health: Health | None = None, filled: asyncio.Event | None = None
) -> Egress:
    """The outbox's way out."""
    health = health or Health()
    return Egress(
        store,
        broker,
        thread=StoreThread(),
        health=health,
        metrics=Metrics(),
        filled=filled or asyncio.Event(),
        refusals=Refusals(health, "ha-ai/#"),
    )


async def test_messages_go_out_in_order_with_id_and_expiry(
    store: SqlStore, connected: SteadyBroker, reader: list[Any]
) -> None:
    """They are marked as sent, and go once."""
    out = outbox(store, connected)
    assert await out.publish_page() == len(MESSAGES)
    assert await out.publish_page() == 0
    await wait_until(lambda: len(reader) == len(MESSAGES), PATIENCE_S, "all messages")
    assert [message.payload for message in reader] == [message.payload for message in MESSAGES]
    properties = [message.properties for message in reader]
    assert [dict(each.UserProperty)["message-id"] for each in properties] == [each.id for each in MESSAGES]
    assert all("haai-expiry-s" not in dict(each.UserProperty) for each in properties)
    assert all(50 <= each.MessageExpiryInterval <= 60 for each in properties)


async def test_killed_before_they_were_marked_they_go_again_under_the_same_ids(
    store: SqlStore, connected: SteadyBroker, reader: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that inserts or ignores by id has each once."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, "sent", killed)
        with pytest.raises(KeyboardInterrupt):
            await outbox(store, connected).publish_page()
    await outbox(store, connected).publish_page()
    await wait_until(lambda: len(reader) == 2 * len(MESSAGES), PATIENCE_S, "all messages twice")
    ids = [dict(message.properties.UserProperty)["message-id"] for message in reader]
    assert ids == [message.id for message in MESSAGES] * 2


async def test_what_is_committed_during_the_look_into_the_outbox_goes_at_once(
    store: SqlStore, connected: SteadyBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filled after the outbox was found empty and before it waits, it is not left until the next poll."""
    monkeypatch.setattr(module, "POLL_S", 10 * PATIENCE_S)
    filled, looks, pending = asyncio.Event(), [], store.pending
    loop = asyncio.get_running_loop()

    def look(limit: int, *, without: Collection[str]) -> list[Outgoing]:
        looks.append(limit)
        if len(looks) > 1:
            return pending(limit, without=without)
        asyncio.run_coroutine_threadsafe(_fill(filled), loop).result()
        return []

    monkeypatch.setattr(store, "pending", look)
    running = asyncio.create_task(outbox(store, connected, filled=filled).run())
    await wait_until(lambda: store.counts()["outbox"] == 0, PATIENCE_S, "an empty outbox")
    running.cancel()


async def _fill(filled: asyncio.Event) -> None:
    filled.set()


def enqueue(store: SqlStore, *messages: Outgoing) -> None:
    """Put messages into the outbox."""
    with store.begin() as transaction:
        transaction.enqueue(messages, time.time_ns() // 1000)


def numbered(topic: str, number: int, **how: Any) -> list[Outgoing]:
    """So many messages on a topic."""
    return [Outgoing(f"{topic}{each}", topic, b"%d" % each, **how) for each in range(number)]


@asynccontextmanager
async def going_out(store: SqlStore, url: str, health: Health) -> AsyncIterator[SteadyBroker]:
    """An outbox that is published."""
    async with connection_to(url) as connected:
        running = asyncio.create_task(outbox(store, connected, health).run())
        yield connected
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def is_empty(store: SqlStore) -> bool:
    """Whether nothing waits."""
    return store.counts()["outbox"] == 0


@pytest.mark.mosquitto
async def test_a_topic_that_is_forbidden_holds_up_no_other(
    store: SqlStore, mosquitto: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may not be published becomes letters, and makes none of itself; given the right, all is well."""
    monkeypatch.setattr(module, "PROBE_S", 0.1)
    rights, health = tmp_path / "acl", Health()
    rights.write_text("topic readwrite #\ntopic deny ha-ai/dead-letter\ntopic deny ha-ai/status/forbidden\n")
    broker = mosquitto(acl_file=rights)
    with store.begin() as transaction:
        letters = [letter(message) for message in MESSAGES]
        transaction.bury(letters)
    others = numbered("ha-ai/status/analysis_complete", 250)
    enqueue(store, *others[:100], *numbered("ha-ai/status/forbidden", 3), *others[100:])
    async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("ha-ai/status/#", qos=1)
        async with going_out(store, broker.url, health):
            await wait_until(lambda: is_empty(store), PATIENCE_S, "an empty outbox")
            received = [await anext(aiter(client.messages)) for _ in others]
            assert [message.payload for message in received] == [message.payload for message in others]
            kept = store.dead_letters(100)
            assert len(kept) == len(letters) + 3
            assert {each.reason for each in kept if each.topic == "ha-ai/status/forbidden"} == {"refused"}
            words = [each for each in health.notices.values() if "ha-ai/dead-letter" in each]
            assert "Not authorized" in words[0]
            assert "topic readwrite ha-ai/#" in words[0]
            rights.write_text("topic readwrite #\n")
            broker._process.send_signal(signal.SIGHUP)
            await wait_until(lambda: not health.notices, PATIENCE_S, "no notice")


def letter(message: Outgoing) -> DeadLetter:
    """The letter that a message tells of."""
    return DeadLetter(
        message_id=message.id,
        reason="not_json",
        detail="expected JSON",
        topic="homeassistant_events",
        received_at=datetime(2026, 11, 20, tzinfo=UTC),
        size_bytes=1,
        payload_base64="",
    )


@pytest.mark.mosquitto
@pytest.mark.parametrize("limit", ["message_size_limit", "max_packet_size"])
async def test_what_is_larger_than_the_broker_takes_holds_up_nothing(
    limit: str, store: SqlStore, mosquitto: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It becomes a letter, whether the broker refuses it, says before how much it takes, or hangs up."""
    monkeypatch.setattr(lanes, "FIRST_WAIT_S", 0.05)
    broker, health = mosquitto(**{limit: 3_000}), Health()
    enqueue(store, Outgoing("large", "ha-ai/events/large", b"x" * 4_000), *numbered("ha-ai/status/x", 200))
    async with going_out(store, broker.url, health):
        await wait_until(lambda: is_empty(store), PATIENCE_S, "an empty outbox")
    (kept,) = store.dead_letters(10)
    assert (kept.topic, kept.size_bytes, kept.reason) == ("ha-ai/events/large", 4_000, "refused")
    assert any("ha-ai/events/large" in each for each in health.notices.values())


class Picky:
    """A broker that does something else upon one topic; it notes what it takes."""

    def __init__(self, topic: str, puback: bytes | None) -> None:
        self.topic = topic.encode()
        self.puback = puback
        self.taken: list[tuple[str, bytes]] = []

    async def __call__(self, peer: Peer) -> None:
        """Behave."""
        await peer.greet()
        while True:
            first, body = await peer.packet()
            if first >> 4 != PUBLISH:
                continue
            topic, number, payload = read_message(body)
            if topic != self.topic:
                self.taken.append((topic.decode(), payload))
                await peer.send(b"\x40\x02" + number)
            elif self.puback is None:
                return
            else:
                await peer.send(sized(0x40, number + self.puback))


def read_message(body: bytes) -> tuple[bytes, bytes, bytes]:
    """Topic, packet id and payload of a PUBLISH of QoS 1 with short properties."""
    size = int.from_bytes(body[:2], "big")
    begin = 4 + size
    return body[2 : 2 + size], body[2 + size : begin], body[begin + 1 + body[begin] :]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of seconds take a fraction of one."""
    monkeypatch.setattr(lanes, "FIRST_WAIT_S", 0.02)
    monkeypatch.setattr(lanes, "LONGEST_WAIT_S", 0.05)
    monkeypatch.setattr(peers, "FIRST_S", 0.02)
    monkeypatch.setattr(steady, "PUBACK_S", 0.2)
    monkeypatch.setattr(module, "POLL_S", 0.02)


async def others_went(picky: Picky, others: list[Outgoing]) -> None:
    """Wait until each of the others was taken, in order."""
    wanted = [(message.topic, message.payload) for message in others]
    await wait_until(lambda: list(dict.fromkeys(picky.taken)) == wanted, PATIENCE_S, "all others, in order")


@pytest.mark.usefixtures("impatient")
async def test_a_refusal_for_now_holds_back_its_topic_alone(
    store: SqlStore,
) -> None:
    """Others go; the topic's messages wait in order, and go when the broker takes them again."""
    picky, held, others = Picky("ha-ai/dead-letter", b"\x97\x00"), MESSAGES, numbered("ha-ai/status/x", 150)
    enqueue(store, *others)
    async with HostileBroker() as broker:
        broker.behaviour = picky
        async with going_out(store, broker.url, Health()):
            await others_went(picky, others)
            # What went is settled a moment after the broker has taken it.
            await wait_until(lambda: store.counts()["outbox"] == len(held), PATIENCE_S, "those held alone")
            picky.topic = b""
            await wait_until(lambda: is_empty(store), PATIENCE_S, "an empty outbox")
        assert picky.taken[-len(held) :] == [(message.topic, message.payload) for message in held]
    assert store.dead_letters(10) == []


@pytest.mark.usefixtures("impatient")
async def test_a_refusal_for_now_that_lasts_becomes_one_for_good(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After attempts and time."""
    monkeypatch.setattr(lanes, "PASSING_S", 0.1)
    picky = Picky("ha-ai/dead-letter", b"\x97\x00")
    async with HostileBroker() as broker:
        broker.behaviour = picky
        async with going_out(store, broker.url, Health()):
            await wait_until(lambda: is_empty(store), PATIENCE_S, "an empty outbox")
    assert {each.topic for each in store.dead_letters(10)} == {"ha-ai/dead-letter"}


@pytest.mark.usefixtures("impatient")
async def test_a_message_upon_which_the_broker_hangs_up_is_found_out(store: SqlStore) -> None:
    """It alone is set aside; the others go, though they were under way with it."""
    picky, others = Picky("ha-ai/bad", None), [*MESSAGES, *numbered("ha-ai/status/x", 150)]
    health = Health()
    enqueue(store, Outgoing("bad", "ha-ai/bad", b""), *others[len(MESSAGES) :])
    async with HostileBroker() as broker:
        broker.behaviour = picky
        async with going_out(store, broker.url, health) as connected:
            while not is_empty(store):
                # As the heartbeat does: else nothing shows that the broker takes anything.
                with suppress(zmqtt.MQTTError, OSError):
                    await connected.publish(b"", "ha-ai/internal/heartbeat", qos=QoS.AT_LEAST_ONCE)
                await asyncio.sleep(0.02)
    taken = [each for each in picky.taken if "heartbeat" not in each[0]]
    assert set(taken) == {(message.topic, message.payload) for message in others}
    assert [each.topic for each in store.dead_letters(10)] == ["ha-ai/bad"]
    assert "closes the connection upon" in store.dead_letters(1)[0].detail
    assert any("ha-ai/bad" in each for each in health.notices.values())


@pytest.mark.usefixtures("impatient")
async def test_a_broker_that_acknowledges_nothing_costs_no_message(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has nothing against one of them: all wait, health says so, and all go when it does."""
    monkeypatch.setattr(outbox_bounds, "STANDSTILL_S", 0.5)
    enqueue(store, *numbered("ha-ai/status/x", 5))
    health = Health(publishing=True)
    async with HostileBroker("acknowledges nothing") as broker, going_out(store, broker.url, health):
        await wait_until(lambda: "outbox" in health.faults, PATIENCE_S, "a fault")
        await wait_until(lambda: broker.connections > 4, PATIENCE_S, "some connections")
        assert store.counts()["outbox"] == len(MESSAGES) + 5
        broker.behaviour = good
        broker.hang_up()
        await wait_until(lambda: is_empty(store), PATIENCE_S, "an empty outbox")
        await wait_until(lambda: not health.faults, PATIENCE_S, "no fault")
    assert store.dead_letters(10) == []


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("topic", ["", "with/+/wildcard", "with\x00nul"])
async def test_what_is_no_message_holds_up_nothing(
    topic: str, store: SqlStore, connected: SteadyBroker
) -> None:
    """What the client itself refuses becomes a letter."""
    enqueue(store, Outgoing("none", topic, b""), *numbered("ha-ai/status/x", 3))
    out = outbox(store, connected)
    while not is_empty(store):
        await out.publish_page()
    assert [each.topic for each in store.dead_letters(10)] == [topic]


async def test_it_ends_though_the_outbox_is_filled_at_that_moment(
    store: SqlStore, connected: SteadyBroker
) -> None:
    """The last commit before a stop fills it, and the stop comes at once."""
    filled = asyncio.Event()
    running = asyncio.create_task(outbox(store, connected, filled=filled).run())
    await wait_until(lambda: filled._waiters, PATIENCE_S, "an outbox that waits")
    filled.set()
    # The event's waiter is done, and has not been told yet.
    await asyncio.sleep(0)
    running.cancel()
    done, _ = await asyncio.wait([running], timeout=2.0)
    assert done
