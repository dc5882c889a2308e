"""The audit log: entries of which each is hashed with the one before."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, select

from schemas.tables import AuditRow, table_of
from sinks.store.engine import take_turn

_AUDIT = table_of(AuditRow)
BEGINNING = bytes(32)
LONGEST = 2_000


class AuditEntry(NamedTuple):
    """Who did what to which suggestion, and when."""

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
    """Append an entry; whoever else appends to this home's log waits until the transaction ends."""
    take_turn(connection, f"ha-ai audit {home}")
    newest = select(_AUDIT.c.number, _AUDIT.c.hash).where(_AUDIT.c.home == home)
    last = connection.execute(newest.order_by(_AUDIT.c.number.desc()).limit(1)).one_or_none()
    number, previous = (last.number + 1, last.hash) if last else (1, BEGINNING)
    actor, what, subject, detail = (_bounded(words) for words in (actor, what, subject, detail))
    entry = AuditEntry(number, at_us, actor, what, subject, detail, previous, b"")
    connection.execute(_AUDIT.insert(), [{"home": home, **entry._replace(hash=_hash(home, entry))._asdict()}])


def read(connection: Connection, home: str) -> list[AuditEntry]:
    """Return the log, oldest entry first."""
    wanted = select(*[_AUDIT.c[name] for name in AuditEntry._fields]).where(_AUDIT.c.home == home)
    return [AuditEntry(*row) for row in connection.execute(wanted.order_by(_AUDIT.c.number))]


def check(home: str, entries: Iterable[AuditEntry]) -> str | None:
    """Return what is wrong with a log, at the first entry that was changed or is missing; None if whole."""
    previous = BEGINNING
    for number, entry in enumerate(entries, 1):
        if entry.number != number:
            return f"expected entry {number}, got {entry.number}: what was between is missing"
        if entry.previous != previous or entry.hash != _hash(home, entry):
            return f"entry {number} is not what was written"
        previous = entry.hash
    return None


def _bounded(words: str) -> str:
    return words.replace("\x00", "\ufffd")[:LONGEST]


def _hash(home: str, entry: AuditEntry) -> bytes:
    words = (home, str(entry.number), str(entry.at_us), entry.actor, entry.what, entry.subject, entry.detail)
    return hashlib.sha256("\x00".join(words).encode() + b"\x00" + entry.previous).digest()
