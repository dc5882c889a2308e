"""A disk without room: what is there stays, and what was begun is gone."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.drills.stores import small_disk
from schemas.events import StateChange
from sinks.store import SqlStore, backup
from sinks.store.backup import BackupError


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    with small_disk(tmp_path) as folder:
        if not folder.is_mount():
            pytest.skip("no disk of its own can be mounted here")
        yield folder


def fill(folder: Path, *, left_bytes: int) -> Path:
    """Leave so much room."""
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - left_bytes)
    return ballast


@pytest.mark.parametrize("left_bytes", [0, 40_000, 400_000, 1_200_000, 1_500_000])
def test_a_full_disk_keeps_what_is_there_and_leaves_no_half_one(disk: Path, left_bytes: int) -> None:
    """While a backup is made and while one is restored, wherever the room ends; with room both go."""
    database, folder = disk / "ha-ai.db", disk / "backups"
    store = SqlStore(f"sqlite:///{database}")
    store.migrate()
    changes = [StateChange(each, f"light.a{each}", None, "on") for each in range(8_000)]
    with store.begin() as transaction:
        transaction.journal([(change.key, change) for change in changes], 1)
    store.close()
    copy = backup.take(database, folder)
    before = sorted(path.name for path in (*disk.iterdir(), *folder.iterdir()))
    ballast = fill(disk, left_bytes=left_bytes)
    reasons = []
    for deed in (lambda: backup.take(database, folder), lambda: backup.restore(copy, database)):
        try:
            deed()
        except BackupError as error:
            reasons.append(str(error))
    assert all("No space left" in reason or "full" in reason for reason in reasons)
    assert reasons or left_bytes == 1_500_000
    if len(reasons) == 2:
        ballast.unlink()
        assert sorted(path.name for path in (*disk.iterdir(), *folder.iterdir())) == before
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM journal").fetchone() == (8_000,)
    assert all(backup.verify(each.path) for each in backup.backups(folder))
    ballast.unlink(missing_ok=True)
    backup.restore(backup.take(database, folder), database)
