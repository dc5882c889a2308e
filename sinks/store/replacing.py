"""Several files replaced together: after a kill anywhere all are the old ones, or all the new ones."""

import errno
import json
import os
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

import structlog

from sinks.store.errors import StoreError
from sinks.store.mark import SUFFIX, alone, is_being_mended

# Longer than a process needs to end that was told to.
OTHERS_END_S = 20.0
_AGAIN_S = 0.5

_log = structlog.get_logger(__name__)


class Replacement(NamedTuple):
    """A file whose new content stands ready beside it, and where the old one is kept.

    `removed` are files that belong to the old content alone, each with the place where it is kept.
    """

    draft: str
    path: str
    aside: str
    removed: tuple[tuple[str, str], ...] = ()


class NoteError(ValueError):
    """The note of what is being replaced is not as it was written."""


def intention(path: Path) -> Path:
    """The file that says that a store is being replaced."""
    return path.with_name(f"{path.name}.replacing")


def replace_all(noted: Path, replacements: Iterable[Replacement]) -> None:
    """Write down what is to be replaced, and do it; from the moment it is written down it will be done.

    Parameters
    ----------
    noted
        The file that is to say what is under way; `finish` goes on with it.
    replacements
        What to replace. Every draft is whole and on the disk, in the folder of the file that it replaces.
    """
    replacements = list(replacements)
    for each in replacements:
        _expect_replaceable(Path(each.path))
    draft = noted.with_name(f"{noted.name}.draft")
    write_private(draft, json.dumps([list(each) for each in replacements]).encode())
    draft.replace(noted)
    fsync_folder(noted.parent)
    finish(noted)


def go_on(database: Path) -> str | None:
    """Go on with a replacement that was begun, once nobody else has the store open.

    Returns in words what was wrong with the note of it, which is then kept under another name.

    Raises
    ------
    StoreError
        It cannot be done as things are; says what to do.
    """
    noted, deadline = intention(database), time.monotonic() + OTHERS_END_S
    while noted.exists():
        with alone(database) as is_ours:
            if is_ours:
                return _finish_in_words(noted)
        if is_being_mended(database):
            deadline = time.monotonic() + OTHERS_END_S
        elif time.monotonic() > deadline:
            raise StoreError(
                f"expected to replace {database} as {noted.name} says, but a process has it open: end that "
                "process"
            )
        time.sleep(_AGAIN_S)
    return None


def finish(noted: Path) -> bool:
    """Go on with a replacement that was begun; whether there was one. May be called any number of times.

    Raises
    ------
    NoteError
        What it says cannot be known any more.
    """
    try:
        replacements = _read(noted)
    except FileNotFoundError:
        return False
    for each in replacements:
        removed = [(Path(old), Path(kept)) for old, kept in each.removed]
        _replace(Path(each.draft), Path(each.path), Path(each.aside), removed)
    noted.unlink(missing_ok=True)
    fsync_folder(noted.parent)
    return True


def free_name(path: Path) -> Path:
    """A name that no file has: of two that are kept in one second neither is lost."""
    names = (f"{path.name}{f'-{number}' if number else ''}" for number in count())
    return next(place for name in names if not (place := path.with_name(name)).exists())


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, in place of what is there, and make it last."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def fsync_folder(folder: Path) -> None:
    """Make what was renamed in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems know no such thing for folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _finish_in_words(noted: Path) -> str | None:
    try:
        finish(noted)
    except NoteError:
        aside = noted.with_name(f"{noted.name}.damaged")
        noted.replace(aside)
        return (
            f"a replacement of the store was begun, and the note of it is not as it was written: it is kept "
            f"as {aside.name}, and the store stays as it is; if you restored a backup, do it again "
            "(`ha-ai restore`)"
        )
    except OSError as error:
        raise StoreError(
            f"expected to go on with what {noted} says is being replaced, got: {error.filename}: "
            f"{error.strerror}; mend that as user {os.getuid()} can, and start again"
        ) from error
    return None


def _read(noted: Path) -> list[Replacement]:
    try:
        rows = json.loads(noted.read_bytes())
        if not isinstance(rows, list):
            raise TypeError(type(rows).__name__)  # noqa: TRY301 it is one of what may be wrong with it
        read = [
            Replacement(draft, path, aside, tuple((old, kept) for old, kept in removed))
            for draft, path, aside, removed in rows
        ]
        words = [
            word for each in read for word in (*each[:3], *(word for pair in each.removed for word in pair))
        ]
    except (ValueError, TypeError, LookupError, IsADirectoryError) as error:
        raise NoteError(f"expected {noted} as it was written, got: {error}") from error
    if not all(isinstance(word, str) and "\0" not in word for word in words):
        raise NoteError(f"expected names of files in {noted}, got other words")
    return read


def _expect_replaceable(path: Path) -> None:
    """Raise `OSError` for a file that is mounted by itself and cannot be written; nothing is begun yet."""
    if _is_mounted(path) and not os.access(path, os.W_OK):
        raise OSError(errno.EROFS, "it is mounted by itself, and cannot be written", str(path))


def _is_mounted(path: Path) -> bool:
    """Return whether a file is mounted by itself: such a one cannot have a second name on any file system."""
    probe = path.with_name(f".{path.name}.probe")
    try:
        probe.unlink(missing_ok=True)
        os.link(path, probe)
    except OSError as error:
        return error.errno == errno.EXDEV
    probe.unlink()
    return False


def _replace(draft: Path, path: Path, aside: Path, removed: Sequence[tuple[Path, Path]]) -> None:
    """Without its draft it is done already: nothing may be moved a second time."""
    if not draft.exists():
        return
    # First what may want room: a log that is moved away is lost to the old content.
    if path.exists() and not aside.exists():
        _keep(path, aside)
    for old, kept in removed:
        if old.name.endswith(SUFFIX):
            _empty(old, kept)
        else:
            with suppress(FileNotFoundError):
                old.replace(kept)
    # A log of the old content beside the new file would be taken for its own: it is gone for good first.
    fsync_folder(path.parent)
    try:
        draft.replace(path)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        _write_into(draft, path)
    fsync_folder(path.parent)


def _empty(mark: Path, kept: Path) -> None:
    """Keep what a mark says, and let it say nothing: it stays the same file, which we have locked."""
    if not mark.exists() or not mark.stat().st_size:
        return
    if not kept.exists():
        shutil.copyfile(mark, kept)
        kept.chmod(0o600)
    os.truncate(mark, 0)


def _write_into(draft: Path, path: Path) -> None:
    """Write the new content into a file that is mounted by itself; its draft stays until that is done."""
    _log.warning(
        "the file is mounted by itself, so it is written anew in place: mount the folder that it is in, or "
        "what lies beside it (-wal, .mark, backups) goes with the container",
        file=str(path),
    )
    with draft.open("rb") as source, path.open("r+b") as target:
        shutil.copyfileobj(source, target)
        target.truncate()
        target.flush()
        os.fsync(target.fileno())
    draft.unlink()


def _keep(path: Path, aside: Path) -> None:
    try:
        os.link(path, aside)
    except OSError:
        # Not every file system has a second name for a file.
        half = aside.with_name(f"{aside.name}.half")
        shutil.copy2(path, half)
        with half.open("rb") as file:
            os.fsync(file.fileno())
        half.replace(aside)
    aside.chmod(0o600)
