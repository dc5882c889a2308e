"""Files that tell of a household's life: for their owner only."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from pipeline.runtime.belongings import backup_folder, database_file
from pipeline.settings.groups import StoreSettings
from sinks.store.backup import backups
from sinks.store.sqlite_file import is_for_others, make_private

log = structlog.get_logger(__name__)

UMASK = 0o077


def private_paths(settings: StoreSettings) -> list[Path]:
    """The store's files, what was moved aside of it, and its backups, as far as they are there."""
    database, folder = database_file(settings), backup_folder(settings)
    if database is None or folder is None:
        return []
    beside = sorted(database.parent.glob(f"{database.name}*"))
    return [*(path for path in beside if path.is_file()), *(each.path for each in backups(folder))]


def readable_by_others(settings: StoreSettings) -> list[Path]:
    """Those of them that others than their owner can read or write."""
    return [path for path in private_paths(settings) if is_for_others(path)]


@contextmanager
def keeping_private(settings: StoreSettings) -> Iterator[None]:
    """Take what is there away from others, and make what comes meanwhile for its owner only."""
    for path in readable_by_others(settings):
        try:
            log.info("file made private", path=str(path), mode=f"{make_private(path):03o}")
        except OSError as error:
            log.warning(
                "a file that tells of the household can be read by others: chmod 600 it as its owner",
                path=str(path),
                error=error.strerror,
            )
    before = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(before)
