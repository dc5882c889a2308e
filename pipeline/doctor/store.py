"""Checks of the store: it can be written, is whole, has room, is of our version; its rows and its days."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, func, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from pipeline.doctor.finding import Finding, ok, warning, wrong
from pipeline.doctor.owners import check_owners
from pipeline.runtime.belongings import backup_folder, database_file
from pipeline.settings import Settings
from pipeline.timing.clock import wall_us
from pipeline.wording.sentences import counted
from schemas.instants import from_us
from schemas.tables import DaySetRow, QuarantineRow, table_of
from sinks.store import ForeignFileError, StoreError, audit, migrations
from sinks.store.damaged_file import COMPANIONS
from sinks.store.engine import Database, address_of
from sinks.store.foreign import refuse_foreign
from sinks.store.integrity import file_damages
from sinks.store.mark import SUFFIX, mark_of
from sinks.store.mending import Said
from sinks.store.retention import overdue
from sinks.store.sqlite_file import revision_of

CHECK = "store"
LITTLE_BYTES = 1024**3
TOO_LITTLE_BYTES = 100 * 1024**2
TIMEOUT_S = 5.0
SERVER = "Restore a dump of it; `ha-ai backup` says how one is made."
FOREIGN = (
    "Name a file that ha-ai makes itself. If this was its store, damaged beyond knowing it: move it away and "
    "restore a backup with ha-ai restore."
)


def check_store(settings: Settings, *, full: bool = False) -> Iterator[Finding]:
    """Look at the store without writing into it; at every page and index of it if that is wanted."""
    try:
        url = address_of(settings.store_url)
    except ArgumentError as error:
        yield wrong(
            CHECK,
            f"HA_AI_DATABASE_URL is no address of a database that is known: {error}",
            "Such as sqlite:////data/ha-ai.db, or unset it and set HA_AI_DATABASE_PATH.",
        )
        return
    if url.get_backend_name() != "sqlite":
        place = url.render_as_string(hide_password=True)
        yield from _look_inside(settings.store_url, place, SERVER, full=full)
        return
    path = Path(url.database or "").resolve()
    try:
        refuse_foreign(path, backup_folder(settings))
    except ForeignFileError as error:
        yield wrong(CHECK, str(error), FOREIGN)
        return
    unwritable = _unwritable(path)
    if unwritable is not None:
        yield unwritable
        return
    yield _room(path.parent)
    revision = revision_of(path) if path.exists() else None
    if revision is not None and revision not in migrations.REVISIONS:
        # To look further inside could change how it keeps its journal.
        yield _version(revision, str(path))
    elif path.exists():
        yield from _look_inside(read_only_url(path), str(path), _restoring(path), full=full)
    else:
        yield ok(CHECK, f"{path} does not exist yet, and can be made")


def read_only_url(path: Path) -> str:
    """The address of a SQLite file that is to be read beside whoever writes it.

    Examples
    --------
    >>> read_only_url(Path("/data/ha-ai.db"))
    'sqlite:///file%3A/data/ha-ai.db?mode=ro&uri=true'
    """
    # Quoted twice: SQLAlchemy's address holds SQLite's.
    address = URL.create(
        "sqlite", database=f"file:{quote(str(path.resolve()))}", query={"mode": "ro", "uri": "true"}
    )
    return address.render_as_string(hide_password=False)


def _restoring(path: Path) -> str:
    """Say how to restore a damaged file; what lies beside it would be taken for the new one's."""
    beside = ", ".join(f"{path.name}{end}" for end in (*COMPANIONS, SUFFIX))
    return (
        "Restore a backup with ha-ai restore (ha-ai check shows them). To begin anew, stop `ha-ai run` and "
        f"move {path.name} away with what lies beside it: {beside}."
    )


def _unwritable(path: Path) -> Finding | None:
    if not path.parent.is_dir():
        return wrong(CHECK, f"the directory {path.parent} does not exist", f"mkdir -p {path.parent}")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        who = f"user {os.getuid()}"
        return wrong(
            CHECK, f"{who} cannot write into {path.parent}: {error.strerror}", "Give it the right to."
        )
    for each in (path, mark_of(path)):
        if each.exists() and not os.access(each, os.R_OK | os.W_OK):
            return wrong(CHECK, f"user {os.getuid()} cannot write {each}", "Give it the right to.")
    return None


def _room(directory: Path) -> Finding:
    free = shutil.disk_usage(directory).free
    said = f"{free / 1024**3:.1f} GiB free at {directory}"
    if free < TOO_LITTLE_BYTES:
        return wrong("space", said, "Make room: a full disk stops learning until there is some.")
    if free < LITTLE_BYTES:
        return warning("space", said, "Make room: a busy home needs some hundred MiB a year.")
    return ok("space", said)


def _look_inside(url: str, place: str, advice: str, *, full: bool) -> Iterator[Finding]:
    database = Database(url, busy_timeout_s=TIMEOUT_S)
    try:
        with database.reading() as connection:
            yield from _damage(connection, place, advice, full=full)
            revision = migrations.revision(connection)
            yield _version(revision, place)
            if revision == migrations.HEAD:
                yield from _tampering(connection)
                yield from check_owners(connection)
        if revision == migrations.HEAD:
            yield from check_times(database, wall_us())
    except (StoreError, SQLAlchemyError, UnicodeError) as error:
        detail = str(getattr(error, "orig", error))
        yield wrong(CHECK, f"{place} cannot be read: {detail}", advice)
    finally:
        database.close()


def _damage(connection: Connection, place: str, advice: str, *, full: bool) -> Iterator[Finding]:
    if connection.dialect.name == "sqlite":
        check = "integrity_check" if full else "quick_check"
        said = str(connection.execute(text(f"PRAGMA {check}(1)")).scalar())
        if said != "ok":
            yield wrong(CHECK, f"{place} is damaged: {said}", advice)


def _tampering(connection: Connection) -> Iterator[Finding]:
    """Say if the record of who did what is not as it was written."""
    for home in audit.homes(connection):
        fault = audit.fault(connection, home)
        if fault is not None:
            yield wrong(
                "audit", f"the audit log of {home} was changed: {fault}", "Compare it with a backup's."
            )


def _version(revision: str | None, place: str) -> Finding:
    if revision is None:
        return ok(CHECK, f"{place} is empty; the first start makes its tables")
    if revision not in migrations.REVISIONS:
        return wrong(
            CHECK,
            f"{place} was written by a newer version (revision {revision}, this one knows {migrations.HEAD})",
            "Run that version, or restore a backup from before the upgrade.",
        )
    if revision != migrations.HEAD:
        return ok(CHECK, f"{place} is of revision {revision}; the next start brings it to {migrations.HEAD}")
    return ok(CHECK, f"{place} is whole, revision {revision}")


ROWS = "rows"
SHOWN = 3


def check_rows(settings: Settings) -> Iterator[Finding]:
    """Compare every row of a SQLite store with its checksum."""
    database = database_file(settings)
    if database is None or revision_of(database) != migrations.HEAD:
        return
    try:
        yield _rows(database)
    except sqlite3.Error as error:
        yield wrong(ROWS, f"not all of them can be read: {error}", "Stop `ha-ai run` and start it: it mends.")


def told(said: list[Said]) -> Iterator[Finding]:
    """Say what was damaged and mended, until a person has taken note of it."""
    for each in said:
        place = f"{each.table_name} {each.row_key}".strip()
        yield warning(
            "damage",
            f"{from_us(each.found_us):%Y-%m-%d %H:%M} UTC, {place}: {each.mended}",
            "Look after the disk; `ha-ai check --acknowledge` ends this notice.",
        )


def _rows(database: Path) -> Finding:
    found = list(file_damages(database))
    if not found:
        return ok(ROWS, "each is as it was written")
    some = "; ".join(f"{each.table} {each.name}: {each.reason}" for each in found[:SHOWN])
    return wrong(
        ROWS,
        f"{counted(len(found), 'row')} not as written: {some}",
        "Stop `ha-ai run` and start it: the start mends them from journal and backups. Look after the disk.",
    )


DAYS = "days"
QUARANTINE = "quarantine"
_DAYS = table_of(DaySetRow)
_QUARANTINE = table_of(QuarantineRow)


def check_times(database: Database, now_us: int) -> Iterator[Finding]:
    """Look at each home's days and at what waits for the clock."""
    with database.reading() as connection:
        homes = connection.execute(select(_DAYS.c.home).distinct().order_by(_DAYS.c.home)).scalars().all()
        waiting = connection.execute(
            select(_QUARANTINE.c.reason, func.count()).group_by(_QUARANTINE.c.reason)
        )
        reasons = {str(reason): int(count) for reason, count in waiting}
    for home in homes:
        yield from _check_days(database, home, now_us)
    if reasons:
        total = counted(sum(reasons.values()), "event")
        why = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in sorted(reasons.items()))
        yield warning(
            QUARANTINE,
            f"{total} whose time the clock does not believe ({why})",
            "Set this machine's clock and Home Assistant's, by NTP: what is true then is learned by itself.",
        )


def _check_days(database: Database, home: str, now_us: int) -> Iterator[Finding]:
    found = overdue(database, home, now_us)
    past, ahead = found
    if found.is_much:
        yield warning(
            DAYS,
            f"{counted(len(past), 'day')} of {home} from {past[0]} to {past[-1]} still there past their age",
            "`ha-ai prune` says why; `ha-ai prune --yes` deletes them.",
        )
    if ahead:
        yield warning(
            DAYS,
            f"{counted(len(ahead), 'day')} of {home} from {ahead[0]} on lie after today: a clock was wrong",
            "Compare this machine's clock with Home Assistant's, and set both by NTP.",
        )
    if not found.is_much and not ahead:
        yield ok(DAYS, f"no day of {home} is overdue")
