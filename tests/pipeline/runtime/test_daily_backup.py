"""The backup of the day: made beside learning, and said of in health when it cannot be."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.health import Health
from pipeline.runtime import daily_backup
from pipeline.runtime.daily_backup import DailyBackup
from pipeline.settings import Settings
from sinks.store import SqlStore, backup


class Room(NamedTuple):
    """What `shutil.disk_usage` says."""

    total: int
    used: int
    free: int


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[DailyBackup, Health]]:
    """Make it for a store that is there, as its owner, without waiting."""
    monkeypatch.setattr(daily_backup, "FIRST_S", 0.0)
    store = SqlStore(f"sqlite:///{tmp_path / 'ha-ai.db'}")
    store.migrate()
    store.close()

    def make(**fields: Any) -> tuple[DailyBackup, Health]:
        health = Health(owner=True)
        settings = Settings(_env_file=None, database_path=tmp_path / "ha-ai.db", **fields)
        return DailyBackup(settings, "home", health), health

    return make


async def until(fulfilled: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    async with asyncio.timeout(20):
        while not fulfilled():  # noqa: ASYNC110 another thread sets no event of ours
            await asyncio.sleep(0.01)


async def run_until(daily: DailyBackup, fulfilled: Callable[[], object]) -> None:
    """Run until something is so."""
    task = asyncio.create_task(daily.run())
    try:
        await until(fulfilled)
    finally:
        task.cancel()


async def test_the_first_start_makes_one(make: Callable[..., Any], tmp_path: Path) -> None:
    """It verifies, and there is nothing to say."""
    daily, health = make()
    await run_until(daily, lambda: backup.backups(tmp_path / "backups"))
    assert backup.latest_good(tmp_path / "backups") is not None
    assert health.notices == {}


async def test_the_key_and_the_settings_are_in_it(make: Callable[..., Any], tmp_path: Path) -> None:
    """So that the home can move to another machine; the administrator's token never is."""
    for name in ("ha-ai.key", "deployer.token"):
        (tmp_path / name).write_text(f"content of {name}")
    daily, _ = make(
        command_key_file=tmp_path / "ha-ai.key",
        deployer_token_file=tmp_path / "deployer.token",
        mqtt_password="pass-word",  # noqa: S106 no password of anybody
    )
    await run_until(daily, lambda: backup.backups(tmp_path / "backups"))
    folder = tmp_path / "unpacked"
    shutil.unpack_archive(backup.backups(tmp_path / "backups")[0].path, folder)
    assert (folder / "ha-ai.key").read_text() == "content of ha-ai.key"
    assert "HA_AI_MQTT_PASSWORD='pass-word'\n" in (folder / "settings.env").read_text()
    assert all(b"content of deployer" not in path.read_bytes() for path in folder.iterdir())


async def test_too_little_room_is_said_and_makes_none(
    make: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Learning needs what is left; health says how much there has to be, and goes on."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Room(0, 0, 10 * 1024**2))
    daily, health = make()
    await run_until(daily, lambda: health.notices)
    assert "MiB free" in health.notices["backup"]
    assert "got 10: make room" in health.notices["backup"]
    assert "there is no good backup" in health.notices["backup"]
    assert health.problems() == ["no connection to the MQTT broker"]
    assert backup.backups(tmp_path / "backups") == []


async def test_what_is_mended_is_no_longer_said(
    make: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notice leaves with its reason."""
    monkeypatch.setattr(daily_backup, "AFTER_FAILURE_S", 0.01)
    (tmp_path / "backups").write_text("in the way")
    daily, health = make()
    task = asyncio.create_task(daily.run())
    await until(lambda: health.notices)
    (tmp_path / "backups").unlink()
    await until(lambda: not health.notices)
    task.cancel()
    assert backup.latest_good(tmp_path / "backups") is not None


async def test_none_is_made_where_none_is_wanted(make: Callable[..., Any], tmp_path: Path) -> None:
    """With 0 to keep, and on a database that has its own tools."""
    await make(backup_keep=0)[0].run()
    await make(database_url="postgresql+psycopg://host/name")[0].run()
    assert not (tmp_path / "backups").exists()


async def test_who_stands_by_makes_none(
    make: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner of the home makes them; who becomes it makes the next."""
    monkeypatch.setattr(daily_backup, "LOOK_S", 0.01)
    daily, health = make()
    health.owner = False
    task = asyncio.create_task(daily.run())
    await asyncio.sleep(0.1)
    assert not (tmp_path / "backups").exists()
    health.owner = True
    await until(lambda: backup.backups(tmp_path / "backups"))
    task.cancel()
