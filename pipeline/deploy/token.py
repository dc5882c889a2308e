"""The administrator's token: read from its file by the deployer alone."""

from pathlib import Path

from pipeline.runtime.key_file import SecretFileError, read_secret

LARGEST_BYTES = 4_096


class TokenFileError(Exception):
    """The token cannot be used; says what was expected and what is there, never the token."""


def read_token(path: Path) -> str:
    """Return the token that a file holds.

    Raises
    ------
    TokenFileError
        It is missing or empty, or somebody else may get at it.
    """
    try:
        content = read_secret(path, "the administrator's token", longest_bytes=LARGEST_BYTES)
    except SecretFileError as error:
        raise TokenFileError(str(error)) from error
    try:
        token = content.decode("ascii").strip()
    except ValueError:
        token = ""
    if not token or not token.isprintable() or " " in token:
        raise TokenFileError(f"expected a long-lived access token in {path}, got nothing of that form")
    return token
