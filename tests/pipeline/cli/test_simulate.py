import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from schemas.home import Home

Command = Any


def test_writes_events_home_and_truth(ha_ai: Command) -> None:
    """The directory holds a log that `learn` reads, the home, and what was planted."""
    outcome = ha_ai(
        "simulate", "--out", "house", "--days", 1, "--tz", "Europe/Paris", "--start", "2026-06-01"
    )
    lines = gzip.decompress(Path("house/events.jsonl.gz").read_bytes()).splitlines()
    assert outcome.code == 0
    assert json.loads(lines[0]).keys() == {"arrival", "payload"}
    assert Home.read(Path("house/home.json")).tz == "Europe/Paris"
    assert list(json.loads(Path("house/truth.json").read_text())["day_types"]) == ["2026-06-01"]
    assert f"{len(lines):,} messages of 1 days" in outcome.out


def test_says_what_was_planted(ha_ai: Command) -> None:
    """Habits, pairs and machines' doings are said in words with how often they came about."""
    said = ha_ai("simulate", "--out", "house", "--days", 2).out
    assert "turn coffee maker (switch) on on weekdays around 06:53: 2 of 2 days" in said
    assert "turn pantry (light) on 4 seconds after pantry door (binary sensor) becomes on" in said
    assert "14 min after sunset" in said
    assert "unknown to Home Assistant" in said


def test_same_seed_same_bytes(ha_ai: Command) -> None:
    """A seed gives the same log again; another seed gives another."""
    for directory, seed in (("one", 5), ("same", 5), ("other", 6)):
        ha_ai("simulate", "--out", directory, "--days", 1, "--seed", seed)
    one, same, other = (Path(name, "events.jsonl.gz").read_bytes() for name in ("one", "same", "other"))
    assert one == same != other


@pytest.mark.parametrize("words", [("--days", "0"), ("--tz", "Europe/Nowhere")])
def test_says_what_was_expected(ha_ai: Command, words: tuple[str, str]) -> None:
    """A wrong argument is answered with what was expected, and nothing is written."""
    outcome = ha_ai("simulate", "--out", "house", *words)
    assert outcome.code == 2
    assert outcome.err.startswith("ha-ai: expected")
    assert not Path("house").exists()


@pytest.mark.parametrize(("found", "called"), [("/bin/ha-ai", "ha-ai"), (None, ".venv/bin/ha-ai")])
def test_next_steps_can_be_typed_as_they_stand(
    ha_ai: Command, monkeypatch: pytest.MonkeyPatch, found: str | None, called: str
) -> None:
    """Where the command is not on PATH it is named as it was called."""
    monkeypatch.setattr("shutil.which", lambda _: found)
    monkeypatch.setattr("sys.argv", [".venv/bin/ha-ai"])
    said = ha_ai("simulate", "--out", "home", "--days", "1").out
    assert f"Learn it:   {called} learn home/events.jsonl.gz" in said
