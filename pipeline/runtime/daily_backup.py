"""A backup a day, off the learner's path, and what is said of it."""

import asyncio
import os
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import structlog

from pipeline.health import Health
from pipeline.runtime.belongings import backup_folder, belongings, database_file
from pipeline.settings import Settings
from pipeline.timing.clock import wall_us
from sinks.store import StoreError, backup, rotation
from sinks.store.manifest import Manifest

log = structlog.get_logger(__name__)

SUBJECT = "backup"
# Recovery and the first judgement come first; then it is looked for often enough to be made on its day.
FIRST_S, LOOK_S, AFTER_FAILURE_S = 60.0, 600.0, 3_600.0
NICE = 10
# Copy and archive lie beside each other for a moment; learning needs the rest.
SPARE_BYTES = 100 * 1024**2
T = TypeVar("T")


class DailyBackup:
    """Makes a home's backups while it is learned, and says in health when that does not go.

    Parameters
    ----------
    settings, home
        What was set, and whose the store is.
    health
        Where is said what a person should look at.
    """

    def __init__(self, settings: Settings, home: str, health: Health) -> None:
        self._settings = settings
        self._home = home
        self._health = health

    async def run(self) -> None:
        """Look every few minutes whether one is due, until cancelled."""
        database, folder = database_file(self._settings), backup_folder(self._settings)
        if database is None or folder is None or self._settings.backup_keep == 0:
            return
        await asyncio.sleep(FIRST_S)
        while True:
            pause_s = LOOK_S
            if self._health.owner:
                pause_s = self._say(await _beside(lambda: self._look_safely(database, folder)))
            await asyncio.sleep(pause_s)

    def _say(self, said: str | None) -> float:
        """Put it where people look; return when to look again: a copy is not tried every few minutes."""
        if said is None:
            self._health.notices.pop(SUBJECT, None)
            return LOOK_S
        self._health.notices[SUBJECT] = said
        return AFTER_FAILURE_S

    def _look_safely(self, database: Path, folder: Path) -> str | None:
        try:
            return self.look(database, folder)
        except Exception as error:
            log.exception("looking for backups failed")
            return f"no backup could be made, for a reason that was not foreseen ({error}): see the log"

    def look(self, database: Path, folder: Path) -> str | None:
        """Make a backup if one is due, and let older ones go; return what a person should know of it."""
        now_us = wall_us()
        last = rotation.newest(folder, self._home)
        manifest = last.manifest if last else None
        if not rotation.is_due(manifest, now_us=now_us):
            return None
        try:
            _check_room(database, folder)
            made = backup.take(
                database,
                folder,
                home=self._home,
                version=version("ha-ai"),
                more=belongings(self._settings, secrets=True),
            )
            left = rotation.retire(folder, self._home, keep=self._settings.backup_keep)
        except (StoreError, OSError) as error:
            log.warning("no backup made", error=str(error))
            return f"no backup could be made ({error}); {_last(manifest, now_us)}"
        log.info("backup made", path=str(made), size_bytes=made.stat().st_size, deleted=len(left))
        return None


def room_needed(database: Path) -> int:
    """Return the number of bytes that have to be free to make a backup."""
    return 2 * database.stat().st_size + SPARE_BYTES


def _check_room(database: Path, folder: Path) -> None:
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    free, needed = shutil.disk_usage(there).free, room_needed(database)
    if free < needed:
        raise backup.BackupError(
            f"expected {needed / 1024**2:.0f} MiB free at {folder}, got {free / 1024**2:.0f}: make room, or "
            "let HA_AI_BACKUP_DIR name another place"
        )


def _last(manifest: Manifest | None, now_us: int) -> str:
    if manifest is None:
        return "there is no good backup"
    days = rotation.age_us(manifest, now_us=now_us) / rotation.DAY_US
    return f"the last good one is {days:.1f} days old"


async def _beside(call: Callable[[], T]) -> T:
    """Run what takes long in a thread that yields to all others, and that no end of the process waits for.

    A kill in the midst of it leaves nothing that the next one does not clear away.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def work() -> None:
        with suppress(OSError):  # where that is forbidden it goes on without
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        result = call()
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(_deliver, done, result)

    threading.Thread(target=work, name="backup", daemon=True).start()
    return await done


def _deliver(done: "asyncio.Future[T]", result: T) -> None:
    if not done.done():
        done.set_result(result)
