"""Check a SQLite store before anybody opens it, and mend it where it is damaged."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound

from schemas.instants import from_us
from schemas.tables import GapRow, table_of
from sinks.store import migrations
from sinks.store.damaged_file import (
    copied,
    homes,
    is_readable,
    last_event,
    mend_indexes,
    opened,
    put_aside,
    scratch_beside,
)
from sinks.store.engine import upsert
from sinks.store.errors import StoreDamagedError, StoreError, StoreUnavailableError, is_of_the_file
from sinks.store.integrity import CHECK_S, file_faults, is_of_indexes, missing_tables
from sinks.store.mark import Marked, MarkError, alone, is_being_mended, mark_of, read_mark, write_mark
from sinks.store.mending import STORE_DAMAGED, note
from sinks.store.rebuilding import Rebuilt, mend_header, rebuild
from sinks.store.replacing import OTHERS_END_S, go_on
from sinks.store.sqlite_file import refuse_newer, refuse_newer_whole

_AGAIN_S = 0.5
THOROUGH_S = 3_600.0
# A log that was lost leaves a file that is older than the mark: both are written with each commit.
PUT_THERE_S = 5.0
# A row that is none of ours counts nothing: what it says may be no number at all.
_COUNTED = """
SELECT part, number FROM commits
WHERE home = '' AND typeof(part) = 'text' AND part NOT GLOB '*[^0-9a-f]*'
AND typeof(number) = 'integer' AND number BETWEEN 0 AND 4611686018427387904
"""
_HOLES = """
SELECT before, at_us FROM (
  SELECT seq, at_us, lag(seq) OVER (ORDER BY seq) AS last, lag(at_us) OVER (ORDER BY seq) AS before
  FROM journal
) WHERE seq > last + 1
"""
# A day without a set between two that have one: a row that is none, for who can learn it again.
_LOST_DAYS = """
INSERT OR IGNORE INTO day_sets (home, day, sealed, events, packed, applied_seq, checksum)
WITH RECURSIVE days (home, day, last) AS (
  SELECT home, min(day), max(day) FROM day_sets GROUP BY home
  UNION ALL SELECT home, date(day, '+1 day'), last FROM days WHERE day < last LIMIT 4000
)
SELECT home, day, 1, 0, x'', 0, x'' FROM days WHERE date(day) = day
"""
_log = structlog.get_logger(__name__)
CopyInto = Callable[[Path], Path | None]


def make_whole(database: Path, copy_into: CopyInto, *, home: str, now_us: int, doubts: int = 0) -> list[str]:
    """Look a store through before it is opened, mend it, and return in words what was wrong with it.

    A second for a year's store. While another process has the store open, it has looked; only a file that
    cannot be read is waited for.

    Parameters
    ----------
    copy_into
        Unpacks the newest good backup as a SQLite file in a folder, and returns it; None if there is none.
    home
        Whose gap it is where the store does not tell any more.
    doubts
        How often in a row a process ended at damage that its start had not found: after one the file is
        looked through however long it takes, after two it is made anew from what can be read of it.

    Raises
    ------
    StoreDamagedError
        It cannot be read, and somebody else has it open.
    NewerStoreError
        A newer version wrote it; not a byte of it was changed.
    """
    # Whoever opens it may write to it.
    was_put_there = _was_put_there(database)
    note_fault = go_on(database)
    refuse_newer_whole(database)
    if not database.exists() and not mark_of(database).exists():
        return [note_fault] if note_fault else []
    deadline = time.monotonic() + OTHERS_END_S
    while True:
        with alone(database) as is_ours:
            if is_ours:
                look = _Start(database, copy_into, home, now_us, doubts, was_put_there=was_put_there)
                return look.findings(note_fault)
        if is_being_mended(database):
            deadline = time.monotonic() + OTHERS_END_S
        elif is_readable(database):
            return []
        if time.monotonic() > deadline:
            raise StoreDamagedError(
                f"expected a whole store at {database}, got one that cannot be read and that another process "
                "has open: end that process"
            )
        time.sleep(_AGAIN_S)


def _was_put_there(database: Path) -> bool:
    """Return whether the file is younger than its mark: a person has put an older state there."""
    if not database.exists() or not mark_of(database).exists():
        return False
    return database.stat().st_mtime - mark_of(database).stat().st_mtime > PUT_THERE_S


class _Start:
    """One look at one store that nobody else has open."""

    def __init__(
        self,
        database: Path,
        copy_into: CopyInto,
        home: str,
        now_us: int,
        doubts: int,
        *,
        was_put_there: bool,
    ) -> None:
        self._database = database
        self._copy_into = copy_into
        self._home = home
        self._now_us = now_us
        self._doubts = doubts
        self._was_put_there = was_put_there
        self._said: list[str] = []
        self._since_us: int | None = None
        self._until_us = 0
        self._copy_fault = ""

    def findings(self, note_fault: str | None) -> list[str]:
        marked = self._marked()
        fault = self._fault(marked)
        if fault is not None:
            self._begin_anew(fault, marked)
        elif marked is not None and self._is_behind(marked) and not self._was_put_there:
            self._take_newer_copy()
        if self._database.exists() and self._database.stat().st_size:
            self._compare(marked)
        if note_fault is not None:
            self._said.insert(0, note_fault)
        if self._said:
            self._keep()
        return self._said

    def _marked(self) -> Marked | None:
        try:
            return read_mark(self._database)
        except MarkError as error:
            self._said.append(
                f"{error}: it was made anew; nothing else shows whether the newest commits are there"
            )
            mark_of(self._database).write_bytes(b"")
            return None

    def _fault(self, marked: Marked | None) -> str | None:
        """Return the fault of the file as a whole, None without one; indexes are mended here."""
        promised = marked.commits if marked else 0
        if not self._database.exists() or not self._database.stat().st_size:
            state = "is empty" if self._database.exists() else "is not there"
            return f"it {state}, and held {promised} commits" if promised else None
        try:
            if self._doubts > 1:
                return "it was found to be damaged while it was in use, twice in a row"
            faults = file_faults(self._database, limit_s=THOROUGH_S if self._doubts else CHECK_S)
            if is_of_indexes(faults):
                mend_indexes(self._database)
                self._said.append("indexes of the store were damaged: they were made anew from its tables")
                faults = file_faults(self._database)
            return faults[0] if faults else self._structure(marked)
        except sqlite3.DatabaseError as error:
            return _damage(error)
        except DBAPIError as error:
            return _damage(error.orig)
        except (StoreDamagedError, NoResultFound, MultipleResultsFound, UnicodeDecodeError) as error:
            # Names in the file that are no text end even the driver's own words.
            return str(error)

    def _structure(self, marked: Marked | None) -> str | None:
        with opened(self._database) as connection:
            revision = migrations.revision(connection)
            if revision is None:
                return "it holds no tables" if marked and marked.commits else None
            if revision not in migrations.REVISIONS and marked and marked.revision == migrations.HEAD:
                if missing := missing_tables(connection):
                    return f"it lacks {', '.join(missing[:3])}"
                connection.execute(
                    text("UPDATE alembic_version SET version_num = :head"), {"head": migrations.HEAD}
                )
                self._said.append(
                    f"the store's revision was damaged ({revision!r}): it is {migrations.HEAD} again"
                )
            elif revision == migrations.HEAD and (missing := missing_tables(connection)):
                return f"it lacks {', '.join(missing[:3])}"
        return None

    def _begin_anew(self, fault: str, marked: Marked | None) -> None:
        """Make the store from what can be read and the newest good copy; the damaged file is kept aside."""
        if marked is None or marked.revision != migrations.HEAD:
            refuse_newer(self._database)
        with scratch_beside(self._database) as folder:
            scratch = folder / "damaged.db"
            readable = copied(self._database, scratch)
            if readable:
                mend_header(scratch)
            copy = self._copy(folder)
            rebuilt = rebuild(scratch if readable else None, copy, folder / "rebuilt.db")
            aside = put_aside(self._database, folder / "rebuilt.db", self._now_us)
        self._said.append(_words(fault, aside, rebuilt, self._copy_fault, has_copy=copy is not None))
        with opened(self._database) as connection:
            self._since_us = last_event(connection)
            connection.exec_driver_sql(_LOST_DAYS)

    def _is_behind(self, marked: Marked) -> bool:
        """Return whether commits are missing that the mark tells of."""
        with opened(self._database) as connection:
            if migrations.revision(connection) != migrations.HEAD:
                return False
            counted = connection.exec_driver_sql(_COUNTED).first()
            if counted is None:
                return marked.commits > 0
            return bool(counted.part == marked.id and counted.number < marked.commits)

    def _take_newer_copy(self) -> None:
        """Take the newest backup where it knows more than the store, as when the store's log was lost."""
        with scratch_beside(self._database) as folder:
            copy = self._copy(folder)
            if copy is None:
                return
            with opened(copy) as newer, opened(self._database) as connection:
                if last_event(newer) <= last_event(connection):
                    return
            rebuilt = rebuild(None, copy, folder / "rebuilt.db")
            aside = put_aside(self._database, folder / "rebuilt.db", self._now_us)
        count = sum(rebuilt.copied.values())
        self._said.append(
            "the store had lost its newest commits, as when its log (-wal) is damaged: it is kept as "
            f"{aside.name}, and {count} rows were taken from the newest backup, which knew more"
        )
        with opened(self._database) as connection:
            self._since_us = last_event(connection)

    def _copy(self, folder: Path) -> Path | None:
        try:
            return self._copy_into(folder)
        except (StoreError, OSError) as error:
            _log.warning("the newest backup cannot be used", error=str(error))
            self._copy_fault = str(error)
            return None

    def _compare(self, marked: Marked | None) -> None:
        """See whether the store holds what its mark says, and bring both together."""
        with opened(self._database) as connection:
            if migrations.revision(connection) != migrations.HEAD:
                return
            counted = connection.exec_driver_sql(_COUNTED).first()
            promised = marked.commits if marked else 0
            known = f"{counted.part}" if counted else (marked.id if marked else "")
            commits = counted.number if counted else 0
            if counted and marked is None and commits and not self._said:
                self._said.append("the mark beside the store was missing: it was made anew")
            if marked is not None and promised and not self._said:
                self._doubt(connection, marked, known if counted else "", commits)
            if not known:
                return
            connection.exec_driver_sql("DELETE FROM commits WHERE home = ''")
            number = max(commits, promised) + 1
            connection.execute(
                text("INSERT INTO commits VALUES ('', :id, :number)"), {"id": known, "number": number}
            )
            last_us = marked.event_us if marked else last_event(connection)
            if marked is None and self._said and self._since_us is None:
                self._since_us = last_us
        write_mark(self._database, Marked(known, migrations.HEAD, number, last_us))
        # Without a mark nothing tells what is missing at the end: it may reach until now.
        self._until_us = last_us if marked else self._now_us

    def _doubt(self, connection: Connection, marked: Marked, known: str, commits: int) -> None:
        if not known:
            self._since_us = last_event(connection)
            self._said.append("the store's count of commits was missing: it was made anew")
        elif known != marked.id:
            self._said.append("the store is another than the mark beside it tells of: the mark was made anew")
        elif commits < marked.commits:
            lost, last_us = marked.commits - commits, last_event(connection)
            self._since_us = last_us
            self._said.append(
                f"{lost} commits are missing at the store's end, as when its log (-wal) was lost: what "
                f"happened from {from_us(last_us):%Y-%m-%d %H:%M:%S} to "
                f"{from_us(marked.event_us):%Y-%m-%d %H:%M:%S} UTC is a gap"
            )

    def _keep(self) -> None:
        """Keep what was found, and a gap where something may be missing."""
        with opened(self._database) as connection:
            if migrations.revision(connection) != migrations.HEAD:
                return
            for words in self._said:
                note(connection, "", "store", "", b"", words, self._now_us)
            for begin, end in self._gaps(connection):
                for home in homes(connection) or [self._home]:
                    row = {"home": home, "from_us": begin, "to_us": end, "reason": STORE_DAMAGED}
                    upsert(connection, table_of(GapRow), [row])

    def _gaps(self, connection: Connection) -> Iterator[tuple[int, int]]:
        if self._since_us is None:
            return
        if 0 < self._since_us < self._until_us:
            yield self._since_us, self._until_us
        for before, at_us in connection.exec_driver_sql(_HOLES):
            yield min(before, at_us), max(before, at_us) + 1


def _damage(error: BaseException | None) -> str:
    """Return what an error says of the file.

    Raises
    ------
    StoreUnavailableError
        It says nothing of it: the store is locked, full or away, and nothing may be made anew.
    """
    # What is no longer there by its name, such as a table, is a wrong statement to SQLite.
    if is_of_the_file(error) or getattr(error, "sqlite_errorname", "") == "SQLITE_ERROR":
        return str(error)
    raise StoreUnavailableError(f"expected to look through the store, got: {error}") from error


def _words(fault: str, aside: Path, rebuilt: Rebuilt, copy_fault: str, *, has_copy: bool) -> str:
    read, copied = sum(rebuilt.read.values()), sum(rebuilt.copied.values())
    whence = f"{read} rows could be read from it"
    if has_copy:
        whence += f", {copied} came from the newest backup"
    elif copy_fault:
        whence += (
            f"; no backup could be used ({copy_fault[:200]}): `ha-ai restore` takes one once that is mended"
        )
    else:
        whence += "; there is no backup"
    lacking = (
        f"; not all could be read of {', '.join(sorted(rebuilt.incomplete))}" if rebuilt.incomplete else ""
    )
    said = f"the store was damaged ({fault[:200]}): it is kept as {aside.name}, and was made anew"
    return f"{said}, {whence}{lacking}"
