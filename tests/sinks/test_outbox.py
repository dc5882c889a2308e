"""What waits to be sent is bounded by age, number and bytes, and what that costs is told by topic."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.outgoing import Outgoing
from sinks.store import SqlStore, outbox
from sinks.store.outbox import LONGEST_US, NEVER_OLD, US, Dropped

NOW_US = 1_800_000_000 * US


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    """An empty store."""
    made = SqlStore(f"sqlite:///{tmp_path}/ha-ai.db")
    made.migrate()
    return made


@pytest.fixture
def put(store: SqlStore) -> Callable[..., None]:
    """Puts messages into the outbox at a time."""
    number = iter(range(1_000_000))

    def enqueue(topic: str, count: int, at_us: int, payload: bytes = b"x", **how: object) -> None:
        with store.begin() as transaction:
            messages = [Outgoing(f"m{next(number)}", topic, payload, **how) for _ in range(count)]  # type: ignore[arg-type]
            transaction.enqueue(messages, at_us)

    return enqueue


def waiting(store: SqlStore) -> list[str]:
    """Topics of what waits, in order."""
    return [message.topic for message in store.pending(100_000)]


def test_what_has_expired_leaves(store: SqlStore, put: Callable[..., None]) -> None:
    """Nobody is to read it any more; what has a second left stays."""
    put("expired", 2, NOW_US - 301 * US, expiry_s=300)
    put("fresh", 1, NOW_US - 299 * US, expiry_s=300)
    put("without", 1, NOW_US - 301 * US)
    assert store.bound_outbox(now_us=NOW_US) == [Dropped("expired", "expired", 2)]
    assert waiting(store) == ["fresh", "without"]
    assert store.bound_outbox(now_us=NOW_US) == []


def test_what_is_old_leaves_but_a_clock_takes_not_all(store: SqlStore, put: Callable[..., None]) -> None:
    """The newest stay however old they are, and so does what is retained."""
    put("old", 30, NOW_US - LONGEST_US - 1)
    put("kept", 1, NOW_US - LONGEST_US - 1, retain=True)
    put("old", NEVER_OLD, NOW_US - LONGEST_US - 1)
    assert store.bound_outbox(now_us=NOW_US) == [Dropped("old", "old", 30)]
    assert len(waiting(store)) == NEVER_OLD + 1
    assert waiting(store)[0] == "kept"


@pytest.mark.parametrize(("count", "payload"), [(300, b"x"), (30, b"x" * 1_000)])
def test_too_much_leaves_oldest_first_and_commands_last(
    store: SqlStore, put: Callable[..., None], monkeypatch: pytest.MonkeyPatch, count: int, payload: bytes
) -> None:
    """By number or by bytes."""
    monkeypatch.setattr(outbox, "LARGEST_COUNT", 100)
    monkeypatch.setattr(outbox, "LARGEST_BYTES", 15_000)
    put("ha-ai/commands/automation/deploy", 2, NOW_US - 2)
    put("first", count, NOW_US - 1, payload)
    put("second", 2, NOW_US, payload)
    (dropped,) = store.bound_outbox(now_us=NOW_US)
    assert (dropped.reason, dropped.topic) == ("too many", "first")
    left = waiting(store)
    assert left.count("ha-ai/commands/automation/deploy") == 2
    assert left.count("second") == 2
    assert len(left) + dropped.messages == count + 4
    assert len(left) <= 90
    assert store.bound_outbox(now_us=NOW_US) == []
