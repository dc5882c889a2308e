"""What tells of a household is for its owner's eyes."""

import os
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from pipeline.runtime import belongings
from pipeline.runtime.belongings import keeping_private, readable_by_others
from pipeline.settings import Settings
from sinks.store import SqlStore, backup


def modes(folder: Path) -> dict[str, int]:
    """The mode of every file."""
    return {path.name: path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose store is in a folder of its own."""
    return Settings(_env_file=None, database_path=tmp_path / "ha-ai.db")


@pytest.mark.parametrize("umask", [0o022, 0o000])
def test_what_is_made_is_private(settings: Settings, tmp_path: Path, umask: int) -> None:
    """The store, its log and its index, whatever the umask is; which is as before in the end."""
    before = os.umask(umask)
    try:
        with keeping_private(settings):
            store = SqlStore(settings.store_url)
            store.migrate()
            assert set(modes(tmp_path).values()) == {0o600}
            assert set(modes(tmp_path)) >= {"ha-ai.db", "ha-ai.db-wal", "ha-ai.db-shm"}
            store.close()
        assert os.umask(umask) == umask
    finally:
        os.umask(before)


def test_what_is_there_is_closed_and_said(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old files, moved aside ones and backups lose the others' rights, and the log says which."""
    monkeypatch.setattr(belongings, "log", structlog.get_logger())
    store = SqlStore(settings.store_url)
    store.migrate()
    copy = backup.take(settings.database_path, tmp_path / "backups")
    (tmp_path / "ha-ai.db.before-then").write_text("diary")
    opened = {*tmp_path.glob("ha-ai.db*"), copy}
    for path in opened:
        path.chmod(0o644)
    assert set(readable_by_others(settings)) == opened
    with capture_logs() as logs, keeping_private(settings):
        assert set(modes(tmp_path).values()) == {0o600}
    store.close()
    assert [line["mode"] for line in logs] == ["644"] * len(opened)
    assert readable_by_others(settings) == []


def test_what_is_somebody_elses_is_said_and_ends_nothing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that we may not change is named in the log."""
    monkeypatch.setattr(belongings, "log", structlog.get_logger())
    (tmp_path / "ha-ai.db").write_bytes(b"")
    (tmp_path / "ha-ai.db").chmod(0o644)

    def refuse(_path: Path, _mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    with capture_logs() as logs, keeping_private(settings):
        pass
    assert "chmod 600" in logs[0]["event"]
    assert logs[0]["log_level"] == "warning"
