"""The audit log: entries of which each is hashed with the one before, and the last one kept beside."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from schemas.audit import NewAuditEntry
from schemas.tables import AuditRow, ControlRow, table_of
from sinks.store.engine import take_turn, upsert
from sinks.store.rows import storable

_AUDIT = table_of(AuditRow)
_CONTROLS = table_of(ControlRow)
END = "audit_end"
BEGINNING = bytes(32)
LONGEST = 2_000
OURSELVES = "ha-ai"
PRUNED = "pruned"
ANCHOR = re.compile(r"entries up to ([0-9]{1,18}) ([0-9a-f]{64})")


class AuditEntry(NamedTuple):
    """Entry of the audit log: who did what to which suggestion, and when."""

    number: int
    at_us: int
    actor: str
    what: str
    subject: str
    detail: str
    previous: bytes
    hash: bytes


def append(
    connection: Connection, home: str, *, at_us: int, actor: str, what: str, subject: str, detail: str
) -> None:
    """Append an entry."""
    append_all(connection, home, [NewAuditEntry(at_us, actor, what, subject, detail)])


def append_all(connection: Connection, home: str, said: Iterable[NewAuditEntry]) -> None:
    """Append entries in order; whoever else appends to this home's log waits until the transaction ends."""
    take_turn(connection, f"ha-ai audit {home}")
    newest = select(_AUDIT.c.number, _AUDIT.c.hash).where(_AUDIT.c.home == home)
    last = connection.execute(newest.order_by(_AUDIT.c.number.desc()).limit(1)).one_or_none()
    number, previous = (last.number, last.hash) if last else (0, BEGINNING)
    entries = []
    for number, (at_us, *words) in enumerate(said, number + 1):  # noqa: B020 it goes on from the last
        actor, what, subject, detail = (storable(each)[:LONGEST] for each in words)
        entry = sealed(home, AuditEntry(number, at_us, actor, what, subject, detail, previous, b""))
        entries.append({"home": home, **entry._asdict()})
        previous = entry.hash
    if entries:
        connection.execute(_AUDIT.insert(), entries)
        _keep_end(connection, home, entry)


def prune(connection: Connection, home: str, *, at_us: int, newest: int) -> None:
    """Delete all but the newest entries, and say so in an entry that names what the log then begins after.

    A tenth is let grow first, so that it is not pruned for every entry.
    """
    take_turn(connection, f"ha-ai audit {home}")
    entries = select(_AUDIT.c.number, _AUDIT.c.hash).where(_AUDIT.c.home == home)
    last = connection.execute(entries.order_by(_AUDIT.c.number.desc()).limit(1)).one_or_none()
    first = connection.execute(entries.order_by(_AUDIT.c.number).limit(1)).one_or_none()
    if last is None or first is None or last.number - first.number < newest + newest // 10:
        return
    # One more than is kept leaves: the entry that says so comes to them.
    anchor = connection.execute(entries.where(_AUDIT.c.number == last.number - newest + 1)).one()
    detail = f"entries up to {anchor.number} {anchor.hash.hex()}"
    append(connection, home, at_us=at_us, actor=OURSELVES, what=PRUNED, subject="", detail=detail)
    gone = delete(_AUDIT).where(_AUDIT.c.home == home, _AUDIT.c.number <= anchor.number)
    connection.execute(gone)


def sealed(home: str, entry: AuditEntry) -> AuditEntry:
    """Return an entry with its hash, over all that it says and the hash of the one before."""
    words = (home, str(entry.number), str(entry.at_us), entry.actor, entry.what, entry.subject, entry.detail)
    content = "\x00".join(words).encode() + b"\x00" + entry.previous
    return entry._replace(hash=hashlib.sha256(content).digest())


def read(connection: Connection, home: str) -> list[AuditEntry]:
    """Return the log, oldest entry first."""
    wanted = select(*[_AUDIT.c[name] for name in AuditEntry._fields]).where(_AUDIT.c.home == home)
    return [AuditEntry(*row) for row in connection.execute(wanted.order_by(_AUDIT.c.number))]


def fault(connection: Connection, home: str) -> str | None:
    """Return what is wrong with a home's log; None if it is as it was written, to its end.

    Whoever can write the whole store can forge log and end together: what shows is what was changed without
    rewriting all that came after.
    """
    entries = read(connection, home)
    kept = select(_CONTROLS.c.value).where(_CONTROLS.c.home == home, _CONTROLS.c.name == END)
    end = _end(entries[-1]) if entries else None
    if (found := check(home, entries)) is None and connection.execute(kept).scalar() != end:
        return f"after entry {entries[-1].number if entries else 0} something is missing, or was added"
    return found


def homes(connection: Connection) -> list[str]:
    """Return the homes that have a log, or had one."""
    written = select(_AUDIT.c.home).union(select(_CONTROLS.c.home).where(_CONTROLS.c.name == END))
    return sorted(connection.execute(written).scalars())


def check(home: str, entries: Iterable[AuditEntry]) -> str | None:
    """Return what is wrong with a log, at the first entry that was changed or is missing; None if nothing.

    What left from its end does not show in the entries: `fault` knows what they ended with. A log that was
    pruned begins after the entry that the last pruning names.
    """
    entries = list(entries)
    gone, previous = _beginning(entries)
    for number, entry in enumerate(entries, gone + 1):
        if entry.number != number:
            return f"expected entry {number}, got {entry.number}: what was between is missing"
        if entry.previous != previous or entry != sealed(home, entry):
            return f"entry {number} is not what was written"
        previous = entry.hash
    return None


def _beginning(entries: Sequence[AuditEntry]) -> tuple[int, bytes]:
    """Return number and hash of the last entry that was pruned, as the log itself says."""
    for entry in reversed(entries):
        if (entry.actor, entry.what) == (OURSELVES, PRUNED) and (found := ANCHOR.fullmatch(entry.detail)):
            return int(found[1]), bytes.fromhex(found[2])
    return 0, BEGINNING


def keep_end_anew(connection: Connection, home: str) -> None:
    """Keep the log's end as it is now: what left it before, while the end was damaged, does not show."""
    newest = select(*[_AUDIT.c[name] for name in AuditEntry._fields]).where(_AUDIT.c.home == home)
    last = connection.execute(newest.order_by(_AUDIT.c.number.desc()).limit(1)).one_or_none()
    if last is not None:
        _keep_end(connection, home, AuditEntry(*last))


def _keep_end(connection: Connection, home: str, entry: AuditEntry) -> None:
    """Keep what the log ends with, so that entries cannot leave from its end unnoticed."""
    upsert(connection, _CONTROLS, [{"home": home, "name": END, "value": _end(entry)}])


def _end(entry: AuditEntry) -> str:
    return json.dumps([entry.number, entry.hash.hex()])
