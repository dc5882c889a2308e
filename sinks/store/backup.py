"""Backups of a SQLite store: one sealed file with database, manifest and what else belongs to the home."""

import fcntl
import json
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from sinks.store import migrations, sealed_file
from sinks.store.copying import copy_state, unchanging
from sinks.store.errors import NewerStoreError, StoreError
from sinks.store.integrity import file_damages
from sinks.store.manifest import DATABASE, FORMAT, MANIFEST, Manifest, describe
from sinks.store.mark import SUFFIX, alone
from sinks.store.replacing import Replacement, free_name, fsync_folder, intention, replace_all
from sinks.store.restored import settle
from sinks.store.sealed_file import SealBrokenError

LONGEST_MANIFEST = 1_000_000
# What a backup mends is in the other tables; a look at each row of the journal takes seconds of Python.
JOURNAL_ROWS = 1_000
_NAME = re.compile(r"ha-ai-(?P<home>.+)-(?P<number>\d{6,})-\d{8}T\d{6}Z(?P<kept>-kept)?\.zip")


class BackupError(StoreError):
    """A backup cannot be made, or is none; says what was expected and what came."""


class Found(NamedTuple):
    """A backup's file, as its name tells; its number grows, whatever the clock says."""

    number: int
    path: Path
    home: str
    kept: bool


def take(
    database: Path,
    folder: Path,
    *,
    home: str = "home",
    version: str = "",
    more: Mapping[str, bytes] | None = None,
    kept: bool = False,
    path: Path | None = None,
) -> Path:
    """Back a store up while others write into it, and return the backup's file once it is proven to be good.

    Parameters
    ----------
    database
        The SQLite file.
    folder
        Where backups lie; made where it is missing, for its owner only.
    home, version
        Whose it is, and what made it.
    more
        What else belongs to the home, by name: settings, the key.
    kept
        Whether it is to stay until a person deletes it.
    path
        Another name for it, in that folder.

    Raises
    ------
    BackupError
        It could not be made, or is not good; whatever was there before is as it was.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(folder):
            target = path or folder / _new_name(folder, home, kept=kept)
            if target.exists():
                raise BackupError(f"expected no file at {target}, got one: name another")
            return _take(database, target, home, version, more or {})
    except OSError as error:
        raise BackupError(f"expected to write a backup into {folder}, got: {error.strerror}") from error
    except sqlite3.Error as error:
        raise BackupError(f"expected to copy {database}, got: {error}") from error
    except SealBrokenError as error:
        raise BackupError(f"what was written is not what is on the disk: {error}") from error


def verify(copy: Path) -> Manifest:
    """Return what a backup holds if it is byte for byte what was written, and we can read it.

    What it was made of was checked by SQLite before it got its name.

    Raises
    ------
    BackupError
        It is no backup, or not whole any more.
    NewerStoreError
        A newer version of this program made it.
    """
    try:
        sealed_file.check_seal(copy)
        content = sealed_file.read_member(copy, MANIFEST, longest_bytes=LONGEST_MANIFEST)
        plain: dict[str, Any] = json.loads(content or b"{}")
        known = {each.name for each in fields(Manifest)}
        manifest = Manifest(**{name: value for name, value in plain.items() if name in known})
    except OSError as error:
        raise BackupError(f"expected a backup at {copy}, got: {error.strerror}") from error
    except (SealBrokenError, ValueError, TypeError) as error:
        raise BackupError(str(error)) from error
    if manifest.format > FORMAT or manifest.revision not in migrations.REVISIONS:
        raise NewerStoreError(
            f"expected a backup of revision {migrations.HEAD} or older, got {manifest.revision}: "
            f"version {manifest.version} made it; restore it with that version or a newer one"
        )
    return manifest


def backups(folder: Path, home: str | None = None) -> list[Found]:
    """Return the backups in a folder, or those of a home, by their names: the newest first."""
    try:
        named = [(_NAME.fullmatch(path.name), path) for path in folder.iterdir()]
    except OSError:
        return []
    found = [
        Found(int(name["number"]), path, name["home"], bool(name["kept"])) for name, path in named if name
    ]
    return sorted((each for each in found if home in (None, each.home)), reverse=True)


def latest_good(folder: Path, home: str | None = None) -> Path | None:
    """Return the newest backup that verifies, or the newest of a home; None if there is none."""
    for each in backups(folder, home):
        with suppress(StoreError):
            verify(each.path)
            return each.path
    return None


def prepare(copy: Path, database: Path) -> Path:
    """Write the store that a backup holds beside the database, proven to be whole, and return its file.

    Raises
    ------
    BackupError
        The backup is not good, or there is no room.
    NewerStoreError
        A newer version made it.
    """
    manifest = verify(copy)
    draft = database.with_name(f".{database.name}.restoring")
    try:
        _remove(draft)
        _expect(
            sealed_file.extract_member(copy, DATABASE, draft, longest_bytes=manifest.size_bytes)
            == manifest.members[DATABASE],
            "expected the store in it as it was backed up, got other bytes",
        )
        _check_whole(draft)
        settle(draft, database, name=copy.name, created_us=manifest.created_us)
        _expect(not _log_of(draft).exists(), f"expected nobody else at {draft}, but somebody has it open")
    except (OSError, sqlite3.Error, SealBrokenError, StoreError, SQLAlchemyError, ValueError) as error:
        _remove(draft)
        raise BackupError(f"{copy} cannot be restored: {error}") from error
    return draft


def restore(copy: Path, database: Path, *, beside: tuple[Replacement, ...] = ()) -> None:
    """Put a backup in the place of a store that nobody has open; what is there is kept under another name.

    After a kill anywhere the store is the old one or the new one, once `replacing.finish` was called.

    Parameters
    ----------
    copy
        The backup.
    database
        The SQLite file to replace.
    beside
        What is to be replaced with it, such as the key.

    Raises
    ------
    BackupError
        The backup is not good, or there is no room; nothing was changed.
    NewerStoreError
        A newer version made it.
    """
    draft = prepare(copy, database)
    with alone(database) as is_ours:
        _expect(is_ours, f"expected nobody at work on {database}, but a process has it open: end it first")
        replace_all(intention(database), [*beside, replacement(draft, database, stamp())])


def replacement(draft: Path, database: Path, at: str) -> Replacement:
    """Describe how a store's file, and what belongs to it alone, is replaced."""
    draft, database = draft.absolute(), database.absolute()
    aside = free_name(database.with_name(f"{database.name}.before-{at}"))
    removed = tuple((f"{database}{end}", f"{aside}{end}") for end in ("-wal", "-shm", SUFFIX))
    return Replacement(str(draft), str(database), str(aside), removed)


def stamp() -> str:
    """Now, as it stands in names of files."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"


def _take(database: Path, target: Path, home: str, version: str, more: Mapping[str, bytes]) -> Path:
    copy, draft = (target.with_name(f".{target.name}.{end}") for end in ("copy", "partial"))
    try:
        copy_state(database, copy)
        _check_whole(copy)
        manifest = describe(copy, home, version, more)
        if manifest.revision == migrations.HEAD:
            _check_rows(copy)
        texts = {MANIFEST: json.dumps(asdict(manifest), indent=1).encode(), **more}
        sealed_file.write_sealed(draft, {DATABASE: copy}, texts)
        if (
            verify(draft) != manifest
            or sealed_file.member_digest(draft, DATABASE) != manifest.members[DATABASE]
        ):
            raise BackupError(
                f"expected to read from {target.parent} what was written there, got other bytes"
            )
        draft.rename(target)
        fsync_folder(target.parent)
    finally:
        _remove(copy)
        draft.unlink(missing_ok=True)
    return target


def _check_whole(copy: Path) -> None:
    with unchanging(copy) as connection:
        said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    _expect(said == "ok", f"expected a whole store, got: {said}; `ha-ai check` says what to do")


def _check_rows(copy: Path) -> None:
    """A backup has to hold what a damaged row is mended with: it must not have the damage itself."""
    damage = next(file_damages(copy, journal_rows=JOURNAL_ROWS), None)
    if damage is not None:
        raise BackupError(
            f"expected every row of the store as it was written, got {damage.table} {damage.name}: "
            f"{damage.reason}; the next start of `ha-ai run` mends it"
        )


def _expect(fulfilled: bool, otherwise: str) -> None:  # noqa: FBT001 it reads as an assertion
    if not fulfilled:
        raise BackupError(otherwise)


def _log_of(database: Path) -> Path:
    return database.with_name(f"{database.name}-wal")


def _new_name(folder: Path, home: str, *, kept: bool) -> str:
    number = max((each.number for each in backups(folder)), default=0) + 1
    return f"ha-ai-{home}-{number:06d}-{stamp()}{'-kept' if kept else ''}.zip"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Make backups in a folder one at a time; what a kill left of earlier ones is removed."""
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if _is_locked(descriptor, folder):
            for left in (*folder.glob(".ha-ai-*.zip.copy*"), *folder.glob(".ha-ai-*.zip.partial")):
                left.unlink(missing_ok=True)
        yield
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int, folder: Path) -> bool:
    """Return whether the file is locked now: some network file systems know no locks, and names differ."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BackupError(f"another backup is being made in {folder}: wait for it") from error
    except OSError:
        return False
    return True


def _remove(database: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        database.with_name(f"{database.name}{end}").unlink(missing_ok=True)
