"""The administrator's token: read from its file by the deployer alone."""

import os
import stat
from pathlib import Path

LARGEST_BYTES = 4_096
SECRETS = Path("/run/secrets")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class TokenFileError(Exception):
    """The token cannot be used; says what was expected and what is there, never the token."""


def read_token(path: Path) -> str:
    """Return the token that a file holds.

    Raises
    ------
    TokenFileError
        It is missing or empty, or somebody else may read it and it is no secret that a container was given.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            content = file.read(LARGEST_BYTES)
    except OSError as error:
        raise TokenFileError(
            f"expected the administrator's token at {path}, got: {error.strerror}"
        ) from error
    if found.st_mode & _OTHERS and not path.resolve().is_relative_to(SECRETS):
        mode = stat.S_IMODE(found.st_mode)
        raise TokenFileError(
            f"expected {path} to be readable by its owner only (chmod 600), got mode {mode:03o}"
        )
    try:
        token = content.decode("ascii").strip()
    except ValueError:
        token = ""
    if not token or not token.isprintable() or " " in token:
        raise TokenFileError(f"expected a long-lived access token in {path}, got nothing of that form")
    return token
