"""What is shown of the audit log, and whether it is whole."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from pipeline.runtime.home import SNAPSHOT, SNAPSHOT_VERSION
from schemas.home import Home
from sinks.store import SqlStore

Command = Any


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    """A store with two entries, where the command looks for it."""
    made = SqlStore(f"sqlite:///{tmp_path}/ha-ai.db")
    made.migrate()
    with made.begin() as transaction:
        writes = transaction.suggestions
        writes.audit(at_us=0, actor="Ada", what="approve", subject="0123456789abcdef", detail="version 1")
        writes.audit(
            at_us=1_000_000, actor="unknown", what="refused", subject="", detail="bad\x1b[2J signature"
        )
    made.close()
    return made


@pytest.mark.usefixtures("store")
def test_whole_log(ha_ai: Command) -> None:
    """Each entry is a line, oldest first, and the chain is said to be whole."""
    outcome = ha_ai("audit")
    assert outcome.code == 0
    lines = [line.split() for line in outcome.out.splitlines()]
    assert lines[1] == ["01", "Jan", "00:00", "Ada", "approve", "0123456", "version", "1"]
    assert "\x1b" not in outcome.out
    assert "The log is whole: 2 entries" in outcome.err


def test_table_at_80_columns(store: SqlStore, ha_ai: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids of users are cut and hashes left out, so that the words have room; JSON has all of it."""
    monkeypatch.setenv("COLUMNS", "80")
    user, content = "0123456789abcdef" * 2, "89abcdef" * 8
    detail = f"version 1 {content} {'ab' * 16} user={user} too early"
    with store.begin() as transaction:
        transaction.suggestions.audit(at_us=0, actor=user, what="approve", subject="abc", detail=detail)
    shown = ha_ai("audit").out.splitlines()[-2:]
    assert " ".join(" ".join(shown).split()).endswith(
        "01 Jan 00:00 01234567 approve abc version 1 user=01234567 too early"
    )
    assert json.loads(ha_ai("audit", "--json").out.splitlines()[-1])["detail"] == detail


def test_zone_is_that_of_the_kept_home(
    store: SqlStore, ha_ai: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times are those of the home as the last start kept it, unless the settings say a zone."""
    home = Home(id="home", tz="Asia/Tokyo", lat=35.7, lon=139.7)
    with store.begin() as transaction:
        transaction.save_snapshot(
            SNAPSHOT, home.model_dump_json().encode(), version=SNAPSHOT_VERSION, applied_seq=0
        )
    assert "01 Jan 09:00" in ha_ai("audit").out
    monkeypatch.setenv("HA_AI_TZ", "Europe/Berlin")
    assert "01 Jan 01:00" in ha_ai("audit").out


@pytest.mark.usefixtures("store")
def test_json(ha_ai: Command) -> None:
    """JSON lines hold the whole entries with their hashes."""
    first, second = map(json.loads, ha_ai("audit", "--json").out.splitlines())
    assert (first["number"], first["actor"], first["subject"]) == (1, "Ada", "0123456789abcdef")
    assert second["previous"] == first["hash"]
    assert second["at"] == "1970-01-01T00:00:01+00:00"


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE audit SET actor = 'Eve' WHERE number = 1", "entry 1 is not what was written"),
        ("DELETE FROM audit WHERE number = 1", "expected entry 1, got 2"),
    ],
)
def test_broken_log(ha_ai: Command, tmp_path: Path, change: str, why: str) -> None:
    """An entry that was changed or is missing is told, and is exit code 1."""
    engine = create_engine(f"sqlite:///{tmp_path}/ha-ai.db")
    with engine.begin() as connection:
        connection.execute(text(change))
    engine.dispose()
    outcome = ha_ai("audit")
    assert outcome.code == 1
    assert f"The log is broken: {why}" in outcome.err


def test_no_store(ha_ai: Command) -> None:
    """Without a store there is nothing to check."""
    outcome = ha_ai("audit")
    assert outcome.code == 2
    assert "expected the store at" in outcome.err
