"""A file that was never ours is refused, and neither it nor what lies beside it changes."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sinks.store import ForeignFileError, SqlStore, backup
from sinks.store.foreign import refuse_foreign
from sinks.store.mark import mark_of


def recorder(path: Path) -> None:
    """Home Assistant's own database, with nothing left in its log."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "PRAGMA journal_mode = WAL; CREATE TABLE states (a); CREATE TABLE events (a)"
        )


def killed(path: Path) -> None:
    """Another program's database as a kill leaves it: all that it holds is in its log."""
    living = path.with_name("living")
    with closing(sqlite3.connect(living)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE states (a)")
        for end in ("", "-wal"):
            shutil.copyfile(f"{living}{end}", f"{path}{end}")
    living.unlink()


def with_alembic(path: Path) -> None:
    """Another program that keeps its revisions as we do."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE alembic_version (version_num); CREATE TABLE journal (a);")
        connection.executescript("CREATE TABLE users (a); CREATE TABLE posts (a)")


def content(folder: Path) -> dict[str, bytes]:
    """What lies in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("make", [recorder, killed, with_alembic])
def test_another_programs_database_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """It gets no tables of ours, whatever lies beside it, and whoever opens it."""
    path = tmp_path / "home-assistant_v2.db"
    make(path)
    before = content(tmp_path)
    with pytest.raises(ForeignFileError, match="another program"):
        refuse_foreign(path, tmp_path)
    with pytest.raises(ForeignFileError), closing(SqlStore(f"sqlite:///{path}")) as store:
        store.migrate()
    assert content(tmp_path) == before


@pytest.mark.parametrize("held", [b"hi", b"hello" * 1000, bytes(9_000), b"SQLite format 3\0" + b"x" * 5_000])
def test_what_is_no_database_is_refused(tmp_path: Path, held: bytes) -> None:
    """A text, a picture, or whatever a person keeps there."""
    path = tmp_path / "notes"
    path.write_bytes(held)
    with pytest.raises(ForeignFileError, match="expected a whole SQLite file"):
        refuse_foreign(path, tmp_path / "backups")
    assert content(tmp_path) == {"notes": held}


@pytest.mark.parametrize("trace", ["mark", "backup", "text"])
def test_what_was_ours_is_not_refused(tmp_path: Path, trace: str) -> None:
    """Mark, backup, or the text of a table show that a file which cannot be read was ours."""
    path, backups = tmp_path / "ha-ai.db", tmp_path / "backups"
    with closing(SqlStore(f"sqlite:///{path}")) as store:
        store.migrate()
        refuse_foreign(path, None)
        if trace == "backup":
            backup.take(path, backups)
    if trace == "text":
        path.write_bytes(b"x" * 100 + path.read_bytes()[100:])
    else:
        path.write_bytes(b"garbage" * 5_000)
    if trace != "mark":
        mark_of(path).unlink()
    refuse_foreign(path, backups)
    (tmp_path / "empty").touch()
    refuse_foreign(tmp_path / "empty", backups)
    refuse_foreign(tmp_path / "missing", backups)
