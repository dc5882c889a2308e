"""Damage to any file or row is noticed, mended and spoken of; without checksums it is not."""

import pytest

from benchmarks.damage.__main__ import SMALL, is_survived, run
from sinks.store import checksums, integrity, store

pytestmark = pytest.mark.drill


def test_every_fault_is_noticed_or_without_effect() -> None:
    """Faults of every kind end no start, and take nothing that nobody speaks of."""
    assert [each for each in run(SMALL, seed=3) if not is_survived(each)] == []


def test_the_drill_rejects_a_store_without_checksums(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that takes rows for whole as they are loses some in silence, or ends at them."""
    for module in (checksums, integrity, store):
        monkeypatch.setattr(module, "is_whole", lambda *_: True)
    monkeypatch.setattr(integrity, "CHECKED", ())
    assert not all(map(is_survived, run(SMALL, seed=3)))
