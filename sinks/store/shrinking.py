"""Giving the disk back what deleting freed. PostgreSQL does so by itself."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import structlog

from sinks.store.engine import Database
from sinks.store.errors import StoreUnavailableError

# Some free pages are used again within the hour: giving back all would cost writing them anew.
SPARE_PAGES = 1_000
PAGES_A_STEP = 1_000
SECONDS_A_CALL = 1.0
INCREMENTAL = 2
# Rewriting takes some seconds a gigabyte, and its size again on the disk, in the file and in its log.
COMPACTED_BYTES = 2 * 1024**3
ROOM_FACTOR = 3
# The log is cut only while nobody reads it: whoever asks for that does not wait for them.
CUT_WAIT_MS = 100

_log = structlog.get_logger(__name__)


def shrink(database: Database) -> None:
    """Give back what is free beyond some pages, for a second at most, and cut the write-ahead log."""
    if database.engine.dialect.name != "sqlite":
        return
    until_s = monotonic() + SECONDS_A_CALL
    with _plainly(database) as connection:
        if _pragma(connection, "auto_vacuum") == INCREMENTAL:
            while monotonic() < until_s and _pragma(connection, "freelist_count") > SPARE_PAGES:
                # Each page is a step of the statement, of which the driver's `execute` takes only the first.
                connection.executescript(f"PRAGMA incremental_vacuum({PAGES_A_STEP})")
        patience_ms = _pragma(connection, "busy_timeout")
        try:
            connection.execute(f"PRAGMA busy_timeout = {CUT_WAIT_MS}")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.execute(f"PRAGMA busy_timeout = {patience_ms}")


def compact_once(database: Database) -> None:
    """Rewrite a file of an older version once, so that it can shrink from then on, where there is room.

    Nothing but room depends on it: where it cannot be done, all goes on, and the next start tries again.
    """
    try:
        _compact(database)
    except StoreUnavailableError as error:
        _log.warning("the store's file could not be rewritten, it does not shrink", error=str(error))


def _compact(database: Database) -> None:
    path = Path(database.engine.url.database or "")
    if database.engine.dialect.name != "sqlite" or not path.is_file():
        return
    with _plainly(database) as connection:
        if _pragma(connection, "auto_vacuum") == INCREMENTAL:
            return
        size = path.stat().st_size
        if size > COMPACTED_BYTES or shutil.disk_usage(path.parent).free < ROOM_FACTOR * size:
            _log.warning("the store's file cannot shrink: no room to rewrite it once", bytes=size)
            return
        # A folder for temporary files may lie in memory, and be smaller than the store.
        os.environ.setdefault("SQLITE_TMPDIR", str(path.parent.resolve()))
        connection.execute(f"PRAGMA auto_vacuum = {INCREMENTAL}")
        connection.execute("VACUUM")


@contextmanager
def _plainly(database: Database) -> Iterator[sqlite3.Connection]:
    """A connection outside any transaction, for what SQLite does in none."""
    try:
        with closing(database.engine.raw_connection()) as raw:
            connection: Any = raw.driver_connection
            yield connection
    except sqlite3.OperationalError as error:
        raise StoreUnavailableError(f"expected the store's file to be free, got: {error}") from error


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
