"""Checks of the rows of the store, and of what was mended and nobody has taken note of yet."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from pipeline.doctor.finding import Finding, ok, warning, wrong
from pipeline.runtime.belongings import database_file
from pipeline.settings import Settings
from pipeline.wording.sentences import counted
from schemas.instants import from_us
from sinks.store import migrations
from sinks.store.integrity import file_damages
from sinks.store.mending import Said
from sinks.store.sqlite_file import revision_of

CHECK = "rows"
SHOWN = 3


def check_rows(settings: Settings) -> Iterator[Finding]:
    """Compare every row of a SQLite store with its checksum."""
    database = database_file(settings)
    if database is None or revision_of(database) != migrations.HEAD:
        return
    try:
        yield _rows(database)
    except sqlite3.Error as error:
        yield wrong(
            CHECK, f"not all of them can be read: {error}", "Stop `ha-ai run` and start it: it mends."
        )


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
        return ok(CHECK, "each is as it was written")
    some = "; ".join(f"{each.table} {each.name}: {each.reason}" for each in found[:SHOWN])
    return wrong(
        CHECK,
        f"{counted(len(found), 'row')} not as written: {some}",
        "Stop `ha-ai run` and start it: the start mends them from journal and backups. Look after the disk.",
    )
