"""What is learned of a log, and what is said of one from which nothing can be."""

import gzip
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from detectors.history import History
from pipeline.core.ledger import PatternChange, What
from pipeline.learn.log_learner import LogLearner
from schemas.anomalies import Anomaly
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
    assert any(line.startswith("detected   You turn on hall (light) ") for line in said)
    assert said[0].startswith("detected   You turn o")
    assert {line.split()[0] for line in said} <= {"detected", "updated", "no"}
    gone = PatternChange(What.RETIRED, make_pattern())
    monkeypatch.setattr(LogLearner, "finish", lambda _: iter([gone]))
    assert ha_ai("learn", log, "--changes").out.splitlines()[-1].startswith("no longer  You turn on coffee")


def learner_that_knows(patterns: list[Pattern]) -> Any:
    """A learner that found these, whatever it was given."""
    ledger = SimpleNamespace(active={each.id: each for each in patterns})
    core = SimpleNamespace(ledger=ledger, anomalies=[], home=SimpleNamespace(tz="UTC"))
    counts = SimpleNamespace(learned=1, days={1}, duplicates=0, too_late=0)
    nothing = {"take": lambda _: (), "finish": lambda: ()}
    return SimpleNamespace(core=core, counts=counts, **nothing)


class Vigilant:
    """Finds nothing but one anomaly: of the past at night, of the present with every event."""

    kind = "anomaly"

    def __init__(self, anomaly: Anomaly) -> None:
        self._anomaly = anomaly
        self._late = anomaly.model_copy(update={"id": "later"})

    def __getattr__(self, name: str) -> Any:
        if name == "builds_on":
            raise AttributeError(name)
        return {"close_day": lambda _: {}, "detect": lambda _: [self._anomaly]}.get(name, lambda *_: None)

    def watch(self, _: History) -> Any:
        """Alarm at every event."""
        return SimpleNamespace(see=lambda *_: [self._late], note_gap=lambda *_: None)


@pytest.fixture
def alarmed(anomaly: Anomaly, monkeypatch: pytest.MonkeyPatch) -> Anomaly:
    """The anomaly that is all there is to be found."""
    monkeypatch.setattr("pipeline.cli.learn.detectors", lambda *_: [Vigilant(anomaly)])
    return anomaly


def test_anomalies_come_after_the_patterns(ha_ai: Command, log: Path, alarmed: Anomaly) -> None:
    """What was out of order is a line of JSON of the same shape, and counted."""
    outcome = ha_ai("learn", log)
    assert [json.loads(line)["pattern_type"] for line in outcome.out.splitlines()] == ["anomaly"]
    assert Anomaly.model_validate_json(outcome.out) == alarmed
    assert "0 patterns, 1 anomaly" in outcome.err


@pytest.mark.usefixtures("alarmed")
def test_alarms_are_said_as_they_come(ha_ai: Command, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With changes an alarm is said once, when it comes, in words on a terminal."""
    lines = ha_ai("learn", log, "--changes").out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["later"]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    said = "anomaly    Oven (switch) has been on for 12 h. It is usually on for less than 90 min."
    assert ha_ai("learn", log, "--changes").out.splitlines() == [f"{said} later"]


def test_sentences_are_sorted_by_kind_and_certainty(
    ha_ai: Command, log: Path, monkeypatch: pytest.MonkeyPatch, make_pattern: Any
) -> None:
    """On a terminal the surest habit of a kind comes first, each with the id by which it can be explained."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    known = [make_pattern(confidence=sure, entity_id=f"light.{sure}") for sure in (0.6, 0.9, 0.7)]
    monkeypatch.setattr("pipeline.cli.learn.LogLearner", lambda *_, **__: learner_that_knows(known))
    said = ha_ai("learn", log).out.splitlines()
    assert [line.split()[-1] for line in said] == [known[place].id[:7] for place in (1, 2, 0)]


def test_workers_find_the_same(ha_ai: Command, log: Path) -> None:
    """What is printed does not depend on how many processes read the log."""
    alone = ha_ai("learn", log)
    assert ha_ai("learn", log, "--workers", "2") == alone
    refused = ha_ai("learn", log, "--workers", "0")
    assert (refused.code, refused.err) == (2, "ha-ai: expected at least one worker, got 0\n")


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
