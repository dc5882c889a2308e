"""The file with the key that signs commands."""

import os
import secrets
import stat
from pathlib import Path

from pipeline.runtime.secret_file import SecretFileError, read_secret

KEY_BYTES = 32
LARGEST_BYTES = 1_024


class KeyFileError(Exception):
    """The key cannot be used; says what was expected and what is there."""


def load_key(path: Path, *, create: bool) -> bytes:
    """Return the key that a file holds as 64 hexadecimal digits.

    Of several processes that make it at once all get the same one, and none sees half of it: it appears
    under its name when it is whole.

    Parameters
    ----------
    path
        The file; only its owner may read it, unless it is a secret that a container was given.
    create
        Make it where it is missing.

    Raises
    ------
    KeyFileError
        It is missing and not to be made, somebody else may get at it, or it holds no key.
    """
    if create and not path.exists():
        _make(path)
    try:
        content = read_secret(path, "the key that signs commands", longest_bytes=LARGEST_BYTES)
    except SecretFileError as error:
        raise KeyFileError(str(error)) from error.__cause__
    return _key(path, content)


def _make(path: Path) -> None:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_hex(KEY_BYTES).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            _publish(draft, path)
        finally:
            draft.unlink()
    except OSError as error:
        raise KeyFileError(f"expected to make a key at {path}, got: {error.strerror}") from error


def _publish(draft: Path, path: Path) -> None:
    """Give the whole key its name, unless another process was first."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return


def _key(path: Path, content: bytes) -> bytes:
    try:
        key = bytes.fromhex(content.decode("ascii").strip())
    except ValueError as error:
        raise KeyFileError(f"expected 64 hexadecimal digits in {path}, got something else") from error
    if len(key) != KEY_BYTES:
        raise KeyFileError(f"expected {KEY_BYTES} bytes of key in {path}, got {len(key)}")
    return key
