"""The mark beside a SQLite file: what the file must hold at least, so that what was lost shows.

The file cannot tell that its newest commits are gone, or that it was emptied. Every commit counts itself in
the table `commits`, and the number goes into the mark after it, without waiting for the disk: a mark may be
behind the store, and is ahead of it only where commits were lost.
"""

import errno
import fcntl
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import structlog

from sinks.store.errors import StoreError

SUFFIX = ".mark"
_LINE_BYTES = 80
_FILE_MODE = 0o600

_log = structlog.get_logger(__name__)


class Marked(NamedTuple):
    """Contents of a mark: the store's id and revision, its number of commits, its latest event time."""

    id: str
    revision: str
    commits: int
    event_us: int


class MarkError(ValueError):
    """The mark is not as it was written."""


def mark_of(database: Path) -> Path:
    """Return where the mark of a SQLite file is.

    Examples
    --------
    >>> mark_of(Path("/data/ha-ai.db")).name
    'ha-ai.db.mark'
    """
    return database.with_name(database.name + SUFFIX)


def read_mark(database: Path) -> Marked | None:
    """Return what the mark says; None if there is none, or it was never written.

    Raises
    ------
    MarkError
        It is not as it was written.
    StoreError
        We may not read it.
    """
    try:
        content = mark_of(database).read_bytes()
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise _denied(database, error) from error
    if not content:
        return None
    try:
        name, revision, commits = _read_line(content[:_LINE_BYTES])
        (event_us,) = _read_line(content[_LINE_BYTES:])
        return Marked(name, revision, int(commits), int(event_us))
    except ValueError as error:
        raise MarkError(
            f"expected the mark at {mark_of(database)} as it was written, got other bytes"
        ) from error


def write_mark(database: Path, marked: Marked) -> None:
    """Write the mark in place of what is there: it stays the same file, which others may have open."""
    descriptor = _open(database, os.O_CREAT)
    try:
        content = _first_line(marked.id, marked.revision, marked.commits) + _line(str(marked.event_us))
        os.pwrite(descriptor, content, 0)
        os.ftruncate(descriptor, len(content))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Mark:
    """The mark of a store that this process has open; it moves forward only.

    While a process has it open, nobody mends the file under it: `alone` waits for that.
    """

    def __init__(self, database: Path, *, create: bool = False) -> None:
        self._descriptor = _open(database, os.O_CREAT if create else 0)
        self._commits = 0
        self._event_us = 0
        self._failed = False
        if not _is_locked(database, self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB):
            _log.warning("the store is being mended or restored: waiting for that", store=str(database))
            _is_locked(database, self._descriptor, fcntl.LOCK_SH)

    def advance(self, store_id: str, revision: str, commits: int, event_us: int) -> None:
        """Say what was committed; some microseconds. A mark that cannot be written holds nothing up."""
        try:
            if commits > self._commits:
                self._commits = commits
                os.pwrite(self._descriptor, _first_line(store_id, revision, commits), 0)
            if event_us > self._event_us:
                self._event_us = event_us
                os.pwrite(self._descriptor, _line(str(event_us)), _LINE_BYTES)
        except OSError as error:
            if not self._failed:
                self._failed = True
                _log.warning("the mark beside the store was not written", error=str(error))

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


@contextmanager
def alone(database: Path) -> Iterator[bool]:
    """Keep others from opening the store for as long; gives whether nobody has it open."""
    descriptor = _open(database, os.O_CREAT)
    try:
        yield _is_locked(database, descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


def is_being_mended(database: Path) -> bool:
    """Return whether somebody has the store for itself; who merely works on it shares it."""
    descriptor = _open(database, os.O_CREAT)
    try:
        return not _is_locked(database, descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


def _is_locked(database: Path, descriptor: int, how: int) -> bool:
    """Lock the mark; whether nobody else keeps us from it.

    A file system without locks cannot tell: to look is better than never to look.
    """
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        return False
    except PermissionError:
        # So says a share of Windows of a lock that somebody else has; a rule of the machine says it of any.
        return _is_every_lock_denied(database.parent)
    except OSError:
        return True
    return True


def _is_every_lock_denied(folder: Path) -> bool:
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            _log.warning("no file can be locked: two processes may mend one store", folder=str(folder))
            return error.errno == errno.EACCES
    return False


def _open(database: Path, flags: int = 0) -> int:
    try:
        return os.open(mark_of(database), os.O_RDWR | flags, _FILE_MODE)
    except PermissionError as error:
        raise _denied(database, error) from error


def _denied(database: Path, error: OSError) -> StoreError:
    """Return the error for a mark, or a folder for it, that is somebody else's, as a person is told it."""
    return StoreError(
        f"expected to read and write {mark_of(database)}, got: {error.strerror}; as when ha-ai ran as "
        f"another user before: give what is in {database.parent} to user {os.getuid()} (chown)"
    )


def _first_line(store_id: str, revision: str, commits: int) -> bytes:
    return _line(f"{store_id} {revision} {commits}")


def _line(said: str) -> bytes:
    r"""One line of a fixed length, which is written in one go.

    Examples
    --------
    >>> _line("12").split()
    [b'12', b'4f5344cd']
    """
    checked = f"{said} {zlib.crc32(said.encode()):08x}"
    return checked.ljust(_LINE_BYTES - 1).encode() + b"\n"


def _read_line(line: bytes) -> list[str]:
    *said, check = line.decode("ascii").split()
    if line != _line(" ".join(said)) or not check:
        raise ValueError(line)
    return said
