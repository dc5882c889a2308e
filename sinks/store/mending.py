"""Mending of rows that are not as they were written: set aside, and made anew where that can be done."""

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, Self

import structlog
from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, select, text

from schemas.controls import Control
from schemas.events import Gap
from schemas.tables import (
    METADATA,
    AuditRow,
    ControlRow,
    DamagedRow,
    DaySetRow,
    GapRow,
    JournalRow,
    NonceRow,
    SnapshotRow,
    table_of,
)
from sinks.store import audit
from sinks.store.checksums import covered
from sinks.store.engine import Database, upsert
from sinks.store.integrity import (
    Damage,
    audit_faults,
    damages,
    fault_of,
    is_date,
    raw_rows,
    read_only,
)
from sinks.store.raw_writing import write_raw

STORE_DAMAGED = "store_damaged"
SNAPSHOT = "learning"
LEARNING = Control.LEARNING.value
ACKNOWLEDGED = "damage_acknowledged"
LOST_DAYS = "lost_days"
# The other half of a gap around one lost event: clocks of devices differ by less.
MARGIN_US = 1_000_000
LONGEST_GAP_US = 7 * 86_400_000_000
LONGEST_CONTENT = 100_000
KEPT_DAMAGES = 1_000
# What people said and what stands in their home is worth an older state; what is judged anew is not.
_FROM_COPY = frozenset(
    {"anomalies", "automation_versions", "controls", "deployments", "feedback", "gaps", "suggestions"}
)
_CACHES = {
    "patterns": "to be judged anew",
    "snapshots": "to be made anew",
    "leases": "to be taken anew",
    "audit": "set aside; the log shows the gap",
}
_JOURNAL = table_of(JournalRow)
_DAYS = table_of(DaySetRow)
_GAPS = table_of(GapRow)
_NONCES = table_of(NonceRow)
_SNAPSHOTS = table_of(SnapshotRow)
_CONTROLS = table_of(ControlRow)
_AUDIT = table_of(AuditRow)
_DAMAGED = table_of(DamagedRow)

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Mended:
    """Rows that were mended, by table, and the work left to do for who knows what a day is.

    `days` says that day sets are missing which journal or backup may still hold; `named` are those of them
    that tell which day they were of.
    """

    days: bool = False
    named: set[date] = field(default_factory=set)
    said: Counter[str] = field(default_factory=Counter)


class Said(NamedTuple):
    """Something that was damaged, and what became of it."""

    seq: int
    found_us: int
    table_name: str
    row_key: str
    mended: str


class Integrity:
    """Check and mend the rows of a store that are not as they were written."""

    def __init__(self, database: Database, home: str) -> None:
        self._database = database
        self._home = home

    def damages(self) -> list[Damage]:
        """Return the rows that are not as they were written; a second for a year's store."""
        return list(damages(self._database))

    def mend(self, found: Sequence[Damage], *, copy: Path | None, now_us: int) -> Mended:
        """Set rows aside and mend what they were of, in one transaction.

        Parameters
        ----------
        copy
            The newest good copy of the database, a SQLite file.
        """
        mended = Mended()
        with self._database.writing() as connection, _Rows(copy) as kept:
            surgeon = _Surgeon(connection, self._home, kept, now_us, mended)
            # All first: what is made of a damaged row may hang on those beside it.
            for damage in found:
                surgeon.remove(damage)
            for damage in found:
                surgeon.treat(damage)
            surgeon.fill()
        _log.warning("damaged rows of the store were set aside and mended", rows=dict(mended.said))
        return mended

    def look_at_audit(self, *, now_us: int) -> None:
        """Say once what is wrong with the audit log: nothing is changed in it."""
        for home, fault in audit_faults(self._database).items():
            set_aside_once(self._database, home, "audit", f"the audit log was changed: {fault}", now_us)

    def say(self, table: str, key: str, words: str, *, now_us: int) -> None:
        """Keep in words what became of something that was damaged."""
        with self._database.writing() as connection:
            note(connection, self._home, table, key, b"", words, now_us)

    def say_once(self, table: str, words: str, *, now_us: int) -> None:
        """Keep in words what is wrong and stays so, unless that is known."""
        set_aside_once(self._database, self._home, table, words, now_us)

    def lost_days(self) -> set[date] | None:
        """Return the days whose sets were set aside and not made anew yet, as far as they tell their name.

        None if there are none.
        """
        with self._database.reading() as connection:
            return _lost_days(connection, self._home)

    def found_days(self) -> None:
        """Note that lost days were made anew, as far as anything tells of them."""
        with self._database.writing() as connection:
            of = (_CONTROLS.c.home == self._home, _CONTROLS.c.name == LOST_DAYS)
            connection.execute(delete(_CONTROLS).where(*of))

    def take_days(self, copy: Path, days: Collection[date]) -> Iterator[tuple[date, Mapping[str, Any]]]:
        """Yield those of the days that a copy has a whole set of, in one look through it."""
        if not days:
            return
        wanted = {day.isoformat(): day for day in days}
        with _Rows(copy) as kept:
            for row in kept.of(_DAYS):
                if row["home"] == self._home and row["day"] in wanted:
                    yield wanted[row["day"]], row

    def notices(self) -> list[Said]:
        """Return what was damaged and no person has acknowledged yet, oldest first."""
        columns = (_DAMAGED.c[name] for name in Said._fields)
        with self._database.reading() as connection:
            wanted = select(*columns).where(self._is_new(connection)).order_by(_DAMAGED.c.seq)
            return [Said(*row) for row in connection.execute(wanted)]

    def acknowledge(self) -> int:
        """Note that a person knows what was damaged so far; return how much that was."""
        with self._database.writing() as connection:
            count = connection.execute(
                select(func.count()).select_from(_DAMAGED).where(self._is_new(connection))
            ).scalar_one()
            newest = connection.execute(select(func.max(_DAMAGED.c.seq))).scalar() or 0
            row = {"home": self._home, "name": ACKNOWLEDGED, "value": json.dumps(newest)}
            upsert(connection, _CONTROLS, [row])
        return count

    def _is_new(self, connection: Connection) -> ColumnElement[bool]:
        ours = _CONTROLS.c.home == self._home
        known = select(_CONTROLS.c.value).where(ours, _CONTROLS.c.name == ACKNOWLEDGED)
        seen = int(json.loads(connection.execute(known).scalar() or "0"))
        return and_(_DAMAGED.c.home.in_([self._home, ""]), _DAMAGED.c.seq > seen)


def set_aside_once(database: Database, home: str, table: str, words: str, now_us: int) -> bool:
    """Note something that is wrong and cannot be taken away; whether it was not known."""
    known = select(func.count()).where(_DAMAGED.c.table_name == table, _DAMAGED.c.mended == words)
    with database.writing() as connection:
        if connection.execute(known).scalar():
            return False
        note(connection, home, table, "", b"", words, now_us)
    return True


def _lost_days(connection: Connection, home: str) -> set[date] | None:
    wanted = select(_CONTROLS.c.value).where(_CONTROLS.c.home == home, _CONTROLS.c.name == LOST_DAYS)
    value = connection.execute(wanted).scalar()
    return None if value is None else {date.fromisoformat(day) for day in json.loads(value)}


def note(
    connection: Connection, home: str, table: str, key: str, content: bytes, mended: str, now_us: int
) -> None:
    """Keep what was damaged and what became of it; of many the newest thousand."""
    row = {
        "home": home,
        "found_us": now_us,
        "table_name": table,
        "row_key": key,
        "content": content,
        "mended": mended,
    }
    connection.execute(_DAMAGED.insert(), [row])
    newest = select(func.max(_DAMAGED.c.seq)).scalar_subquery()
    connection.execute(delete(_DAMAGED).where(_DAMAGED.c.seq <= newest - KEPT_DAMAGES))


class _Rows:
    """The rows of the newest good copy; none where there is no copy."""

    def __init__(self, copy: Path | None) -> None:
        self._connection = read_only(copy) if copy is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def of(self, table: Table) -> Iterator[dict[str, Any]]:
        """Yield the whole rows of a table."""
        if self._connection is None:
            return
        try:
            for _, row in raw_rows(self._connection, table):
                if fault_of(table, row) is None:
                    yield row
        except sqlite3.DatabaseError as error:
            _log.warning("the copy cannot be read", table=table.name, error=str(error))


class _Surgeon:
    """Mends one store in one transaction."""

    def __init__(self, connection: Connection, home: str, kept: _Rows, now_us: int, mended: Mended) -> None:
        self._connection = connection
        self._home = home
        self._kept = kept
        self._now_us = now_us
        self._mended = mended
        self._lacking: set[str] = set()
        self._gaps: list[Gap] = []
        self._controls: set[str] = set()

    def remove(self, damage: Damage) -> None:
        """Take a row out of its table."""
        table, place = METADATA.tables[damage.table], damage.place
        if place.rowid is not None:
            by_number = text(f'DELETE FROM "{table.name}" WHERE rowid = :rowid')  # noqa: S608 a name of ours
            self._connection.execute(by_number, {"rowid": place.rowid})
            return
        statement = delete(table)
        for column, value in zip(table.primary_key, place.key, strict=True):
            statement = statement.where(column == value)
        self._connection.execute(statement)

    def treat(self, damage: Damage) -> None:
        """Keep what a removed row held, and mend what it was of."""
        table = METADATA.tables[damage.table]
        words = self._mend(table, damage)
        content = ascii(dict(damage.row)).encode("ascii")[:LONGEST_CONTENT]
        words = f"{damage.reason}: {words}"
        note(self._connection, self._home, table.name, _printable(damage.name), content, words, self._now_us)
        self._mended.said[table.name] += 1

    def fill(self) -> None:
        """Take up from the copy what the tables lack now, and keep the gaps."""
        for name in sorted(self._lacking):
            table = METADATA.tables[name]
            taken = list(self._kept.of(table))
            if added := write_raw(self._connection, table, taken):
                words = f"{added} rows of {name} were taken from the newest backup"
                note(self._connection, self._home, name, "", b"", words, self._now_us)
        self._fill_controls()
        if self._mended.days:
            # Kept with what takes the rows away: after a kill the next start makes the days anew.
            named = self._mended.named | (_lost_days(self._connection, self._home) or set())
            value = json.dumps(sorted(map(str, named)))
            upsert(self._connection, _CONTROLS, [{"home": self._home, "name": LOST_DAYS, "value": value}])
        gaps = [{"home": self._home, **gap._asdict()} for gap in self._gaps]
        for row in {(each["from_us"], each["reason"]): each for each in gaps}.values():
            upsert(self._connection, _GAPS, [row])

    def _mend(self, table: Table, damage: Damage) -> str:
        row = damage.row
        if table is _JOURNAL:
            return self._mend_journal(damage)
        if table is _DAYS:
            self._mended.days = True
            if isinstance(day := row["day"], str) and is_date(day):
                self._mended.named.add(date.fromisoformat(day))
            return "to be made anew from journal or backup"
        if table.name == "day_aggregates":
            return self._reopen(row["day"])
        if table is _NONCES:
            return self._keep_nonce(row)
        if table is _GAPS and (gap := _plausible_gap(row)):
            self._gaps.append(gap)
        if table is _CONTROLS:
            self._controls.add(str(row["name"]))
        if table.name in _FROM_COPY:
            self._lacking.add(table.name)
            return "set aside; the newest backup's is taken, where it has one"
        return _CACHES.get(table.name, "set aside")

    def _mend_journal(self, damage: Damage) -> str:
        seq = damage.row["seq"]
        applied = select(func.min(_SNAPSHOTS.c.applied_seq)).where(_SNAPSHOTS.c.name == SNAPSHOT)
        if (self._connection.execute(applied).scalar() or 0) >= seq:
            return "dropped, its day holds it"
        around = (
            select(_JOURNAL.c.at_us).where(_JOURNAL.c.seq < seq).order_by(_JOURNAL.c.seq.desc()).limit(1),
            select(_JOURNAL.c.at_us).where(_JOURNAL.c.seq > seq).order_by(_JOURNAL.c.seq).limit(1),
        )
        before, after = (self._connection.execute(each).scalar() for each in around)
        ends = [each for each in (before, after or self._now_us) if isinstance(each, int) and each]
        self._gaps.append(Gap(min(ends) - MARGIN_US, max(ends) + MARGIN_US, STORE_DAMAGED))
        return "lost; a gap is kept around it"

    def _reopen(self, day: object) -> str:
        """Let a day be closed again, which makes its aggregates anew."""
        if not isinstance(day, date):
            if not is_date(str(day)):
                return "lost, its day is not known"
            day = date.fromisoformat(str(day))
        for row in self._connection.execute(select(_DAYS).where(_DAYS.c.day == day)).mappings().all():
            again = {**row, "sealed": False}
            upsert(self._connection, _DAYS, [{name: again[name] for name in covered(_DAYS)}])
            return f"{day} is closed anew"
        return f"lost, unless {day} is made anew"

    def _keep_nonce(self, row: Mapping[str, Any]) -> str:
        # Taken for used a while longer: what it stood for must not count twice.
        nonce = _printable(str(row["nonce"]))
        upsert(self._connection, _NONCES, [{"home": self._home, "nonce": nonce, "seen_us": self._now_us}])
        return "taken for used"

    def _fill_controls(self) -> None:
        if not self._controls:
            return
        held = select(_CONTROLS.c.name).where(_CONTROLS.c.home == self._home)
        names = set(self._connection.execute(held).scalars())
        if audit.END not in names:
            audit.keep_end_anew(self._connection, self._home)
        if LEARNING not in names and any(_is_like(name, LEARNING) for name in self._controls):
            # What a person switched off must not come on by itself; the other way round they see it.
            self._switch_off()

    def _switch_off(self) -> None:
        upsert(
            self._connection,
            _CONTROLS,
            [{"home": self._home, "name": LEARNING, "value": json.dumps(False)}],
        )
        words = "whether learning was on cannot be read: it is off until you switch it on"
        note(self._connection, self._home, "controls", LEARNING, b"", words, self._now_us)


def _plausible_gap(row: Mapping[str, Any]) -> Gap | None:
    """Return a damaged gap as far as it is plausible: too long a one costs evidence, none makes misses."""
    begin, end = row["from_us"], row["to_us"]
    if isinstance(begin, int) and isinstance(end, int) and 0 < end - begin <= LONGEST_GAP_US:
        return Gap(begin, end, STORE_DAMAGED)
    return None


def _is_like(name: str, other: str) -> bool:
    """Return whether a name may be the other one with some of its letters damaged."""
    return len(name) == len(other) and sum(a != b for a, b in zip(name, other, strict=True)) <= 2


def _printable(words: str) -> str:
    return words.encode("ascii", "backslashreplace").decode().replace("\x00", "?")[:200]
