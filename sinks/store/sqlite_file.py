"""The file of a SQLite store as a file: where it is, who has it open, who may read it, who wrote it."""

import fcntl
import os
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.engine import make_url

from sinks.store import migrations
from sinks.store.errors import NewerStoreError

# Every connection holds SQLite's shared lock, on these bytes, as long as it lives: file format, 2.2 and
# "WAL-mode File Format", https://www.sqlite.org/walformat.html.
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
COMPANIONS = ("", "-wal", "-shm")


def path_of(url: str) -> Path | None:
    """Return the file of a SQLite store; None for another database, or one in memory.

    Examples
    --------
    >>> path_of("sqlite:////data/ha-ai.db"), path_of("postgresql+psycopg://host/name")
    (PosixPath('/data/ha-ai.db'), None)
    """
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database and "uri" not in parsed.query
    return Path(str(parsed.database)) if is_file else None


def refuse_newer(path: Path) -> None:
    """Raise `NewerStoreError` for a store that a newer version wrote, without changing a byte of it.

    What cannot be read is passed over: others say what is wrong with it.
    """
    with suppress(OSError, sqlite3.Error):
        found = _revision(path)
        if found is not None and found not in migrations.REVISIONS:
            raise NewerStoreError(migrations.newer(found))


def is_open_elsewhere(path: Path) -> bool:
    """Whether another process of this machine has the store open, whatever a lease or a clock says.

    Not to be asked by a process that has it open itself: its own locks would end with the question.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def make_private(path: Path) -> str | None:
    """Take a file away from all but its owner; return what was changed or has to be, None if nothing.

    Raises
    ------
    PermissionError
        It is somebody else's, who has to do it.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    mode = stat.S_IMODE(found.st_mode)
    if not mode & _OTHERS:
        return None
    path.chmod(mode & ~_OTHERS)
    return f"{path} was readable by others (mode {mode:03o}); now it is its owner's only"


def _revision(path: Path) -> str | None:
    log = path.with_name(f"{path.name}-wal")
    # Without a log to read, SQLite need put nothing beside the file.
    how = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?{how}", uri=True)) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])
