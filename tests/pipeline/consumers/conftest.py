"""Consumers at their desks: settings, home and store of their own."""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import structlog
from structlog._config import BoundLoggerLazyProxy

from pipeline.mqtt.client import SteadyBroker
from pipeline.runtime.role import RoleContext
from pipeline.settings import OLD_NAMES, Settings
from schemas.home import Home
from sinks.store import SqlStore


@pytest.fixture(autouse=True)
def _bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty directory, and an environment that sets nothing."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("HA_AI_") or name in OLD_NAMES:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _fresh_logs() -> None:
    """Logs as they are by default: what another test has set up would stay in every logger it used."""
    structlog.reset_defaults()
    for module in list(sys.modules.values()):
        logger = vars(module).get("log")
        if isinstance(logger, BoundLoggerLazyProxy):
            vars(logger).pop("bind", None)


@pytest.fixture
def settings(tmp_path: Path, free_port: int) -> Settings:
    """A store in a file, and a broker that is not there."""
    return Settings(
        _env_file=None,
        mqtt_url=f"mqtt://127.0.0.1:{free_port}",
        database_path=tmp_path / "store.db",
        command_key_file=tmp_path / "ha-ai.key",
    )


@pytest.fixture
def home() -> Home:
    """A home in Berlin."""
    return Home(tz="Europe/Berlin", lat=52.5, lon=13.4)


@pytest.fixture
def store(settings: Settings, home: Home) -> Iterator[SqlStore]:
    """The store that the settings name, empty."""
    store = SqlStore(settings.store_url, home=home.id)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
async def desk(settings: Settings, home: Home, store: SqlStore) -> AsyncIterator[RoleContext]:
    """What a consumer works with; its connection to the broker is not made."""
    with ThreadPoolExecutor(1) as executor:
        yield RoleContext(settings, home, store, executor, SteadyBroker(settings.broker_url))
