"""The outbox goes out in order, at least once, under ids that let readers ignore what came twice."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import zmqtt
from faststream.mqtt import MQTTBroker

from benchmarks.processes import wait_until
from pipeline.delivery import egress as module
from pipeline.delivery.connection import egress_broker
from pipeline.delivery.egress import Egress, MessageExpiry
from pipeline.delivery.health import Metrics
from pipeline.settings import Settings
from schemas.outgoing import Outgoing
from sinks.store import SqlStore

PATIENCE_S = 10.0
MESSAGES = [Outgoing(f"id{number}", "ha-ai/dead-letter", b"%d" % number, expiry_s=60) for number in range(5)]


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    """A store whose outbox holds five messages."""
    made = SqlStore(f"sqlite:///{tmp_path}/ha-ai.db")
    made.migrate()
    with made.begin() as transaction:
        transaction.enqueue(MESSAGES, 1)
    return made


@pytest.fixture
async def connected(broker: Any) -> AsyncIterator[MQTTBroker]:
    """The outbox's connection to a broker."""
    async with connection_to(broker.url) as made:
        yield made


@asynccontextmanager
async def connection_to(url: str) -> AsyncIterator[MQTTBroker]:
    """An outbox's connection."""
    will = zmqtt.Will(topic="ha-ai/gone", payload=b"", qos=zmqtt.QoS.AT_LEAST_ONCE, retain=False)

    async def failed() -> None:
        pytest.fail("the connection could not be recovered")

    made = egress_broker(Settings(_env_file=None, mqtt_url=url), failed, will)
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


def outbox(store: SqlStore, broker: MQTTBroker) -> Egress:
    """The outbox's way out."""
    return Egress(store, broker, executor=ThreadPoolExecutor(1), metrics=Metrics(), filled=asyncio.Event())


async def test_messages_go_out_in_order_with_id_and_expiry(
    store: SqlStore, connected: MQTTBroker, reader: list[Any]
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
    store: SqlStore, connected: MQTTBroker, reader: list[Any], monkeypatch: pytest.MonkeyPatch
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
    store: SqlStore, connected: MQTTBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filled after the outbox was found empty and before it waits, it is not left until the next poll."""
    monkeypatch.setattr(module, "POLL_S", 10 * PATIENCE_S)
    filled, looks, pending = asyncio.Event(), [], store.pending
    loop = asyncio.get_running_loop()

    def look(limit: int) -> list[Outgoing]:
        looks.append(limit)
        if len(looks) > 1:
            return pending(limit)
        asyncio.run_coroutine_threadsafe(_fill(filled), loop).result()
        return []

    monkeypatch.setattr(store, "pending", look)
    out = Egress(store, connected, executor=ThreadPoolExecutor(1), metrics=Metrics(), filled=filled)
    running = asyncio.create_task(out.run())
    await wait_until(lambda: store.counts()["outbox"] == 0, PATIENCE_S, "an empty outbox")
    running.cancel()


async def _fill(filled: asyncio.Event) -> None:
    filled.set()


@pytest.mark.mosquitto
async def test_a_refused_message_is_tried_again(
    store: SqlStore, mosquitto: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the broker answers with an error stays in the outbox, and goes once it is allowed."""
    monkeypatch.setattr(module, "BACKOFF_S", 0.05)
    rights = tmp_path / "acl"
    rights.write_text("topic read #\n")
    broker = mosquitto(acl_file=rights)
    async with connection_to(broker.url) as connected:
        with pytest.raises(zmqtt.MQTTError):
            await outbox(store, connected).publish_page()
        assert store.counts()["outbox"] == len(MESSAGES)
        running = asyncio.create_task(outbox(store, connected).run())
        rights.write_text("topic readwrite #\n")
        broker._process.send_signal(signal.SIGHUP)
        await wait_until(lambda: store.counts()["outbox"] == 0, PATIENCE_S, "an empty outbox")
        running.cancel()
