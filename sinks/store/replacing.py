"""Several files replaced together: after a kill anywhere all are the old ones, or all the new ones."""

import errno
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Replacement(NamedTuple):
    """A file whose new content stands ready beside it, and where the old one is kept.

    `removed` are files that belong to the old content alone, each with the place where it is kept.
    """

    draft: str
    path: str
    aside: str
    removed: tuple[tuple[str, str], ...] = ()


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
    draft = noted.with_name(f"{noted.name}.draft")
    write_private(draft, json.dumps([list(each) for each in replacements]).encode())
    draft.replace(noted)
    fsync_folder(noted.parent)
    finish(noted)


def finish(noted: Path) -> bool:
    """Go on with a replacement that was begun; whether there was one. May be called any number of times."""
    try:
        rows = json.loads(noted.read_bytes())
    except FileNotFoundError:
        return False
    for draft, path, aside, removed in rows:
        _replace(Path(draft), Path(path), Path(aside), [(Path(old), Path(kept)) for old, kept in removed])
    noted.unlink(missing_ok=True)
    fsync_folder(noted.parent)
    return True


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


def _replace(draft: Path, path: Path, aside: Path, removed: Sequence[tuple[Path, Path]]) -> None:
    """Without its draft it is done already: nothing may be moved a second time."""
    if not draft.exists():
        return
    for old, kept in removed:
        with suppress(FileNotFoundError):
            old.replace(kept)
    if path.exists() and not aside.exists():
        _keep(path, aside)
    # A log of the old content beside the new file would be taken for its own: it is gone for good first.
    fsync_folder(path.parent)
    with suppress(FileNotFoundError):
        draft.replace(path)
    fsync_folder(path.parent)


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
