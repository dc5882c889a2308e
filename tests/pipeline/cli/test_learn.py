"""What is learned of a log, and what is said of one from which nothing can be."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.learning.ledger import PatternChange, What
from pipeline.learning.log_learner import LogLearner
from schemas.patterns import Pattern, TimeOfDayDetail

Command = Any
HEADER = "ts,entity_id,state\n"
# Twenty days of a lamp that is lit at seven and put out at eight.
ROWS = "".join(
    f"2026-01-{day:02d}T{hour:02d}:0{day % 7}:00Z,light.hall,{state}\n"
    for day in range(1, 21)
    for hour, state in ((7, "on"), (8, "off"))
)


@pytest.fixture
def log() -> Path:
    """A log in which there is a habit."""
    Path("log.csv").write_text(HEADER + ROWS)
    return Path("log.csv")


def test_patterns_are_json_lines(ha_ai: Command, log: Path) -> None:
    """Standard output holds a pattern a line; the counts, and whose days they are, go to standard error."""
    outcome = ha_ai("learn", log)
    details = [Pattern.model_validate_json(line).detail for line in outcome.out.splitlines()]
    assert [detail.entity_id for detail in details if isinstance(detail, TimeOfDayDetail)] == ["light.hall"]
    assert outcome.code == 0
    assert "39 state changes on 20 days of UTC, 0 duplicates" in outcome.err


def test_changes_tell_what_is_no_more(
    ha_ai: Command, log: Path, monkeypatch: pytest.MonkeyPatch, make_pattern: Any
) -> None:
    """On a terminal a change says whether its pattern came, changed or went; a line for each."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    said = ha_ai("learn", log, "--changes").out.splitlines()
    assert said[0].startswith("detected   You turn hall (light) ")
    assert {line.split()[0] for line in said} <= {"detected", "updated", "no"}
    gone = PatternChange(What.RETIRED, make_pattern())
    monkeypatch.setattr(LogLearner, "finish", lambda _: iter([gone]))
    assert ha_ai("learn", log, "--changes").out.splitlines()[-1].startswith("no longer  You turn coffee")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere.csv",), "expected a readable log at nowhere.csv"),
        (("log.txt",), "expected a .csv, .jsonl"),
        (("columns.csv",), "expected the columns ts, entity_id, state"),
        (("plain.csv.gz",), "Not a gzipped file"),
        (("short.csv.gz",), "Compressed file ended"),
        (("nonsense.jsonl",), "in nonsense.jsonl, got 2 lines of which none can be read"),
        (("log.csv", "--home", "nowhere.json"), "expected a home.json at nowhere.json, got: No such file"),
        (("log.csv", "--home", "log.csv"), "expected tz, lat, lon and rooms in log.csv, got: Invalid JSON"),
        (
            ("log.csv", "--home", "far.json"),
            "in far.json, got: lat: expected less than or equal to 90, got 91",
        ),
        (("log.csv", "--tz", "Mars"), "tz: expected an IANA time zone such as Europe/Berlin, got 'Mars'"),
    ],
)
def test_what_cannot_be_learned_is_said(
    ha_ai: Command, log: Path, words: tuple[str, ...], message: str
) -> None:
    """A file that is missing, something else or broken ends the command with what was expected of it."""
    Path("log.txt").write_text("")
    Path("columns.csv").write_text("when,what\n")
    Path("plain.csv.gz").write_text(HEADER)
    Path("short.csv.gz").write_bytes(gzip.compress(log.read_bytes())[:-20])
    Path("nonsense.jsonl").write_text("hello\n[1, 2]\n")
    Path("far.json").write_text(json.dumps({"lat": 91}))
    outcome = ha_ai("learn", *words)
    assert outcome.code == 2
    assert message in outcome.err
    assert "Traceback" not in outcome.err
