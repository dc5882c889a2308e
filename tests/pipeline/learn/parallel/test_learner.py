"""Several workers learn a log to the same bytes as one process that takes it entry by entry."""

import gzip
import itertools
import json
import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from detectors.registry import detectors
from pipeline.ingest.logs import LogReader, read_log
from pipeline.learn.log_learner import LogLearner
from pipeline.learn.parallel import learner as learning
from pipeline.learn.parallel.learner import ParallelLearner, TooManyEntitiesError
from pipeline.learn.parallel.worker import Task, Worker, WorkerError
from pipeline.simulation import Household, write_household
from schemas.home import Home

CALL = {"event_type": "call_service", "event_data": {"domain": "light", "service": "turn_on"}}


@pytest.fixture(scope="module")
def home(household: Path) -> Home:
    """Whose log it is."""
    return Home.read(household / "home.json")


@pytest.fixture(scope="module")
def household(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A week's log with all that a log can hold: calls, poison, duplicates, what is too late."""
    folder = tmp_path_factory.mktemp("household")
    write_household(Household(seed=7, days=7, start=date(2026, 10, 22)), folder)
    lines = gzip.decompress((folder / "events.jsonl.gz").read_bytes()).splitlines()
    rng = random.Random(7)
    late = [lines[number] for number in range(0, 400, 4)]
    for number in sorted(rng.sample(range(len(lines)), len(lines) // 10), reverse=True):
        lines.insert(number + rng.randrange(300), lines[number])
    for line in (b"nonsense", b'{"event_type": 7}', *[json.dumps(CALL).encode()] * 100):
        lines.insert(rng.randrange(len(lines)), line)
    (folder / "events.jsonl").write_bytes(b"\n".join((json.dumps(CALL).encode(), *lines, *late)))
    return folder


def canonical(learner: LogLearner | ParallelLearner, reader: LogReader) -> dict[str, Any]:
    """What was learned and counted, as bytes where there is much of it."""
    core, history = learner.core, learner.core.history()
    return {
        "counts": (learner.counts, reader.poison),
        "sets": {str(day): events.pack() for day, events in core.open_days().items()},
        "days": [
            (str(day.date), day.types, day.at_ms.tobytes(), day.causes.tobytes()) for day in history.days
        ],
        "aggregates": json.dumps(history.aggregates, default=dict).encode(),
        "steps": {name: steps.mean.tobytes() for name, steps in history.steps.items()},
        "patterns": [pattern.exact() for pattern in core.ledger.active.values()],
        "anomalies": [anomaly.exact() for anomaly in core.anomalies],
    }


def in_order(household: Path, home: Home, *, nightly: bool) -> dict[str, Any]:
    """What one process makes of the log."""
    learner, reader = LogLearner(home, detectors(), nightly=nightly), LogReader()
    for entry in read_log(household / "events.jsonl"):
        item = reader.read(entry)
        for _ in learner.take(item) if item is not None else ():
            pass
    for _ in learner.finish():
        pass
    return canonical(learner, reader)


@pytest.fixture(scope="module")
def expected(household: Path, home: Home) -> dict[str, Any]:
    """What a home that judges every night makes of the log."""
    return in_order(household, home, nightly=True)


def test_log_is_worth_learning(expected: dict[str, Any]) -> None:
    """It holds duplicates, poison, entries that come too late, and habits."""
    counts, poison = expected["counts"]
    assert counts.duplicates > 500
    assert counts.too_late > 20
    assert poison >= 2
    assert len(counts.days) == 7
    assert expected["patterns"]


def test_judging_once_finds_what_judging_every_night_finds(
    household: Path, home: Home, expected: dict[str, Any]
) -> None:
    """What is known at the end follows from the closed days, not from the nights before."""
    once = in_order(household, home, nightly=False)
    assert [name for name, value in expected.items() if once[name] != value] == []


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_any_number_of_workers_learns_the_same(
    household: Path, home: Home, expected: dict[str, Any], workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts, day sets, closed days, aggregates and patterns are the same bytes, with so many workers."""
    monkeypatch.setattr(learning, "BLOCK_ENTRIES", 97)
    learner = ParallelLearner(home, detectors(), workers=workers)
    learner.learn(read_log(household / "events.jsonl"))
    got = canonical(learner, learner.reader)
    assert [name for name, value in expected.items() if got[name] != value] == []


def test_the_law_rejects_duplicates_that_do_not_meet(
    household: Path, home: Home, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers that take entries in turn, whosever they are, count samples twice."""
    turns = itertools.count()
    monkeypatch.setattr(learning, "share_of", lambda _, shares: next(turns) % shares)
    learner = ParallelLearner(home, detectors(), workers=2)
    learner.learn(read_log(household / "events.jsonl"))
    assert canonical(learner, learner.reader)["sets"] != expected["sets"]


def test_more_entities_than_are_known_are_refused(
    household: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which entities leave depends on the order of the log, so several workers do not begin with it."""
    monkeypatch.setattr(learning, "ENTITY_CAP", 10)
    with pytest.raises(TooManyEntitiesError, match="expected at most 10 entities for several workers"):
        ParallelLearner(home, detectors(), workers=1).learn(read_log(household / "events.jsonl"))


def test_a_worker_that_is_gone_is_said() -> None:
    """A worker that was killed is an error, not a wait without end."""
    worker = Worker("UTC")
    worker.ask(Task([], [], 0))
    assert worker.answer() == []
    worker.close()
    for ask in (lambda: worker.ask(Task([], [], 0)), worker.total):
        with pytest.raises(WorkerError, match="it ended with -15"):
            ask()


def test_no_worker_is_refused(home: Home) -> None:
    """There must be somebody to do it."""
    with pytest.raises(ValueError, match="expected at least one worker, got 0"):
        ParallelLearner(home, detectors(), workers=0)
