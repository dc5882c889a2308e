"""Files with a secret, read only where nobody else can; the key that signs commands among them."""

import os
import secrets
import stat
from pathlib import Path

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
