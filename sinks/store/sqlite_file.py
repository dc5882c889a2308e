"""The file of a SQLite store as a file: where it is, who has it open, who may read it, who wrote it."""

import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from schemas.tables import METADATA
from sinks.store import migrations
from sinks.store.errors import NewerStoreError
from sinks.store.mark import MarkError, read_mark

# Every connection holds SQLite's shared lock, on these bytes, as long as it lives: file format, 2.2 and
# "WAL-mode File Format", https://www.sqlite.org/walformat.html.
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def path_of(url: str) -> Path | None:
    """Return the file of a SQLite store; None for another database, one in memory, or no address at all.

    Examples
    --------
    >>> path_of("sqlite:////data/ha-ai.db"), path_of("postgresql+psycopg://host/name")
    (PosixPath('/data/ha-ai.db'), None)
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        return None
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database and "uri" not in parsed.query
    return followed(Path(str(parsed.database))) if is_file else None


def followed(path: Path) -> Path:
    """Return the file that a link names: SQLite keeps its log beside that, not beside the link."""
    return path.resolve() if path.is_symlink() else path


def refuse_newer(path: Path) -> None:
    """Raise `NewerStoreError` for a store that a newer version wrote, without changing a byte of it.

    What cannot be read is passed over: others say what is wrong with it.
    """
    found = revision_of(path)
    if found is not None and found not in migrations.REVISIONS:
        raise NewerStoreError(migrations.newer(found))


def refuse_newer_whole(path: Path) -> None:
    """Leave a newer version's store alone, before anything here opens it to write.

    Where the mark says that it is of our revision, and its tables are ours to the last column, its revision
    was damaged. A newer version that was killed before it could write the mark has changed tables.
    """
    with suppress(MarkError):
        marked = read_mark(path)
        if marked is not None and marked.revision == migrations.HEAD and _has_our_tables(path):
            return
    refuse_newer(path)


def _has_our_tables(path: Path) -> bool:
    """Return whether a store has the tables and columns of our revision and no others, as far as seen."""
    try:
        with looking_into(path) as connection:
            names = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'"
            )
            found = {
                name: {row[1] for row in connection.execute(f'PRAGMA table_info("{name}")')}
                for (name,) in names.fetchall()
                if name != "alembic_version"
            }
    except (OSError, sqlite3.Error):
        return True
    return found == {name: {*table.columns.keys()} for name, table in METADATA.tables.items()}


def is_open_elsewhere(path: Path) -> bool:
    """Return whether another process of this machine has the store open, whatever a lease or a clock says.

    Not to be asked by a process that has it open itself: its own locks would end with the question.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
    except (BlockingIOError, PermissionError):
        # The second is what a share of Windows says of a lock that somebody else has.
        return True
    finally:
        os.close(descriptor)
    return False


def is_for_others(path: Path) -> bool:
    """Return whether others than its owner have access to a file."""
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False


def make_private(path: Path) -> int:
    """Take a file away from all but its owner, and return the mode that it had.

    Raises
    ------
    PermissionError
        It is somebody else's, who has to do it.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    path.chmod(mode & ~_OTHERS)
    return mode


@contextmanager
def looking_into(path: Path) -> Iterator[sqlite3.Connection]:
    """A store to be looked into; not a byte of it is changed.

    Without a log to read, SQLite need put nothing beside the file.
    """
    log = path.with_name(f"{path.name}-wal")
    how = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?{how}", uri=True)) as connection:
        try:
            yield connection
        except UnicodeError as error:
            # Names that are no text end even the driver's own words.
            raise sqlite3.DatabaseError(f"names that are no text: {error}") from error


def revision_of(path: Path) -> str | None:
    """Return the revision of a store; None where none can be read."""
    with suppress(OSError, sqlite3.Error), looking_into(path) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else str(row[0])
    return None
