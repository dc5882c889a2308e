"""What waits for the clock, on every database."""

import pytest

from schemas.events import StateChange
from sinks.store import Extent, SqlStore, Waiting, quarantine


def waiting(at_us: int, reason: str = "future") -> Waiting:
    """An event that waits."""
    change = StateChange(at_us, "light.a", "off", "on")
    return Waiting(change.key, change, "homeassistant_events", 1, reason)


def test_each_waits_once_and_leaves_when_taken(url: str) -> None:
    """Events are given out by their time, in order, of their own home, until they are released."""
    store, other = SqlStore(url), SqlStore(url, home="other")
    store.migrate()
    events = [waiting(at_us, "too_old" if at_us < 20 else "future") for at_us in (30, 10, 20, 40)]
    for _ in range(2):
        with store.begin() as transaction:
            transaction.quarantine.add(events)
    with other.begin() as transaction:
        transaction.quarantine.add(events[:1])
    assert store.quarantine.extent().reasons == {"future": 3, "too_old": 1}
    assert [each.entry.at_us for each in store.quarantine.due(10, 30, 2)] == [10, 20]
    with store.begin() as transaction:
        transaction.quarantine.release([each.key for each in events[:3]])
    assert store.quarantine.due(0, 99, 9) == [events[3]]
    assert other.quarantine.due(0, 99, 9) == [events[0]]
    store.close()
    other.close()


def test_the_farthest_make_room_by_number_and_by_bytes(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is nearest to what was learned stays; within the bounds nothing leaves."""
    store = SqlStore(url)
    store.migrate()
    assert store.quarantine.extent() == Extent({}, 0)
    with store.begin() as transaction:
        transaction.quarantine.add([waiting(at_us) for at_us in range(0, 200, 10)])
        assert transaction.quarantine.make_room(100) == 0
    monkeypatch.setattr(quarantine, "MOST", 10)
    with store.begin() as transaction:
        assert transaction.quarantine.make_room(100) >= 10
    left = [each.entry.at_us for each in store.quarantine.due(0, 200, 99)]
    assert 0 < len(left) <= 10
    assert all(abs(at_us - 100) <= 50 for at_us in left)
    monkeypatch.setattr(quarantine, "MOST_BYTES", 1)
    with store.begin() as transaction:
        assert transaction.quarantine.make_room(100) == len(left)
    store.close()
