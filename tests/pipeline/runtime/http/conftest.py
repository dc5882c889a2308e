"""A service that does not run, of which pages can be asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.learn.service import Service
from pipeline.runtime.http import guard
from pipeline.settings import Settings
from schemas.home import Home


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service with a store of its own."""
    made = Service(Settings(_env_file=None, database_path=tmp_path / "ha-ai.db"), Home())
    yield made
    made.store.close()


@pytest.fixture
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take any number of requests a second."""
    monkeypatch.setattr(guard, "REQUESTS_PER_S", 1e9)
