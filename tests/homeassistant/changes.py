"""State changes as the recorder and the event stream hold them."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

UNKNOWN_STATES = frozenset({None, "unknown", "unavailable"})

# Not by state_id: the recorder inserts the changes of one commit in groups of like columns.
CHANGES_SQL = """
SELECT new.last_updated_ts, meta.entity_id, old.state, new.state,
       new.context_id_bin, new.context_user_id_bin, new.context_parent_id_bin
FROM states AS new
JOIN states_meta AS meta ON meta.metadata_id = new.metadata_id
LEFT JOIN states AS old ON old.state_id = new.old_state_id
WHERE new.last_updated_ts BETWEEN :since_us / 1e6 - 1 AND :until_us / 1e6 + 1
ORDER BY new.last_updated_ts
"""


@dataclass(frozen=True)
class Change:
    """One state change as Home Assistant wrote it down or published it."""

    at_us: int
    entity_id: str
    old_state: str | None
    new_state: str | None
    context_id: str
    user_id: str | None
    parent_id: str | None

    @property
    def counts(self) -> bool:
        """Whether a known state gave way to another: starts, losses and attributes are not behaviour."""
        return self.old_state != self.new_state and UNKNOWN_STATES.isdisjoint(
            (self.old_state, self.new_state)
        )


def behaviours(changes: Iterable[Change]) -> list[Change]:
    """Return what counts; what ha-ai shows of itself, where it is there too, is no part of the home."""
    return [change for change in changes if change.counts and ".ha_ai_" not in change.entity_id]


def to_microseconds(moment: datetime) -> int:
    """Return the whole microseconds since 1970."""
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


def to_ulid(raw: bytes) -> str:
    """Return the recorder's 16 bytes as the text that Home Assistant publishes."""
    number = int.from_bytes(raw, "big")
    return "".join(
        "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[number >> 5 * digit & 31] for digit in range(25, -1, -1)
    )


def read_recorded(database: Path, since_us: int, until_us: int) -> list[Change]:
    """Return the changes between two times, both excluded, in the order in which they happened.

    One query for the schemas 42 (2024.3) to 53 (2026.11) of the recorder.
    """
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute(CHANGES_SQL, {"since_us": since_us, "until_us": until_us}).fetchall()
    changes = [
        Change(
            # The rounding is Home Assistant's own: another way of rounding differs by a microsecond.
            to_microseconds(datetime.fromtimestamp(updated_s, UTC)),
            entity_id,
            old_state,
            new_state,
            to_ulid(context),
            user.hex() if user else None,
            to_ulid(parent) if parent else None,
        )
        for updated_s, entity_id, old_state, new_state, context, user, parent in rows
    ]
    return [change for change in changes if since_us < change.at_us < until_us]


def to_change(event: dict[str, Any]) -> Change | None:
    """Return the state change that a published event tells; a removal has no new state and no time."""
    if event["event_type"] != "state_changed" or not (new := event["event_data"]["new_state"]):
        return None
    return Change(
        to_microseconds(datetime.fromisoformat(new["last_updated"])),
        new["entity_id"],
        (event["event_data"]["old_state"] or {}).get("state"),
        new["state"],
        new["context"]["id"],
        new["context"]["user_id"],
        new["context"]["parent_id"],
    )


def read_streamed(events: list[dict[str, Any]], since_us: int, until_us: int) -> list[Change]:
    """Return the state changes among published events between two times, both excluded, as they came."""
    return [change for change in map(to_change, events) if change and since_us < change.at_us < until_us]
