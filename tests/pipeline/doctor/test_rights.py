"""The doctor on topics that may not be published to, and on another installation under our client id."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from pipeline.doctor import broker as broker_checks
from pipeline.doctor import durability
from pipeline.doctor.broker import check_rights, check_rival
from pipeline.health import Health
from pipeline.mqtt.terminal_client import TerminalClient
from pipeline.runtime.rival import Rival, store_mark
from pipeline.settings import Settings
from sinks.store import SqlStore

Command = Any
SESSION = "ha-ai/internal/session"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for what does not come."""
    monkeypatch.setattr(broker_checks, "EVENTS_S", 0.5)
    monkeypatch.setattr(durability, "SILENCE_S", 1.0)
    monkeypatch.setattr(broker_checks, "SIGN_S", 0.6)


@pytest.mark.mosquitto
async def test_topics_without_a_right_are_named_and_nobody_receives_the_trial(
    mosquitto: Callable[..., Any], tmp_path: Path
) -> None:
    """Exactly those, with the line for the ACL file."""
    rights = tmp_path / "acl"
    denied = ("ha-ai/dead-letter", "ha-ai/status/suggestion/+")
    rights.write_text("".join(f"topic deny {each}\n" for each in denied) + "topic readwrite #\n")
    broker = mosquitto(acl_file=rights)
    version = aiomqtt.ProtocolVersion.V5
    async with aiomqtt.Client(broker.host, broker.port, protocol=version) as reader:
        await reader.subscribe("ha-ai/#", 1)
        found = await check_rights(Settings(_env_file=None, mqtt_url=broker.url))
        await reader.publish("ha-ai/end", b"", 1)
        first = await asyncio.wait_for(anext(aiter(reader.messages)), 5.0)
    assert str(first.topic) == "ha-ai/end"
    assert found.verdict == "wrong"
    assert "ha-ai/dead-letter (not authorized)" in found.found
    assert "ha-ai/status/suggestion/doctor" in found.found
    assert found.found.count("not authorized") == len(denied)
    assert "topic readwrite ha-ai/#" in found.advice


async def test_all_rights_are_well(broker: Any) -> None:
    """Where everything is allowed nothing is wrong, whatever QoS the broker takes."""
    found = await check_rights(Settings(_env_file=None, mqtt_url=broker.url))
    assert found.verdict == "ok"


@contextmanager
def signs(broker: Any, rival: Rival, *, live: bool) -> Iterator[None]:
    """Publish the signs of an installation: once, or as long as the context lasts."""
    over = threading.Event()
    begun = threading.Event()

    async def say() -> None:
        version = aiomqtt.ProtocolVersion.V5
        async with aiomqtt.Client(broker.host, broker.port, protocol=version) as client:
            while not over.is_set():
                await client.publish(SESSION, rival.sign().payload, 1, retain=True)
                begun.set()
                if not live:
                    return
                await asyncio.sleep(0.2)

    thread = threading.Thread(target=lambda: asyncio.run(say()))
    thread.start()
    assert begun.wait(10.0)
    yield
    over.set()
    thread.join()


@pytest.mark.parametrize(
    ("is_ours", "live", "verdict"),
    [(False, True, "wrong"), (False, False, "ok"), (True, True, "ok")],
    ids=["another", "another that is gone", "our own"],
)
async def test_another_installation_is_told(
    broker: Any, tmp_path: Path, *, is_ours: bool, live: bool, verdict: str
) -> None:
    """With its host, and what to set; one that is gone, and our own service, are no matter."""
    ours = Settings(_env_file=None, mqtt_url=broker.url, database_path=tmp_path / "ours.db")
    other = ours if is_ours else ours.model_copy(update={"database_path": tmp_path / "other.db"})
    rival = Rival(other, Health())
    for each in {ours.store_url, other.store_url}:
        with closing(SqlStore(each)) as store:
            store.migrate()
            mark = store_mark(store)
            if each == other.store_url:
                rival.introduce(mark)
    with signs(broker, rival, live=live):
        async with TerminalClient(ours) as client:
            found = await check_rival(ours, client)
    assert found.verdict == verdict
    host = json.loads(rival.sign().payload)["host"]
    assert (host in found.found) == (not is_ours)
    assert ("HA_AI_MQTT_CLIENT_ID" in found.advice) == (verdict == "wrong")
