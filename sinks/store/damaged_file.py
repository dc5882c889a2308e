"""A damaged SQLite file as a file: opened as far as that goes, copied, and put aside for a new one."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection
from sqlalchemy.engine import URL

from sinks.store.engine import Database
from sinks.store.errors import StoreDamagedError
from sinks.store.replacing import Replacement, free_name, intention, replace_all

# Each may be as large as the store: a disk that damages it every day must not be filled by that.
KEPT_ASIDE = 3
COMPANIONS = ("-wal", "-shm")
_HOMES = "SELECT home FROM day_sets UNION SELECT home FROM journal UNION SELECT home FROM snapshots"


@contextmanager
def opened(database: Path) -> Iterator[Connection]:
    """Write into a file in one transaction, without counting it; the file is closed after it."""
    address = URL.create("sqlite", database=str(database)).render_as_string(hide_password=False)
    file = Database(address, busy_timeout_s=5)
    try:
        with file.writing() as connection:
            yield connection
    finally:
        file.close()


def is_readable(database: Path) -> bool:
    """Return whether a file can be opened at all; one that is locked can."""
    try:
        address = f"file:{quote(str(database.resolve()))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        return error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    except UnicodeError:
        return False
    return True


def mend_indexes(database: Path) -> None:
    """Make every index anew from its table.

    Raises
    ------
    StoreDamagedError
        While an index was damaged a row came in twice: none can be made over both.
    """
    with closing(sqlite3.connect(database, timeout=5.0)) as connection:
        try:
            connection.execute("REINDEX")
        except sqlite3.IntegrityError as error:
            raise StoreDamagedError(str(error)) from error


def last_event(connection: Connection) -> int:
    """Return the latest event time in the journal, in microseconds; 0 if it is empty."""
    return int(connection.exec_driver_sql("SELECT max(at_us) FROM journal").scalar() or 0)


def homes(connection: Connection) -> list[str]:
    """Return the homes that the store tells of."""
    return [row[0] for row in connection.exec_driver_sql(_HOMES) if isinstance(row[0], str)]


@contextmanager
def scratch_beside(database: Path) -> Iterator[Path]:
    """A folder beside the store, on the same disk; those that a kill left are removed."""
    prefix = f".{database.name}.mending-"
    for left in database.parent.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=database.parent) as folder:
        yield Path(folder)


def copied(database: Path, scratch: Path) -> bool:
    """Copy a file and its log; whether there is anything in it."""
    if not database.exists() or not database.stat().st_size:
        return False
    for end in ("", "-wal"):
        source = database.with_name(database.name + end)
        if source.exists():
            shutil.copyfile(source, scratch.with_name(scratch.name + end))
    return True


def put_aside(database: Path, draft: Path, now_us: int) -> Path:
    """Put a file in the place of the damaged one, and return where that is kept; of many the newest three.

    After a kill anywhere it is done, or goes on at the next start.
    """
    draft.chmod(0o600)
    # The next start may run in another folder.
    database = database.absolute()
    beside = database.with_name(f".{database.name}.rebuilt")
    draft.replace(beside)
    aside = free_name(
        database.with_name(
            f"{database.name}.damaged-{datetime.fromtimestamp(now_us / 1e6, UTC):%Y%m%dT%H%M%SZ}"
        )
    )
    removed = tuple((f"{database}{end}", f"{aside}{end}") for end in COMPANIONS)
    replace_all(intention(database), [Replacement(str(beside), str(database), str(aside), removed)])
    found = database.parent.glob(f"{database.name}.damaged-*")
    for old in sorted(path for path in found if not path.name.endswith(COMPANIONS))[:-KEPT_ASIDE]:
        for end in ("", *COMPANIONS):
            old.with_name(old.name + end).unlink(missing_ok=True)
    return aside
