"""The databases that sinks are tried on."""

import importlib.util
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

Lock = Callable[[], AbstractContextManager[None]]
_numbers = count()


def find_initdb() -> Path | None:
    """Return where PostgreSQL's server is installed; Debian puts it where no PATH looks."""
    named = shutil.which("initdb")
    found = [Path(named)] if named else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1] if found else None


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """A PostgreSQL server of the tests' own, on a socket in a folder; the URL takes a database's name."""
    initdb = find_initdb()
    if initdb is None:
        pytest.skip("PostgreSQL's server is not installed")
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed")
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="ha-ai-postgresql-"))
    if user:
        shutil.chown(folder, user)

    def run(*command: object) -> None:
        subprocess.run(
            [str(part) for part in command],
            check=True,
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            timeout=60,
        )

    run(initdb, "-D", folder / "cluster", "-A", "trust", "-U", "ha", "-N", "-E", "UTF8")
    server = (initdb.with_name("pg_ctl"), "-D", folder / "cluster", "-w")
    run(*server, "-l", folder / "log", "-o", f"-F -h '' -k {folder}", "start")
    yield f"postgresql+psycopg://ha@/{{name}}?host={folder}"
    run(*server, "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An SQLite database that is not there yet."""
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def postgresql_url(postgresql_server: str) -> str:
    """An empty PostgreSQL database."""
    name = f"store_{next(_numbers)}"
    engine = create_engine(postgresql_server.format(name="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return postgresql_server.format(name=name)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty database: once SQLite, once PostgreSQL."""
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
def lock() -> Callable[[str], Lock]:
    """Return what keeps every writer out of a database for a while."""

    def lock_of(url: str) -> Lock:
        return lambda: _locked_sqlite(url) if url.startswith("sqlite") else _locked_postgresql(url)

    return lock_of


@contextmanager
def _locked_sqlite(url: str) -> Iterator[None]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def _locked_postgresql(url: str) -> Iterator[None]:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE journal, outbox, leases IN EXCLUSIVE MODE"))
        yield
    engine.dispose()
