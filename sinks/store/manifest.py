"""Manifest of a backup."""

import hashlib
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.tables import METADATA
from sinks.store.copying import unchanging
from sinks.store.sealed_file import file_digest

FORMAT = 1
MANIFEST, DATABASE = "manifest.json", "store.db"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Manifest:
    """Contents of a backup, and how it was made; times are UTC microseconds.

    `boot` and `uptime_us` tell the age of a backup that was made since the machine's start, whatever its
    clock says.
    """

    format: int
    revision: str
    home: str
    version: str
    created_us: int
    boot: str
    uptime_us: int
    size_bytes: int
    members: dict[str, str] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    commits: int = 0
    first_day: str | None = None
    last_event_us: int | None = None


def boot() -> str:
    """Return what names the time from the machine's last start to its end."""
    return BOOT_ID.read_text(encoding="ascii").strip()


def uptime_us() -> int:
    """Time since the machine's start, sleep included, which no clock's change moves."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def describe(copy: Path, home: str, version: str, more: Mapping[str, bytes]) -> Manifest:
    """Say what a copy of a store holds, and what is kept with it."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in more.items()}
    with unchanging(copy) as connection:
        there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        ours = sorted(there & METADATA.tables.keys())
        rows = {name: _one(connection, f"SELECT count(*) FROM {name}") for name in ours}  # noqa: S608 our tables
        revision = _one(connection, "SELECT version_num FROM alembic_version")
        commits = _one(connection, "SELECT max(number) FROM commits") if "commits" in there else None
        first = _one(connection, "SELECT min(day) FROM day_sets")
        last = _one(connection, "SELECT max(at_us) FROM journal")
    return Manifest(
        format=FORMAT,
        revision=str(revision),
        home=home,
        version=version,
        created_us=time.time_ns() // 1000,
        boot=boot(),
        uptime_us=uptime_us(),
        size_bytes=copy.stat().st_size,
        members={**digests, DATABASE: file_digest(copy)},
        rows=rows,
        commits=commits or 0,
        first_day=first,
        last_event_us=last,
    )


def _one(connection: sqlite3.Connection, query: str) -> Any:
    return connection.execute(query).fetchone()[0]
