"""Errors of the store, told apart by what one can do about them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

# sqlite3 raises OperationalError for a wrong statement too, which no retry heals.
_PASSING = (
    "SQLITE_BUSY",
    "SQLITE_CANTOPEN",
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_LOCKED",
    "SQLITE_NOMEM",
    "SQLITE_PROTOCOL",
    "SQLITE_READONLY",
)


class StoreError(Exception):
    """The store did not do what it was asked; nothing of the transaction was kept."""


class StoreUnavailableError(StoreError):
    """The store is locked, full or away: keep what was to be written and try again later."""


class LeaseLostError(StoreError):
    """Somebody else owns the partition now: stop, do not try again."""


class NewerStoreError(StoreError):
    """The store was written by a newer version of this program."""


class ForeignFileError(StoreError):
    """The file is none of ours: it is left as it is."""


class StoreDamagedError(StoreError):
    """The file is no store, or not whole any more; no retry heals that."""


_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
# What Python's driver says of a text that is none; SQLite itself does not look.
_NO_TEXT = "Could not decode to UTF-8"


def is_of_the_file(error: BaseException | None) -> bool:
    """Return whether an error of the driver tells of bytes that are not as they were written."""
    name = str(getattr(error, "sqlite_errorname", ""))
    return name.startswith(_DAMAGED) or _NO_TEXT in str(error)


@contextmanager
def translated() -> Iterator[None]:
    """Raise `StoreUnavailableError` for what passes by itself, `StoreDamagedError` for a bad file."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        said = error.orig if isinstance(error, DBAPIError) else error
        if is_of_the_file(said):
            raise StoreDamagedError(f"expected a whole SQLite file, got: {said}") from error
        if not passes(error, said):
            raise
        raise StoreUnavailableError(f"expected the store to be writable, got: {said}") from error


def passes(error: DBAPIError | sqlite3.Error, said: BaseException | None = None) -> bool:
    """Return whether what a driver said, here with its error in SQLAlchemy's, passes by itself."""
    name = getattr(said or error, "sqlite_errorname", None)
    if name is not None:
        return str(name).startswith(_PASSING)
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
