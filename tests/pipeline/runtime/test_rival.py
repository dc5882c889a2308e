"""Two installations under one client id: one has the session, the other says who has it and waits."""

import asyncio
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from structlog.testing import capture_logs

from benchmarks.processes import wait_until
from benchmarks.publisher import Publisher
from pipeline.health import Health
from pipeline.learn.service import Service
from pipeline.mqtt.connections import connection_id
from pipeline.runtime.rival import SUBJECT, Rival, kept_mark, read_sign, store_mark
from pipeline.settings import Settings
from schemas.home import Home
from sinks.store import SqlStore
from tests.fixtures.services import PATIENCE_S, happening, has_session, running

# Ten times what a takeover takes where nobody waits.
WATCHED_S = 5.0
SESSION = "ha-ai/internal/session"


@pytest.fixture
def settings(broker: Any, tmp_path: Path) -> Callable[[str], Settings]:
    """Settings of an installation by its name: all share broker and client id, none a store."""

    def make(name: str) -> Settings:
        return Settings(
            _env_file=None,
            mqtt_url=broker.url,
            database_path=tmp_path / f"{name}.db",
            heartbeat_s=0.5,
            lease_s=1.0,
            http_port=0,
        )

    return make


async def is_told(service: Service) -> None:
    """Wait until a service says that it stands by, and for whom."""
    await wait_until(lambda: "host" in service.health.faults.get(SUBJECT, ""), PATIENCE_S, "who has it")
    assert "HA_AI_MQTT_CLIENT_ID" in service.health.faults[SUBJECT]


async def test_who_comes_second_says_who_has_the_session_and_waits_for_it(
    broker: Any, settings: Callable[[str], Settings]
) -> None:
    """The first goes on undisturbed; when it goes, the second takes over at once; both stores learn."""
    with capture_logs() as said:
        second = Service(settings("second"), Home())
        async with running(settings("first"), until=has_session) as first:
            task = asyncio.create_task(second.run())
            await is_told(second)
            await asyncio.sleep(WATCHED_S)
            assert SUBJECT in second.health.faults
            assert SUBJECT not in first.health.faults
            assert first.ingest.connection_info.connection_id == 1
            await Publisher(broker.port).publish(happening(20))
            await wait_until(lambda: first.metrics.entries_total == 20, PATIENCE_S, "what was learned")
        gone_s = time.monotonic()
        await wait_until(lambda: second.health.connected, PATIENCE_S, "the session")
        assert time.monotonic() - gone_s < 6 * second._rival.every_s
        assert SUBJECT not in second.health.faults
        await Publisher(broker.port).publish(happening(30))
        await wait_until(lambda: second.metrics.entries_total == 30, PATIENCE_S, "what was learned")
        second.stop()
        await asyncio.wait_for(task, PATIENCE_S)
    assert 1 <= len([each for each in said if each["event"] == "standing by"]) <= 3
    assert not [each for each in said if "exc_info" in each]


async def test_a_container_made_anew_finds_nobody(settings: Callable[[str], Settings]) -> None:
    """A process that ends in order takes its sign back: the next one, elsewhere, waits for nobody."""
    async with running(settings("first"), until=has_session) as first:
        await wait_until(lambda: first.health.ready, PATIENCE_S, "a ready service")
        await asyncio.sleep(2 * first._rival.every_s)
    async with running(settings("second"), until=has_session) as second:
        assert second._rival._other is None


async def test_two_that_start_at_once_agree(settings: Callable[[str], Settings]) -> None:
    """One of them has the session, the other waits, after two takeovers at most."""
    services = [Service(settings(name), Home()) for name in ("first", "second")]
    tasks = [asyncio.create_task(service.run()) for service in services]
    await wait_until(lambda: any(SUBJECT in each.health.faults for each in services), PATIENCE_S, "a loser")
    await asyncio.sleep(WATCHED_S)
    assert sorted(SUBJECT in each.health.faults for each in services) == [False, True]
    connections = [client._connection_id for each in services if (client := each.ingest.client)]
    assert sum(connections) <= 3
    for service in services:
        service.stop()
    await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_S)


async def test_who_gives_no_sign_keeps_nobody_waiting(
    broker: Any, settings: Callable[[str], Settings]
) -> None:
    """Neither a stranger who takes the session and is silent, nor a sign that was retained."""
    stranger = Rival(settings("stranger"), Health()).sign()
    version = aiomqtt.ProtocolVersion.V5
    async with aiomqtt.Client(broker.host, broker.port, protocol=version) as client:
        await client.publish(SESSION, stranger.payload, qos=1, retain=True)
        async with running(settings("first"), until=has_session) as service:
            identifier = service.settings.mqtt_client_id
            async with aiomqtt.Client(
                broker.host, broker.port, identifier=identifier, protocol=version
            ) as thief:
                started_s = time.monotonic()
                await thief.publish("ha-ai/test", b"", qos=0)
                await wait_until(lambda: (connection_id(service.ingest) or 0) > 1, PATIENCE_S, "the session")
                assert time.monotonic() - started_s < 10 * service._rival.every_s


def test_installations_are_told_apart(
    settings: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what their stores keep, on whichever machine: one that takes over is no rival."""
    marks: list[str] = []
    for name, host in (("first", "one"), ("first", "two"), ("second", "two")):
        monkeypatch.setattr("socket.gethostname", lambda host=host: host)
        with closing(SqlStore(settings(name).store_url)) as store:
            store.migrate()
            assert kept_mark(store) == (marks[0] if marks and name == "first" else None)
            marks.append(store_mark(store))
            assert kept_mark(store) == marks[-1]
    assert marks[0] == marks[1] != marks[2]


async def test_a_machine_that_takes_over_waits_for_nobody(
    broker: Any, settings: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one before was killed and left its sign retained; its store is the other's now."""
    async with running(settings("first"), until=has_session) as first:
        left = first._rival.sign()
    monkeypatch.setattr("socket.gethostname", lambda: "another")
    version = aiomqtt.ProtocolVersion.V5
    async with aiomqtt.Client(broker.host, broker.port, protocol=version) as client:
        await client.publish(SESSION, left.payload, qos=1, retain=True)
    async with running(settings("first"), until=has_session) as second:
        assert second._rival._other is not None
        assert second._rival._own.store == first._rival._own.store
        assert second._rival._own.host == "another"
        assert second._rival._silent_from_s == 0


@pytest.mark.parametrize("payload", [b"", b"{}", b"[1]", b"\xff", b'{"client_id": "haai-home-p0"}'])
def test_what_is_no_sign_says_nothing(payload: bytes) -> None:
    """Anybody may publish there."""
    assert read_sign(payload, "haai-home-p0") is None
