import gzip
import json
import re
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
    """Everything that can be found is said in words with how often it came about, and what cannot too."""
    said = ha_ai("simulate", "--out", "house", "--days", 25).out
    assert re.search(r"turn on coffee maker \(switch\) on weekdays around 06:53: \d+ of \d+ days", said)
    assert "14 min after sunset" in said
    assert re.search(r"around \d\d:\d\d, from 2026-10-\d\d on around", said)
    assert re.search(r"around \d\d:\d\d, until 2026-10-\d\d", said)
    assert re.search(
        r"turn on pantry \(light\) \d s after pantry door \(binary sensor\) becomes on: \d", said
    )
    for condition in ("in the dark", "between 07:00 and", "on weekdays", "is below", "somebody is at home"):
        assert condition in said
    assert re.search(r"\d s later you .* \d s later you .*: \d+ of \d+ times", said)
    assert "unknown to Home Assistant" in said
    assert re.search(r"was not used as usual: \d\d Oct \d\d:\d\d", said)


def test_anomalies_can_be_left_out(ha_ai: Command) -> None:
    """Without a kind after it the option leaves all out, with some those alone are in."""
    for kinds in ([], ["flapping", "stuck_sensor"]):
        ha_ai("simulate", "--out", "house", "--days", 30, "--seed", 4, "--anomalies", *kinds)
        found = {each["kind"] for each in json.loads(Path("house/truth.json").read_text())["anomalies"]}
        assert found == set(kinds)


def test_difficulty_occupants_and_place_are_options(ha_ai: Command) -> None:
    """More people, a harder home and another place show in the files."""
    words = (
        "--days",
        2,
        "--occupants",
        3,
        "--difficulty",
        "hard",
        "--tz",
        "Australia/Sydney",
        "--lat",
        -33.9,
    )
    assert ha_ai("simulate", "--out", "house", *words, "--lon", 151.2).code == 0
    home = Home.read(Path("house/home.json"))
    assert (home.tz, home.lat, home.lon) == ("Australia/Sydney", -33.9, 151.2)
    text = gzip.decompress(Path("house/events.jsonl.gz").read_bytes()).decode()
    assert '"person.kim"' in text
    assert '"person.sam"' not in text


def test_same_seed_same_bytes(ha_ai: Command) -> None:
    """A seed gives the same log again; another seed gives another."""
    for directory, seed in (("one", 5), ("same", 5), ("other", 6)):
        ha_ai("simulate", "--out", directory, "--days", 1, "--seed", seed)
    one, same, other = (Path(name, "events.jsonl.gz").read_bytes() for name in ("one", "same", "other"))
    assert one == same != other


@pytest.mark.parametrize(
    "words",
    [
        ("--days", "0"),
        ("--tz", "Europe/Nowhere"),
        ("--difficulty", "brutal"),
        ("--occupants", "9"),
        ("--lat", "91"),
        ("--start", "9999-12-30"),
        ("--start", "0001-01-01"),
    ],
)
def test_says_what_was_expected(ha_ai: Command, words: tuple[str, str]) -> None:
    """A wrong argument is answered with what was expected, and nothing is written."""
    outcome = ha_ai("simulate", "--out", "house", *words)
    assert outcome.code == 2
    assert outcome.err.startswith("ha-ai: expected")
    assert not Path("house").exists()


@pytest.mark.parametrize("out", ["house", "house/inside"])
def test_says_that_a_directory_was_expected(ha_ai: Command, out: str) -> None:
    """Where a file stands, no directory can be: it is said, and the file stays."""
    Path("house").write_text("mine")
    outcome = ha_ai("simulate", "--out", out, "--days", 1)
    assert outcome.code == 2
    assert outcome.err.startswith(f"ha-ai: expected a directory that can be written to, got {out}: ")
    assert Path("house").read_text() == "mine"


@pytest.mark.parametrize(("found", "called"), [("/bin/ha-ai", "ha-ai"), (None, ".venv/bin/ha-ai")])
def test_next_steps_can_be_typed_as_they_stand(
    ha_ai: Command, monkeypatch: pytest.MonkeyPatch, found: str | None, called: str
) -> None:
    """Where the command is not on PATH it is named as it was called."""
    monkeypatch.setattr("shutil.which", lambda _: found)
    monkeypatch.setattr("sys.argv", [".venv/bin/ha-ai"])
    said = ha_ai("simulate", "--out", "home", "--days", "1").out
    assert f"Learn it:   {called} learn home/events.jsonl.gz" in said
