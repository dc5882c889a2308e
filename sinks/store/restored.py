"""End in a restored store what it must not go on with: it knows nothing of what happened since its backup."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.engine import URL

from schemas.instants import from_us
from schemas.tables import (
    CommitsRow,
    DeploymentRow,
    JournalRow,
    NonceRow,
    OutboxRow,
    SnapshotRow,
    table_of,
)
from sinks.store import audit, migrations
from sinks.store.checksums import summed
from sinks.store.engine import Database, insert_into, upsert
from sinks.store.rows import snapshot_checksum
from sinks.store.sqlite_file import looking_into

REASON = "restored"
# As `HomeLearner` keeps it: how long the home was in sight, and since when it is not.
SEEN = "seen"
STANDS = "stands"

_SNAPSHOTS = table_of(SnapshotRow)
_JOURNAL = table_of(JournalRow)
_OUTBOX = table_of(OutboxRow)
_DEPLOYMENTS = table_of(DeploymentRow)
_NONCES = table_of(NonceRow)


def settle(draft: Path, replaced: Path, *, name: str, created_us: int) -> None:
    """Bring a store from a backup to our revision, and settle what was under way when it was made.

    From then on the home was out of sight: that is a gap, and no habit was missed. Messages that waited were
    sent long ago. A deployment that was under way is not gone on with: it may have been undone since.
    Commands that were used since stay used, as far as the replaced store can be read.

    Parameters
    ----------
    draft
        The store from the backup, which nobody else has open.
    replaced
        The store whose place it takes; it may be missing or damaged.
    name, created_us
        The backup's name, and when it was made.
    """
    address = URL.create("sqlite", database=str(draft)).render_as_string(hide_password=False)
    now_us = time.time_ns() // 1000
    with closing(Database(address, busy_timeout_s=5)) as database:
        migrations.migrate(database)
        with database.writing() as connection:
            # Its mark went with the replaced store: both begin to count anew.
            connection.execute(delete(table_of(CommitsRow)))
            _use_nonces(connection, replaced)
            for home in _homes(connection):
                _lose_sight(connection, home)
                _end_deployments(connection, home, now_us)
                _silence(connection, home, now_us)
                audit.append(
                    connection,
                    home,
                    at_us=now_us,
                    actor="ha-ai",
                    what=REASON,
                    subject="store",
                    detail=f"from {name}, made {from_us(created_us):%Y-%m-%d %H:%M} UTC",
                )


def _homes(connection: Connection) -> list[str]:
    return sorted(connection.execute(select(_SNAPSHOTS.c.home).distinct()).scalars())


def _lose_sight(connection: Connection, home: str) -> None:
    row = connection.execute(
        select(_SNAPSHOTS).where(_SNAPSHOTS.c.home == home, _SNAPSHOTS.c.name == SEEN)
    ).one_or_none()
    last = select(_JOURNAL.c.at_us).where(_JOURNAL.c.home == home).order_by(_JOURNAL.c.seq.desc()).limit(1)
    plain: dict[str, Any] = json.loads(row.payload) if row else {}
    seen_us = max(plain.get("seen_us", 0), connection.execute(last).scalar() or 0)
    if not seen_us:
        return
    since_us = plain["lost"][0] if plain.get("lost") else seen_us
    payload = json.dumps({**plain, "seen_us": seen_us, "lost": [since_us, REASON]}).encode()
    version, applied = (row.version, row.applied_seq) if row else (1, 0)
    kept = {"home": home, "name": SEEN, "version": version, "applied_seq": applied, "payload": payload}
    checksum = snapshot_checksum(SEEN, version, applied, payload)
    upsert(connection, _SNAPSHOTS, [{**kept, "checksum": checksum}])


def _end_deployments(connection: Connection, home: str, now_us: int) -> None:
    """Leave what stands as it is and want nothing more: a person may approve it again."""
    under_way = select(_DEPLOYMENTS).where(_DEPLOYMENTS.c.home == home, _DEPLOYMENTS.c.step != STANDS)
    settled = {
        "step": STANDS,
        "attempts": 0,
        "updated_us": now_us,
        "failure": "",
        "failure_text": "",
        "drift": "",
    }
    rows = [{**row, "wanted": row["standing"], **settled} for row in connection.execute(under_way).mappings()]
    upsert(connection, _DEPLOYMENTS, rows)


def _silence(connection: Connection, home: str, now_us: int) -> None:
    connection.execute(
        update(_OUTBOX)
        .where(_OUTBOX.c.home == home, _OUTBOX.c.sent_us.is_(None), ~_OUTBOX.c.retain)
        .values(sent_us=now_us)
    )


def _use_nonces(connection: Connection, replaced: Path) -> None:
    for home, nonce, seen_us in _nonces(replaced):
        rows = summed([{"home": home, "nonce": nonce, "seen_us": seen_us}], _NONCES)
        connection.execute(insert_into(connection, _NONCES).on_conflict_do_nothing(), rows)


def _nonces(replaced: Path) -> Iterator[tuple[str, str, int]]:
    """Yield the nonces that the replaced store can still tell; commands are valid for two minutes only."""
    if not replaced.is_file():
        return
    try:
        with looking_into(replaced) as old:
            yield from old.execute("SELECT home, nonce, seen_us FROM nonces")
    except sqlite3.Error:
        return
