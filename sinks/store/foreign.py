"""Refuse files of other programs: not a byte of such a file or beside it is changed."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from schemas.tables import METADATA
from sinks.store.backup import backups
from sinks.store.errors import ForeignFileError, passes
from sinks.store.mark import mark_of

_NAMES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'"
_REVISION_TABLE = "alembic_version"
# SQLite keeps each table's statement as plain text, near the beginning of a file that is not garbled there.
_OURS = b"CREATE TABLE day_sets"
_LOOKED_THROUGH_BYTES = 1 << 20
_SHOWN = 3
_ADVICE = "nothing was changed: let HA_AI_DATABASE_PATH name another place"


def refuse_foreign(database: Path, backup_folder: Path | None) -> None:
    """Raise `ForeignFileError` for a file that was never a store of ours.

    Ours is what has tables of ours; where none can be read, what has our mark beside it, a backup of ours,
    or the text of a table of ours in it.

    Parameters
    ----------
    database
        The file; one that is missing or empty is nobody's.
    backup_folder
        Where backups lie; without it only tables tell.
    """
    if not database.is_file() or not database.stat().st_size:
        return
    try:
        refuse_foreign_tables(database)
    except sqlite3.Error as error:
        if passes(error) or backup_folder is None or _was_ours(database, backup_folder):
            return
        raise ForeignFileError(
            f"expected a whole SQLite file, got: {error}; {database} was never a store of ha-ai, {_ADVICE}"
        ) from error


def refuse_foreign_tables(database: Path) -> None:
    """Raise `ForeignFileError` for the database of another program: fewer than half of its tables are ours.

    Raises
    ------
    sqlite3.Error
        The names of its tables cannot be read.
    """
    names = _tables(database)
    others = sorted(names - METADATA.tables.keys())
    if 2 * len(others) > len(names):
        shown = ", ".join(others[:_SHOWN])
        raise ForeignFileError(
            f"expected a store of ha-ai at {database}, got the database of another program "
            f"(tables {shown}); {_ADVICE}"
        )


def _was_ours(database: Path, backup_folder: Path) -> bool:
    if mark_of(database).exists() or backups(backup_folder):
        return True
    with database.open("rb") as file:
        return _OURS in file.read(_LOOKED_THROUGH_BYTES)


def _tables(database: Path) -> set[str]:
    log = database.with_name(f"{database.name}-wal")
    names = _names(database)
    if not names and log.exists() and log.stat().st_size:
        # Read where it lies, SQLite would put a file beside it.
        with _copy(database, log) as copy:
            return _names(copy, how="mode=rw")
    return names


def _names(database: Path, how: str = "mode=ro&immutable=1") -> set[str]:
    address = f"file:{quote(str(database.resolve()))}?{how}"
    with closing(sqlite3.connect(address, uri=True)) as connection:
        try:
            return {row[0] for row in connection.execute(_NAMES)} - {_REVISION_TABLE}
        except UnicodeError as error:
            # Names that are no text end even the driver's own words.
            raise sqlite3.DatabaseError(f"names that are no text: {error}") from error


@contextmanager
def _copy(database: Path, log: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ha-ai-") as folder:
        for source in (database, log):
            shutil.copyfile(source, Path(folder, source.name))
        yield Path(folder, database.name)
