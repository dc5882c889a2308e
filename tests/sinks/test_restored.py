"""What a store from a backup does not go on with."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.deployments import Deployment
from schemas.events import StateChange
from schemas.outgoing import Outgoing
from sinks.store import SqlStore, backup

HOME = "home"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A store with something under way."""
    path = tmp_path / "ha-ai.db"
    store = SqlStore(f"sqlite:///{path}")
    store.migrate()
    change = StateChange(50, "light.a", None, "on")
    with store.begin() as transaction:
        transaction.journal([(change.key, change)], 1)
        transaction.save_snapshot(
            "seen", json.dumps({"seen_us": 40, "lost": None}).encode(), version=1, applied_seq=0
        )
        transaction.suggestions.deploy(deployment("under way", standing=1, wanted=2, step="write"))
        transaction.suggestions.deploy(deployment("first", standing=0, wanted=1, step="wanted"))
        transaction.suggestions.deploy(deployment("stands", standing=1, wanted=1, step="stands"))
        transaction.suggestions.use_nonce("before", 1)
        transaction.enqueue(
            [Outgoing("said", "ha-ai/a", b"1"), Outgoing("state", "ha-ai/b", b"2", retain=True)], 1
        )
        transaction.suggestions.audit(at_us=1, actor="anna", what="approved", subject="first")
    store.close()
    return path


def deployment(name: str, *, standing: int, wanted: int, step: str) -> Deployment:
    """A deployment at some step."""
    return Deployment(name, f"haai_{name}", wanted, standing, step, 0, "{}", 1)


@pytest.fixture
def restored(database: Path) -> Iterator[Callable[[], SqlStore]]:
    """Back the store up, let something happen, and restore it."""
    opened: list[SqlStore] = []

    def run() -> SqlStore:
        copy = backup.take(database, database.parent / "backups")
        store = SqlStore(f"sqlite:///{database}")
        with store.begin() as transaction:
            transaction.suggestions.use_nonce("since", 2)
        store.close()
        backup.restore(copy, database)
        opened.append(SqlStore(f"sqlite:///{database}"))
        opened[0].migrate()
        return opened[0]

    yield run
    for store in opened:
        store.close()


def test_nothing_is_deployed_that_was_under_way(restored: Callable[[], SqlStore]) -> None:
    """It may have been undone since: what stands is left, and nothing more is wanted."""
    rows = {row.suggestion_id: row for row in restored().suggestions.deployments()}
    assert {name: (row.wanted, row.standing, row.step) for name, row in rows.items()} == {
        "under way": (1, 1, "stands"),
        "first": (0, 0, "stands"),
        "stands": (1, 1, "stands"),
    }
    assert rows["stands"].updated_us == 1


def test_what_is_settled_is_as_it_was_written(restored: Callable[[], SqlStore]) -> None:
    """Its rows have their checksums: what is damaged later shows."""
    store = restored()
    assert store.integrity.damages() == []
    with store._database.reading() as connection:
        bare = "SELECT count(*) FROM {} WHERE checksum IS NULL"
        counts = [
            connection.exec_driver_sql(bare.format(table)).scalar()
            for table in ("deployments", "outbox", "nonces")
        ]
    assert counts == [0, 0, 0]


def test_no_message_is_sent_twice(restored: Callable[[], SqlStore]) -> None:
    """What waited was sent long ago; what is retained says how things are, and may be said again."""
    assert [message.id for message in restored().pending(10)] == ["state"]


def test_commands_that_were_used_since_stay_used(restored: Callable[[], SqlStore]) -> None:
    """A command cannot be played again because the store was set back."""
    suggestions = restored().suggestions
    assert suggestions.is_used("before")
    assert suggestions.is_used("since")


def test_the_home_is_out_of_sight_since_the_backup(restored: Callable[[], SqlStore]) -> None:
    """From the last that it tells of, which the next start makes a gap."""
    kept = restored().snapshot("seen")
    assert kept is not None
    assert json.loads(kept.payload) == {"seen_us": 50, "lost": [50, "restored"]}


def test_the_audit_log_tells_of_it_and_is_whole(restored: Callable[[], SqlStore]) -> None:
    """Who looks later sees that the store was set back, and to when."""
    suggestions = restored().suggestions
    last = suggestions.audit()[-1]
    assert (last.actor, last.what) == ("ha-ai", "restored")
    assert "from ha-ai-home-000001-" in last.detail
    assert abs(last.at_us - time.time_ns() // 1000) < 60_000_000
    assert suggestions.audit_fault() is None


def test_a_store_that_cannot_be_read_is_replaced_all_the_same(database: Path) -> None:
    """Garbage in its place, or nothing, does not keep a backup from being restored."""
    copy = backup.take(database, database.parent / "backups")
    for content in (b"garbage" * 1_000, None):
        database.unlink()
        if content is not None:
            database.write_bytes(content)
        backup.restore(copy, database)
        store = SqlStore(f"sqlite:///{database}")
        assert store.counts()["journal"] == 1
        store.close()
