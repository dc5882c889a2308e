"""Runs over stores of their own, and what a clean one keeps."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.events import StateChange
from sinks.store import SqlStore
from tests.pipeline.delivery.runs import Kept, Run, new_learner, state_changes


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Late days settle at once."""
    monkeypatch.setattr("pipeline.learn.learner.LATE_S", 0.0)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Run]]:
    """Starts a process over a store of its own."""
    stores: list[SqlStore] = []

    def run() -> Run:
        store = SqlStore(f"sqlite:///{tmp_path}/{len(stores)}.db")
        store.migrate()
        stores.append(store)
        return Run(store, new_learner(store))

    yield run
    for store in stores:
        store.close()


@pytest.fixture
def changes() -> list[StateChange]:
    """Five days of a small home."""
    return state_changes(5)


@pytest.fixture
def clean(start: Callable[[], Run], changes: list[StateChange]) -> Kept:
    """What a store holds after all changes, each once, in order, without a fault."""
    process = start()
    for change in changes:
        process.deliver([change])
    process.rest()
    return process.kept()
