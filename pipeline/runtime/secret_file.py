"""Files with a secret: read only where nobody else can read or change them."""

import os
import stat
from pathlib import Path

SECRETS = Path("/run/secrets")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ROOT = 0


class SecretFileError(Exception):
    """A secret that cannot be used; says what was expected and what is there, never the secret."""


def read_secret(path: Path, what: str, *, longest_bytes: int) -> bytes:
    """Return what a file holds, at most so much of it.

    Only its owner may get at it, and that is root or ourselves; a secret that a container was given is taken
    as it is.

    Raises
    ------
    SecretFileError
        It is missing, no file, or somebody else's.
    """
    try:
        with path.open("rb") as file:
            _check(path, os.fstat(file.fileno()))
            return file.read(longest_bytes)
    except OSError as error:
        raise SecretFileError(f"expected {what} at {path}, got: {error.strerror}") from error


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise SecretFileError(f"expected a file at {path}, got something else")
    if path.resolve().is_relative_to(SECRETS):
        return
    if found.st_mode & _OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise SecretFileError(
            f"expected {path} to be readable by its owner only (chmod 600), got mode {mode:03o}"
        )
    if found.st_uid not in {_ROOT, os.geteuid()}:
        raise SecretFileError(
            f"expected {path} to belong to root or to user {os.geteuid()}, got user {found.st_uid}"
        )
