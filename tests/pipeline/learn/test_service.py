"""The whole service over a real broker: what it takes, what it says of itself, and how it ends."""

import asyncio
import json
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import aiomqtt
import httpx
import pytest

from benchmarks.processes import EXIT_RESTART, Worker, wait_until
from benchmarks.publisher import Published, Publisher
from pipeline.ingest.eventstream import as_eventstream
from pipeline.learn.service import Service
from pipeline.mqtt.connections import discard_session
from pipeline.runtime.errors import FatalError
from pipeline.runtime.http.application import application
from pipeline.runtime.ownership import Ownership
from pipeline.settings import Settings
from pipeline.settings.groups import StoreSettings
from schemas.events import HOME_ASSISTANT, StateChange
from schemas.home import Home
from sinks.store import SqlStore
from tests.fixtures.runs import TOPIC
from tests.fixtures.services import PATIENCE_S, happening, running
from tests.pipeline.runtime.http.asking import process_of

TAKEN_IN = 1_000
HOUR_US = 3_600_000_000
BACKLOG = 4_000
STATUS = "ha-ai/status/service"
SWITCH = "ha-ai/commands/learning/set"
DEAF = """
import asyncio, sys
from pipeline.ingest.eventstream import as_eventstream
from pipeline.learn.service import Service
async def silent(self):
    await asyncio.Future()
Service._heartbeat = silent
from pipeline.cli import main
sys.exit(main(["run", "learn", "publish"]))
"""


@pytest.fixture
def settings(broker: Any, tmp_path: Path) -> Callable[..., Settings]:
    """Settings for a broker and a store of the test's own."""

    def make(**stated: Any) -> Settings:
        quick = {"heartbeat_s": 0.5, "lease_s": 1.0, "http_port": 0}
        place = {"mqtt_url": broker.url, "database_path": tmp_path / "ha-ai.db"}
        return Settings(_env_file=None, **{**place, **quick, **stated})

    return make


@asynccontextmanager
async def supervised(worker: Worker) -> AsyncIterator[Worker]:
    """A worker that is stopped at the end, whatever comes."""
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop()


@asynccontextmanager
async def reading(broker: Any, topic: str) -> AsyncIterator[list[tuple[str, bytes]]]:
    """What an independent client receives."""
    received: list[tuple[str, bytes]] = []

    async def read(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            received.append((str(message.topic), bytes(message.payload)))  # noqa: PERF401 it does not end

    async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe(topic, qos=1)
        task = asyncio.create_task(read(client))
        yield received
        task.cancel()


def taken_over(store: SqlStore) -> bool:
    """Take the lease from an owner that is silent between two looks."""
    return bool(store.leases.acquire("p0", "next", now_us=0, ttl_us=1, silent=store.leases.beat("p0")))


def journaled(settings: StoreSettings) -> int:
    """How many events the store holds."""
    with closing(sqlite3.connect(settings.database_path)) as connection:
        return int(connection.execute("SELECT count(*) FROM journal").fetchone()[0])


def is_learning(service: Service) -> object:
    """How the learning switch stands in the store; None before anybody set it."""
    return service.store.suggestions.control("learning")


def states(received: list[tuple[str, bytes]]) -> list[str]:
    """What the service said of itself."""
    return [json.loads(payload)["state"] for _, payload in received]


async def test_what_is_published_is_kept(broker: Any, settings: Callable[..., Settings]) -> None:
    """Every message that is acknowledged to the publisher is in the journal, and in nobody's queue."""
    async with running(settings()) as service:
        publisher = Publisher(broker.port)
        await publisher.publish(happening(50))
        assert publisher.unheard == 0
        await wait_until(lambda: journaled(service.settings) == 50, PATIENCE_S, "50 events")


async def test_the_learning_switch_pauses_what_is_learned(
    broker: Any, settings: Callable[..., Settings]
) -> None:
    """Over a restart, from OFF to ON nothing is kept but the gap; what is no setting becomes a letter."""
    publisher = Publisher(broker.port)
    async with running(settings()) as service:
        await publisher.publish([Published(SWITCH, b"OFF")])
        # What comes within the same milliseconds on another topic may be handled before it.
        await wait_until(lambda: is_learning(service) is False, 2.0, "that learning is off")
        await publisher.publish(happening(5))
    async with running(settings()) as service:
        await publisher.publish([*happening(5), Published(SWITCH, b"perhaps")])
        await publisher.publish([Published(SWITCH, b"ON")])
        await wait_until(lambda: is_learning(service), 2.0, "that learning is on")
        await publisher.publish(happening(3))
        await wait_until(lambda: journaled(service.settings) == 3, PATIENCE_S, "3 events")
        assert "paused" in {gap.reason for gap in service.store.gaps()}
        assert [letter.topic for letter in service.store.dead_letters(9)] == [SWITCH]


async def test_whoever_asks_has_the_days_judged_anew(broker: Any, settings: Callable[..., Settings]) -> None:
    """What was retained asks for nothing; a person is answered when all is judged."""
    topics = settings().topics
    publisher = Publisher(broker.port)
    await publisher.publish([Published(topics.analysis_run, b"", retain=True)])
    await publisher.publish([Published(topics.analysis_run, b"old", retain=True)])
    async with running(settings()), reading(broker, topics.analysis_complete) as received:
        now_us = time.time_ns() // 1000
        for number, at_us in enumerate((now_us - 26 * HOUR_US, now_us)):
            change = StateChange(at_us, "light.hall", "off", "on", f"c{number}")
            await publisher.publish([Published(TOPIC, as_eventstream(change))])
        await wait_until(lambda: received, PATIENCE_S, "that a day was judged")
        assert len(received) == 1
        await publisher.publish([Published(topics.analysis_run, b"")])
        await wait_until(lambda: len(received) == 2, PATIENCE_S, "that it was judged anew")
    days = [json.loads(payload)["day"] for _, payload in received]
    assert days[0] == days[1]


async def test_that_home_assistant_is_online_is_heard_though_our_session_was_lost(
    broker: Any, settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its birth was published while nobody kept it for us: what is retained of it ends its absence."""
    monkeypatch.setattr("pipeline.learn.gap_tracker.START_US", 100_000)
    publisher, status = Publisher(broker.port), settings().status_topic
    async with running(settings()) as service:
        await publisher.publish([Published(status, b"offline")])
        await wait_until(lambda: _lost(service) == HOME_ASSISTANT, PATIENCE_S, "its absence")
    await discard_session(settings())
    async with running(settings()) as service:
        assert _lost(service) == HOME_ASSISTANT
    await discard_session(settings())
    await publisher.publish([Published(status, b"online", retain=True)])
    async with running(settings()) as service:
        await wait_until(lambda: not _lost(service), PATIENCE_S, "its return")
        # The learner hears of it before that is committed.
        await wait_until(lambda: _gaps(service) == {HOME_ASSISTANT}, PATIENCE_S, "its gap to be kept")


def _lost(service: Service) -> str:
    """Why the home is out of sight; nothing while it is not."""
    loss = service.learner.gaps.loss if service.learner else None
    return loss.reason if loss else ""


def _gaps(service: Service) -> set[str]:
    """Why there are gaps, of those that are kept."""
    return {gap.reason for gap in service.store.gaps()}


async def test_a_switch_that_somebody_left_at_the_broker_is_no_act(
    broker: Any, settings: Callable[..., Settings]
) -> None:
    """Off, published to be retained while nobody was there, is a dead letter when it comes."""
    async with running(settings()):
        pass
    await Publisher(broker.port).publish([Published(SWITCH, b"OFF", retain=True)])
    async with running(settings()) as service:
        await Publisher(broker.port).publish(happening(3))
        await wait_until(lambda: journaled(service.settings) == 3, PATIENCE_S, "3 events")
        assert is_learning(service) is None
        assert [letter.topic for letter in service.store.dead_letters(9)] == [SWITCH]


async def test_what_is_published_while_it_is_stopped_waits(
    broker: Any, settings: Callable[..., Settings]
) -> None:
    """A planned stop leaves the subscription at the broker."""
    async with running(settings()):
        pass
    publisher = Publisher(broker.port)
    await publisher.publish(happening(30))
    assert publisher.unheard == 0
    async with running(settings()) as service:
        await wait_until(lambda: journaled(service.settings) == 30, PATIENCE_S, "30 events")


async def test_it_says_when_it_is_there_and_when_it_goes(
    broker: Any, settings: Callable[..., Settings]
) -> None:
    """The status is retained, and a planned stop says offline."""
    async with running(settings()), reading(broker, STATUS) as early:
        await wait_until(lambda: "online" in states(early), PATIENCE_S, "online")
    async with reading(broker, STATUS) as late:
        await wait_until(lambda: states(late) == ["offline"], PATIENCE_S, "offline, retained")


async def test_who_lost_the_home_does_not_call_its_new_owner_offline(
    broker: Any, settings: Callable[..., Settings]
) -> None:
    """The status that is retained is the new owner's to say."""
    service = Service(settings(), Home())
    task = asyncio.create_task(service.run())
    async with reading(broker, STATUS) as early:
        await wait_until(lambda: "online" in states(early), PATIENCE_S, "online")
    other = SqlStore(service.settings.store_url)
    await wait_until(lambda: taken_over(other), PATIENCE_S, "a take-over")
    other.close()
    with pytest.raises(FatalError):
        await asyncio.wait_for(task, PATIENCE_S)
    async with reading(broker, STATUS) as late:
        await wait_until(lambda: states(late), PATIENCE_S, "a status")
        assert states(late) == ["online"]


async def test_it_says_again_that_it_is_there(
    broker: Any, settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The will of an owner that was frozen comes after its successor's first word."""
    monkeypatch.setattr("pipeline.learn.service.SAY_AGAIN_S", 0.5)
    async with running(settings()), reading(broker, STATUS) as received:
        await wait_until(lambda: "online" in states(received), PATIENCE_S, "online")
        await Publisher(broker.port).publish([Published(STATUS, b'{"state": "offline"}')])
        await wait_until(
            lambda: "offline" in states(received) and states(received)[-1] == "online", PATIENCE_S, "online"
        )


async def test_the_last_will_says_that_it_was_killed(broker: Any, tmp_path: Path) -> None:
    """Killed, it cannot say so itself."""
    async with (
        supervised(Worker(tmp_path / "ha-ai.db", tmp_path / "log", broker.port, lease_s=1)) as worker,
        reading(broker, STATUS) as received,
    ):
        await worker.ready()
        await wait_until(lambda: "online" in states(received), PATIENCE_S, "online")
        worker.signal(signal.SIGKILL)
        await wait_until(lambda: "offline" in states(received), PATIENCE_S, "the will")
        await worker.ready()


async def test_poison_becomes_a_dead_letter_for_others_to_read(
    broker: Any, settings: Callable[..., Settings]
) -> None:
    """It is said on its topic, kept in the store, and the next message is taken."""
    async with running(settings()) as service, reading(broker, "ha-ai/dead-letter") as letters:
        await Publisher(broker.port).publish([Published(TOPIC, b"\xff\xfe"), *happening(1)])
        await wait_until(lambda: letters and journaled(service.settings) == 1, PATIENCE_S, "both")
        assert json.loads(letters[0][1])["reason"] == "not_json"
        assert service.store.counts()["dead_letters"] == 1


async def test_its_pages_say_how_it_is(broker: Any, settings: Callable[..., Settings]) -> None:
    """Ready while it takes messages, alive while it runs, and its figures."""
    async with running(settings()) as service:
        await Publisher(broker.port).publish(happening(3))
        await wait_until(lambda: service.metrics.entries_total == 3, PATIENCE_S, "3 events")
        transport = httpx.ASGITransport(application(process_of(service)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            pages = {path: await client.get(path) for path in ("/health", "/health/ready", "/health/live")}
            assert {path: page.status_code for path, page in pages.items()} == dict.fromkeys(pages, 200)
            assert "haai_entries_total 3.0" in (await client.get("/metrics")).text
            service.health.degraded = "full"
            page = await client.get("/health/ready")
            assert (page.status_code, page.json()["status"]) == (503, "degraded")
            assert "full" in page.json()["problems"][0]
            assert (await client.get("/health/live")).status_code == 200


async def test_without_a_sign_of_life_it_ends(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing comes through broker and store, not even its own heartbeat."""
    monkeypatch.setattr(Service, "_heartbeat", _silent)
    service = Service(settings(watchdog_s=1.0), Home())
    with pytest.raises(FatalError, match="no message was committed"):
        await asyncio.wait_for(service.run(), PATIENCE_S)


async def test_who_lost_the_home_before_connecting_asks_to_be_started_again(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when recovering took longer than the lease, and another process was waiting."""

    async def lost(_: Ownership) -> bool:
        return False

    monkeypatch.setattr(Ownership, "valid", lost)
    with pytest.raises(FatalError, match="another process owns the home"):
        await asyncio.wait_for(Service(settings(), Home()).run(), PATIENCE_S)


async def test_a_broker_that_does_not_answer_holds_up_no_stop(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The goodbye is given up, and the lease is free for the next process."""
    monkeypatch.setattr("pipeline.learn.service.GOODBYE_S", 0.1)
    async with running(settings()) as service:
        monkeypatch.setattr("pipeline.learn.service.publish", _never)
    other = SqlStore(service.settings.store_url)
    assert other.leases.acquire("p0", "next", now_us=time.time_ns() // 1000, ttl_us=1) is not None
    other.close()


async def test_a_store_that_is_away_is_no_reason_to_end(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the store takes nothing the watchdog waits, longer than its own time."""
    monkeypatch.setattr("pipeline.learn.service.SqlStore", partial(SqlStore, busy_timeout_s=0.1))
    # Long enough for a busy machine to begin in, which is watched as well.
    async with running(settings(watchdog_s=3.0)) as service:
        with closing(sqlite3.connect(service.settings.database_path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await wait_until(lambda: service.health.degraded, PATIENCE_S, "a degraded service")
            asked_s = time.monotonic()
            await wait_until(lambda: time.monotonic() > asked_s + 4.0, PATIENCE_S, "longer than its time")
            assert not service.health.ready
            other.execute("ROLLBACK")
        await wait_until(lambda: service.health.ready, PATIENCE_S, "a ready service")


@pytest.mark.parametrize(
    "broker", [pytest.param("mosquitto", marks=pytest.mark.mosquitto)], indirect=True
)  # the embedded one's own window is smaller
async def test_a_backlog_waits_at_the_broker(
    broker: Any, settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing is committed a bounded number of messages is taken in; then all are kept."""
    monkeypatch.setattr("pipeline.learn.service.SqlStore", partial(SqlStore, busy_timeout_s=0.1))
    async with running(settings(lease_s=60)) as service:
        with closing(sqlite3.connect(service.settings.database_path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await Publisher(broker.port).publish(happening(BACKLOG))
            await wait_until(lambda: held(service) >= TAKEN_IN, PATIENCE_S, "a full intake")
            assert held(service) < 2 * TAKEN_IN
            other.execute("ROLLBACK")
        await wait_until(lambda: journaled(service.settings) == BACKLOG, PATIENCE_S, "the whole backlog")
        await wait_until(lambda: held(service) == 0, PATIENCE_S, "the last of it out of our hands")


def held(service: Service) -> int:
    """Messages that a service has taken in and not committed, in its intake and before."""
    subscriptions = (subscriber._subscription for subscriber in service.ingest.subscribers)  # type: ignore[attr-defined]
    waiting: int = len(service._intake) + sum(
        each._queue.qsize() for each in subscriptions if each is not None
    )
    return waiting


async def _silent(_: Service) -> None:
    await asyncio.Future()


async def _never(*_: object) -> None:
    await asyncio.Future()


async def test_who_started_it_is_asked_to_start_it_again(broker: Any, tmp_path: Path) -> None:
    """The process that cannot go on exits with 75."""
    (tmp_path / "deaf.py").write_text(DEAF)
    command = (sys.executable, str(tmp_path / "deaf.py"))
    worker = Worker(tmp_path / "ha-ai.db", tmp_path / "log", broker.port, command=command, watchdog_s=1)
    async with supervised(worker):
        await wait_until(lambda: worker.exit_codes, PATIENCE_S, "an exit")
        assert worker.exit_codes[0] == EXIT_RESTART
        await worker.ready()
