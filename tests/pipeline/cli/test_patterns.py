import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.wording.sentences import claim
from schemas.anomalies import Anomaly
from schemas.patterns import Pattern
from sinks.store import SqlStore

Command = Any
MakePattern = Callable[..., Pattern]


@pytest.fixture
def stored(make_pattern: MakePattern) -> list[Pattern]:
    """A store in the present directory with a habit, an automation's doing, and a habit that is no more."""
    patterns = [
        make_pattern(),
        make_pattern(1250.0, entity_id="light.garden", automated=True),
        make_pattern(600.0, entity_id="light.desk", status="retired"),
    ]
    store = SqlStore("sqlite:///ha-ai.db")
    store.migrate()
    with store.begin() as transaction:
        transaction.save_patterns(patterns, 1)
    store.close()
    return patterns


def test_table_says_what_is_known(ha_ai: Command, stored: list[Pattern]) -> None:
    """Habits come with how often they were seen; automations' doings after them and said as such."""
    said = ha_ai("patterns").out
    assert claim(stored[0]) in said
    assert "18 of 20" in said
    assert "90%" in said
    assert stored[0].id[:7] in said
    assert said.index(claim(stored[1])) > said.index(claim(stored[0]))
    assert claim(stored[1]).startswith("An automation")
    assert "desk" not in said


def test_json_lines_are_the_patterns(ha_ai: Command, stored: list[Pattern]) -> None:
    """Every active pattern is a line of JSON that is the pattern itself."""
    lines = ha_ai("patterns", "--json").out.splitlines()
    assert [Pattern.model_validate_json(line) for line in lines] == stored[:2]


def test_all_shows_those_that_are_no_more(ha_ai: Command, stored: list[Pattern]) -> None:
    """Retired patterns are shown on request, as JSON with their status, in the table as gone."""
    lines = ha_ai("patterns", "--json", "--all").out.splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["active", "active", "retired"]
    assert f"No longer: {claim(stored[2])}" in ha_ai("patterns", "--all").out


def test_picture_shows_the_strip(ha_ai: Command, stored: list[Pattern]) -> None:
    """The picture holds the evidence in words and a strip of the day."""
    del stored
    said = ha_ai("patterns", "--picture").out
    assert "Seen 18 of 20 times" in said
    assert "00 ··" in said


def test_anomalies_are_shown_instead(ha_ai: Command, stored: list[Pattern], anomaly: Anomaly) -> None:
    """What was out of order: when, what, what was expected; as JSON the anomaly itself."""
    del stored
    assert "Nothing was out of order so far." in ha_ai("patterns", "--anomalies").err
    store = SqlStore("sqlite:///ha-ai.db")
    with store.begin() as transaction:
        transaction.save_anomalies([anomaly])
    store.close()
    said = ha_ai("patterns", "--anomalies").out
    assert said.startswith("03 Nov 05:30  Oven (switch) has been on for 12 h.")
    assert f"It is usually on for less than 90 min. {anomaly.id[:7]}" in said
    assert Anomaly.model_validate_json(ha_ai("patterns", "--anomalies", "--json").out) == anomaly


def test_reads_beside_a_writer_and_changes_nothing(ha_ai: Command, stored: list[Pattern]) -> None:
    """A transaction that is writing is not waited for, and not a byte of the store is changed."""
    before = Path("ha-ai.db").read_bytes()
    with closing(sqlite3.connect("ha-ai.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM patterns")
        lines = ha_ai("patterns", "--json").out.splitlines()
        writer.execute("ROLLBACK")
    assert len(lines) == len(stored) - 1
    assert Path("ha-ai.db").read_bytes() == before


def test_absent_store_is_said_and_not_made(ha_ai: Command) -> None:
    """Without a store the command says so, and makes none."""
    outcome = ha_ai("patterns")
    assert outcome.code == 2
    assert f"expected the store at {Path.cwd()}/ha-ai.db" in outcome.err
    assert not Path("ha-ai.db").exists()


def test_file_name_may_hold_anything(
    ha_ai: Command, stored: list[Pattern], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spaces, hashes and per cent signs in the file's name are no part of an address."""
    Path("ha-ai.db").rename("50% known #1.db")
    monkeypatch.setenv("HA_AI_DATABASE_PATH", "50% known #1.db")
    assert len(ha_ai("patterns", "--json").out.splitlines()) == len(stored) - 1


def test_other_file_is_said(ha_ai: Command) -> None:
    """A file that is no store of ours is answered with what was expected."""
    sqlite3.connect("ha-ai.db").close()
    Path("ha-ai.db").touch()
    outcome = ha_ai("patterns")
    assert outcome.code == 2
    assert "expected a store that `ha-ai run` has written" in outcome.err


def test_nothing_known_yet_is_said(ha_ai: Command) -> None:
    """A store without patterns is no error: the first ones need some days."""
    store = SqlStore("sqlite:///ha-ai.db")
    store.migrate()
    store.close()
    outcome = ha_ai("patterns")
    assert (outcome.code, outcome.out) == (0, "")
    assert "No patterns yet" in outcome.err
