"""Nonces that were taken a moment ago and count once, so that a flood of them need not be looked up."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

AT_MOST = 10_000
NONCE_BYTES = 16


def new_nonce() -> str:
    """Draw what makes a command count once: 128 random bits, in hexadecimal digits."""
    return secrets.token_hex(NONCE_BYTES)


class Taken:
    """Nonces that were taken last; the store knows them all, and longer.

    Parameters
    ----------
    at_most
        How many are known; the oldest are forgotten.

    Examples
    --------
    >>> taken = Taken()
    >>> with taken.once("a") as is_first:
    ...     print(is_first)
    True
    >>> with taken.once("a") as is_first:
    ...     print(is_first)
    False
    """

    def __init__(self, at_most: int = AT_MOST) -> None:
        self._at_most = at_most
        self._nonces: dict[str, None] = {}

    @contextmanager
    def once(self, nonce: str) -> Iterator[bool]:
        """Take a nonce; whether it was not known. Where that fails, it was not taken."""
        if nonce in self._nonces:
            yield False
            return
        self._nonces[nonce] = None
        if len(self._nonces) > self._at_most:
            del self._nonces[next(iter(self._nonces))]
        try:
            yield True
        except BaseException:
            self._nonces.pop(nonce, None)
            raise
