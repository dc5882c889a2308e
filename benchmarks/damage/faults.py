"""Faults: what is done to a file, or to a cell of a row behind the store's back."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.damage.home import Place
from schemas.tables import METADATA

PAGE = 4_096
FILE_FAULTS = ("flip", "bytes", "zeros", "cut", "delete", "empty", "garbage")
CELL_FAULTS = ("flip", "null", "type", "cut")
# What no start relies on: both are written anew at every one.
NOT_KEPT = frozenset({"commits", "damaged", "leases"})


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done, and to what; returns what it did in words."""

    kind: str
    target: str
    do: Callable[[Place, random.Random], str]


def faults(number: int, rng: random.Random) -> list[Fault]:
    """Return so many faults: every kind on every file and table in turn, then at random."""
    files = [Fault(kind, target, _on_file(kind, target)) for target in _FILES for kind in FILE_FAULTS]
    tables = sorted(set(METADATA.tables) - NOT_KEPT)
    cells = [Fault(kind, table, _on_cell(kind, table)) for table in tables for kind in CELL_FAULTS]
    everything = files + cells
    rng.shuffle(everything)
    # Bytes of the file itself are where a disk's errors are: they come more often than their share.
    raw = [each for each in files if each.target == "store" and each.kind in {"flip", "bytes", "zeros"}]
    while len(everything) < number:
        everything.append(rng.choice(raw + cells))
    return everything[:number]


_FILES: dict[str, Callable[[Place], Path]] = {
    "store": lambda place: place.database,
    "log": lambda place: place.database.with_name("ha-ai.db-wal"),
    "shared memory": lambda place: place.database.with_name("ha-ai.db-shm"),
    "mark": lambda place: place.database.with_name("ha-ai.db.mark"),
    "key": lambda place: place.key,
    "backup": lambda place: next(place.backups.glob("*.zip")),
}


def settled(place: Place) -> None:
    """Bring the log into the store, so that bytes of the file are those of rows."""
    with closing(sqlite3.connect(place.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _on_file(kind: str, target: str) -> Callable[[Place, random.Random], str]:
    def do(place: Place, rng: random.Random) -> str:
        path = _FILES[target](place)
        if target == "store":
            settled(place)
        content = bytearray(path.read_bytes()) if path.exists() else bytearray(b"x" * 100)
        at = rng.randrange(max(1, len(content)))
        if kind == "delete":
            path.unlink(missing_ok=True)
            return f"{target} deleted"
        if kind == "flip":
            content[at] ^= 1 << rng.randrange(8)
        elif kind == "bytes":
            content[at : at + 100] = rng.randbytes(len(content[at : at + 100]))
        elif kind == "zeros":
            at -= at % PAGE
            content[at : at + PAGE] = bytes(len(content[at : at + PAGE]))
        else:
            content = {
                "cut": content[:at],
                "empty": bytearray(),
                "garbage": bytearray(rng.randbytes(len(content))),
            }[kind]
        path.write_bytes(content)
        return f"{target}: {kind} at {at} of {len(content)}"

    return do


def _on_cell(kind: str, table: str) -> Callable[[Place, random.Random], str]:
    def do(place: Place, rng: random.Random) -> str:
        with closing(sqlite3.connect(place.database)) as connection:
            rows = [row[0] for row in connection.execute(f'SELECT rowid FROM "{table}"')]  # noqa: S608 our tables
            if not rows:
                return f"{table} is empty"
            rowid, column = rng.choice(rows), rng.choice(list(METADATA.tables[table].columns)).name
            read = f'SELECT "{column}" FROM "{table}" WHERE rowid = {rowid}'  # noqa: S608 our tables
            (value,) = connection.execute(read).fetchone()
            worse = _worse(kind, value, rng)
            # Bytes that are no text are kept as one, as a disk would leave them.
            as_text = kind == "flip" and isinstance(value, str)
            placed = "CAST(? AS TEXT)" if as_text else "?"
            write = f'UPDATE "{table}" SET "{column}" = {placed} WHERE rowid = {rowid}'  # noqa: S608 our tables
            try:
                connection.execute(write, (worse,))
                connection.commit()
            except sqlite3.IntegrityError:
                return f"{table}.{column} refused"
        return f"{table}.{column} {kind}: {str(value)[:40]!r} to {str(worse)[:40]!r}"

    return do


def _worse(kind: str, value: Any, rng: random.Random) -> object:
    if kind == "null":
        return None
    if kind == "type":
        return b"\xff\x00" if isinstance(value, str | int) else "text"
    if isinstance(value, int):
        return value ^ (1 << rng.randrange(40))
    if isinstance(value, float):
        return value * 2 + 1
    content = bytearray(value.encode() if isinstance(value, str) else value or b"x")
    if kind == "cut":
        content = content[: rng.randrange(len(content) or 1)]
    elif content:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return content.decode("utf-8", "replace") if isinstance(value, str) and kind == "cut" else bytes(content)


def copied(place: Place, folder: Path) -> Place:
    """Return a copy of all that belongs to the home."""
    shutil.copytree(place.folder, folder)
    return Place(folder)
