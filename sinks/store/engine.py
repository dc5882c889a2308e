"""The connection to SQLite or PostgreSQL, and the little in which their SQL differs."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, Dialect, Engine, Table, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from sinks.store.checksums import summed
from sinks.store.commits import begin_counting
from sinks.store.errors import StoreError, translated
from sinks.store.mark import Mark

_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # The write-ahead log gives back what one large transaction, such as a night's pruning, made of it.
    "PRAGMA journal_size_limit = 67108864",
)
# A frozen owner in the middle of a transaction would keep the lease's row from its successor.
_IDLE = "idle_in_transaction_session_timeout=10000"
_BEGIN = "begin_statement"
_LOCK = "SELECT pg_advisory_xact_lock(hashtext(:name))"
_COUNT = "UPDATE commits SET number = number + 1 WHERE home = '' RETURNING part, number"
EVENT_US = "event_us"
_RETRY_S = 0.01
_KNOWN = frozenset({"sqlite", "postgresql"})
_log = structlog.get_logger(__name__)
_SUCH_AS = "sqlite:////data/ha-ai.db or postgresql+psycopg://user@host/name"


class Database:
    """Short transactions on one database; every error that passes by itself is a `StoreUnavailableError`.

    Parameters
    ----------
    url
        SQLAlchemy's form: ``sqlite:///ha-ai.db`` or ``postgresql+psycopg://user@host/name``.
    busy_timeout_s
        How long to wait for another writer before giving up.
    shared
        Whether nobody may mend or replace a SQLite file from the first connection on: a store that somebody
        works on, not one that is being mended.
    """

    def __init__(self, url: str, *, busy_timeout_s: float, shared: bool = False) -> None:
        parsed = address_of(url)
        self._mark: Mark | None = None
        self._counts = False
        self._revision = ""
        self.path = _path_of(parsed)
        if parsed.get_backend_name() == "sqlite":
            self.engine = create_engine(parsed, paramstyle="named", connect_args={"timeout": busy_timeout_s})
            event.listen(self.engine, "connect", partial(_set_pragmas, busy_timeout_s=busy_timeout_s))
            event.listen(self.engine, "begin", _begin)
            if shared and self.path is not None:
                event.listen(self.engine, "do_connect", self._hold_before)
        else:
            options = f"-c lock_timeout={busy_timeout_s * 1000:.0f} -c {_IDLE}"
            self.engine = create_engine(parsed, pool_pre_ping=True, connect_args={"options": options})
        self._writer: Engine = self.engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database."""
        with translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that no other writer can come between; kept whole at the end, or not at all."""
        counted = None
        with translated(), self._writer.begin() as connection:
            yield connection
            if self._counts:
                # Straight to the driver: through SQLAlchemy this took a third of a small commit.
                counted = connection.connection.cursor().execute(_COUNT).fetchone()
                event_us = connection.info.pop(EVENT_US, 0)
        if counted is not None and self._mark is not None:
            self._mark.advance(counted[0], self._revision, counted[1], event_us)

    def hold(self, *, create: bool) -> None:
        """Let nobody mend or replace the file from now on; wait for who does.

        Where there is no mark that could be locked one is made, or with `create` off nothing is.
        """
        if self.path is None or self._mark is not None:
            return
        try:
            self._mark = Mark(self.path, create=create)
        except FileNotFoundError:
            return
        except (OSError, StoreError) as error:
            _log.warning("the mark beside the store cannot be locked", error=str(error))

    def let_go(self) -> None:
        """Let others mend or replace the file; before the first connection."""
        if self._mark is not None:
            self._mark.close()
            self._mark = None

    def count_commits(self, revision: str) -> None:
        """From now on count commits in the store, and say after each in the mark how many there are."""
        if self.path is None or self._counts:
            return
        with self.writing() as connection:
            found = begin_counting(connection, self.path, revision)
        self.hold(create=False)
        self._revision = revision
        self._counts = found and self._mark is not None

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        self._counts = False
        self.let_go()

    def _hold_before(self, *_: object) -> None:
        # At the first connection, before SQLite opens the file: later ones are of the same one.
        self.hold(create=False)


def address_of(url: str) -> URL:
    """Return a store's address, proven to be one that can be used here.

    Raises
    ------
    sqlalchemy.exc.ArgumentError
        It is none, is of another kind of database, or its driver is not installed.

    Examples
    --------
    >>> address_of("sqlite:////data/ha-ai.db").database
    '/data/ha-ai.db'
    """
    parsed = make_url(url)
    if parsed.get_backend_name() not in _KNOWN:
        raise ArgumentError(f"expected an address such as {_SUCH_AS}, got {parsed.drivername}")
    try:
        parsed.get_dialect().import_dbapi()
    except ImportError as error:
        raise ArgumentError(
            f"expected the driver of {parsed.drivername} to be installed, got: {error}; an address is such "
            f"as {_SUCH_AS}"
        ) from error
    return parsed


def take_turn(connection: Connection, name: str) -> None:
    """Wait for whoever took a turn under this name; it is ours until the transaction ends.

    SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(_LOCK), {"name": name})


def insert_into(connection: Connection, table: Table) -> Any:
    """Return the dialect's own INSERT, which knows ``ON CONFLICT``."""
    return _insert(table, connection.dialect)


def upsert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows that all name the same columns, in place of those with the same keys."""
    if not rows:
        return
    rows = summed(rows, table)
    statement = insert_into(connection, table)
    values = {name: statement.excluded[name] for name in rows[0] if name not in table.primary_key}
    statement = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)
    connection.execute(statement, rows)


def add_many(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows that all name the same columns, except those whose key is known.

    Faster by a third than through SQLAlchemy's own: the values go to the driver as they are.
    """
    rows = summed(rows, table)
    connection.exec_driver_sql(_statement(table, connection.dialect, tuple(rows[0])), rows)


@lru_cache(maxsize=16)
def _statement(table: Table, dialect: Dialect, columns: tuple[str, ...]) -> str:
    statement = _insert(table, dialect).on_conflict_do_nothing()
    return str(statement.compile(dialect=dialect, column_keys=list(columns)))


def _path_of(url: URL) -> Path | None:
    """Return the path of a SQLite store that can be written; None for what is no file of ours."""
    if url.get_backend_name() != "sqlite" or not url.database or url.query or ":memory:" in url.database:
        return None
    path = Path(url.database)
    # As SQLite does, which keeps its log beside the file that a link names.
    return path.resolve() if path.is_symlink() else path


def _insert(table: Table, dialect: Dialect) -> Any:
    return import_module(f"sqlalchemy.dialects.{dialect.name}").insert(table)


def _set_pragmas(connection: sqlite3.Connection, _record: object, *, busy_timeout_s: float) -> None:
    # Left to itself the driver begins transactions late and without the write lock.
    connection.isolation_level = None
    # Counts for a file that has nothing in it yet; to one that is read only it would be a write.
    if connection.execute("PRAGMA page_count").fetchone() == (0,):
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    _write_ahead(connection, time.monotonic() + busy_timeout_s)
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _write_ahead(connection: sqlite3.Connection, deadline: float) -> None:
    # SQLite does not wait for the lock that this one needs, whatever its busy time-out: of two that
    # open a new file at once, one is refused at once.
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
