"""The store's revisions, and the way from one to the next.

Alembic is imported only for a store that is behind: it costs 12 MB in a process that stays. A new store is
made from the tables themselves; a test holds them equal to what the revisions make.

A table's change is a change in ``schemas/tables.py`` and a new file ``versions/<number>_<what>.py``, never an
edit of an older one.
"""

from importlib import import_module
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from schemas.tables import METADATA
from sinks.store.engine import Database
from sinks.store.errors import NewerStoreError

FOLDER = Path(__file__).parent
REVISIONS = sorted(path.stem.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))
HEAD = REVISIONS[-1]
_ADVISORY_LOCK = 0x68612D6169  # "ha-ai"


def migrate(database: Database) -> None:
    """Bring a database to `HEAD`; refuse one that is beyond it."""
    with database.reading() as connection:
        current = revision(connection)
    if current == HEAD:
        return
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
        current = revision(connection)
        if current is None:
            _create(connection)
        elif current not in REVISIONS:
            raise NewerStoreError(newer(current))
        elif current != HEAD:
            upgrade(connection)


def newer(found: str) -> str:
    """Return the message about a store that a newer version wrote."""
    return (
        f"expected a store of revision {HEAD} or older, got {found}: a newer version wrote it; "
        "run that version, or restore a backup from before the upgrade"
    )


def revision(connection: Connection) -> str | None:
    """Return the revision of the database; None if there are no tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the revisions up to `to` inside the connection's transaction."""
    command = import_module("alembic.command")
    config = import_module("alembic.config").Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _create(connection: Connection) -> None:
    METADATA.create_all(connection)
    connection.execute(
        text(
            "CREATE TABLE alembic_version ("
            "version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
