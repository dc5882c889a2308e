"""What the broker does not let us do is said in health, and ends nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.processes import wait_until
from pipeline.health import Health, Metrics
from pipeline.learn.connection_watch import READING
from pipeline.learn.service import Service
from pipeline.mqtt import client as steady
from pipeline.mqtt.connections import at_once, egress_broker
from pipeline.mqtt.outbox import MessageExpiry
from pipeline.mqtt.outbox_bounds import SUBJECT, OutboxBounds
from pipeline.runtime.role import RoleContext
from pipeline.settings import Settings
from schemas.home import Home
from schemas.outgoing import Outgoing
from sinks.store import SqlStore, StoreThread
from tests.hostile_broker import HostileBroker, good

PATIENCE_S = 15.0
HEARTBEAT = "ha-ai/internal/heartbeat"
YEAR_S = 365 * 86_400.0


def settings(url: str, folder: Path) -> Settings:
    """Settings with waits of fractions of a second."""
    return Settings(
        _env_file=None,
        mqtt_url=url,
        database_path=folder / "ha-ai.db",
        heartbeat_s=0.5,
        watchdog_s=1.0,
        http_port=0,
    )


@asynccontextmanager
async def running(stated: Settings) -> AsyncIterator[tuple[Service, asyncio.Task[None]]]:
    """A service, stopped at the end."""
    service = Service(stated, Home())
    task = asyncio.create_task(service.run())
    yield service, task
    service.stop()
    await asyncio.wait_for(task, PATIENCE_S)


async def test_a_subscription_that_is_refused_is_a_fault_until_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection stands; the topics are named; it is asked for again now and then."""
    monkeypatch.setattr(steady, "REFUSED_AGAIN_S", 0.2)
    async with (
        HostileBroker("refuses subscriptions") as broker,
        running(settings(broker.url, tmp_path)) as (
            service,
            task,
        ),
    ):
        await wait_until(lambda: READING in service.health.faults, PATIENCE_S, "a fault")
        await wait_until(
            lambda: "homeassistant_events" in service.health.faults.get(READING, ""), PATIENCE_S, "its topic"
        )
        assert not task.done()
        broker.behaviour = good
        broker.hang_up()
        await wait_until(lambda: READING not in service.health.faults, PATIENCE_S, "no fault")


@pytest.mark.mosquitto
async def test_a_heartbeat_that_is_refused_ends_no_process(
    tmp_path: Path, mosquitto: Callable[..., Any]
) -> None:
    """A new process would be refused, too: the watchdog waits, and health names the topic."""
    rights = tmp_path / "acl"
    rights.write_text(f"topic readwrite #\ntopic deny {HEARTBEAT}\n")
    broker = mosquitto(acl_file=rights)
    async with running(settings(broker.url, tmp_path)) as (service, task):
        await wait_until(
            lambda: any(HEARTBEAT in each for each in service.health.notices.values()), PATIENCE_S, "a notice"
        )
        await asyncio.sleep(3 * service.settings.watchdog_s)
        assert not task.done()


@pytest.mark.mosquitto
async def test_a_consumer_learns_that_it_was_refused(tmp_path: Path, mosquitto: Callable[..., Any]) -> None:
    """Nothing is raised: it goes on with its next message, and health names the topic."""
    rights = tmp_path / "acl"
    rights.write_text("topic readwrite #\ntopic deny ha-ai/status/hub\n")
    stated = settings(mosquitto(acl_file=rights).url, tmp_path)
    broker = egress_broker(stated, at_once, None)
    broker.add_middleware(MessageExpiry)
    await broker.start()
    desk = RoleContext(stated, Home(), SqlStore(stated.store_url), StoreThread(), broker)
    assert not await desk.publish(Outgoing("one", "ha-ai/status/hub", b"", retain=True))
    assert await desk.publish(Outgoing("two", "ha-ai/status/suggestion/a", b"", retain=True))
    assert list(desk.health.notices) == ["refused: ha-ai/status/hub"]
    await broker.stop()


def test_a_clock_that_jumps_ahead_drops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What expired by a clock that is right is dropped, and health says what and how many."""
    store = SqlStore(f"sqlite:///{tmp_path}/ha-ai.db")
    store.migrate()
    now_s = time.time()
    with store.begin() as transaction:
        transaction.enqueue([Outgoing("event", "ha-ai/events/x", b"", expiry_s=300)], int(now_s * 1e6))
        transaction.enqueue([Outgoing("late", "ha-ai/events/y", b"", expiry_s=9)], int((now_s - 10) * 1e6))
    health = Health()
    bounds = OutboxBounds(store, health, Metrics())
    monkeypatch.setattr(time, "time_ns", lambda: int((now_s + YEAR_S) * 1e9))
    bounds.keep()
    assert [message.id for message in store.pending(9)] == ["event"]
    assert "1 on ha-ai/events/y" in health.notices[SUBJECT]
