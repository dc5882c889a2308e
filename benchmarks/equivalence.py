"""The same events, learned in every way: as they come, at once, shuffled, twice, by several processes.

    python -m benchmarks.equivalence [--days N] [--write]

A generated household is learned, and a home of the second simulator where that stands beside the checkout.
What counts of a log is told apart once, in its order; behind that, order must not matter.
"""

import argparse
import hashlib
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from benchmarks.quality.homes import is_present, write_second_home
from benchmarks.results import write_section
from detectors.registry import detectors
from pipeline.core.core import LearningCore
from pipeline.core.day_shard import DayShard, restore, share_of
from pipeline.ingest.logs import LogReader, read_log
from pipeline.learn.log_learner import LogLearner
from pipeline.learn.parallel.learner import ParallelLearner
from pipeline.simulation import Household, write_household
from schemas.events import ServiceCall, StateChange
from schemas.home import Home

LATEST_US = 40 * 3_600_000_000
TWICE_SHARE = 0.1
PARTS = 7
WORKERS = (1, 2, 4, 8)
Entry = StateChange | ServiceCall


@dataclass(frozen=True, slots=True)
class Way:
    """One way of learning: what it came to, and what it cost."""

    name: str
    days: str
    aggregates: str
    patterns: str
    seconds: float
    cpu_s: float


def ways(log: Path, home: Home) -> Iterator[Way]:
    """Learn a log in every way."""
    entries = list(_counting(log))
    twice = list(_disordered(entries, twice=TWICE_SHARE))
    yield _measured("as it comes, judged every night", lambda: _streamed(entries, home, nightly=True))
    yield _measured("as it comes, judged once", lambda: _streamed(entries, home, nightly=False))
    yield _measured("all at once", lambda: _batch(_unique(entries), home))
    yield _measured("shuffled within 40 hours", lambda: _streamed(_disordered(entries), home, nightly=True))
    yield _measured("and 10 % of it twice", lambda: _streamed(twice, home, nightly=True))
    yield _measured(f"and in {PARTS} parts, joined", lambda: _joined(twice, home))
    for workers in WORKERS:
        name = f"the log, by {workers} worker{'s' * (workers > 1)}"
        yield _measured(name, lambda count=workers: _parallel(log, home, count))  # type: ignore[misc]


def report(all_ways: Iterable[Way]) -> tuple[str, bool]:
    """The table, and whether all ways came to the same."""
    ways_taken = list(all_ways)
    rows = [
        f"| {way.name} | `{way.days[:12]}` | `{way.aggregates[:12]}` | `{way.patterns[:12]}` "
        f"| {way.seconds:.1f} | {way.cpu_s:.1f} |"
        for way in ways_taken
    ]
    same = len({(way.days, way.aggregates, way.patterns) for way in ways_taken}) == 1
    head = [
        "| way | closed days | aggregates | patterns, anomalies | s | CPU s |",
        "|---|---|---|---|---|---|",
    ]
    verdict = f"{len(rows)} ways, {'all the same, byte for byte' if same else 'NOT ALL THE SAME'}."
    return "\n".join([*head, *rows, "", verdict]), same


def _measured(name: str, learn: Callable[[], LearningCore]) -> Way:
    began_s, cpu_s = time.monotonic(), _cpu_s()
    core = learn()
    spent_s, used_s = time.monotonic() - began_s, _cpu_s() - cpu_s
    history = core.history()
    found = chain(core.ledger.active.values(), core.anomalies)
    days = (
        f"{day.date} {day.types} {day.gaps_ms}".encode()
        + b"".join(part.tobytes() for part in (day.at_ms, day.type_ids, day.causes, day.derived))
        for day in history.days
    )
    steps = (
        sensor.encode() + each.start_ms.tobytes() + each.mean.tobytes()
        for sensor, each in history.steps.items()
    )
    return Way(
        name=name,
        days=_digest(chain(days, steps)),
        aggregates=_digest([json.dumps(history.aggregates, sort_keys=True, default=dict).encode()]),
        patterns=_digest(each.exact().encode() for each in found),
        seconds=spent_s,
        cpu_s=used_s,
    )


def _streamed(entries: Iterable[Entry], home: Home, *, nightly: bool) -> LearningCore:
    learner = LogLearner(home, detectors(), nightly=nightly)
    for entry in entries:
        for _ in learner.take(entry):
            pass
    for _ in learner.finish():
        pass
    return learner.core


def _batch(entries: Iterable[Entry], home: Home) -> LearningCore:
    """Every event first, then every day, then one judgement."""
    core = LearningCore(home, detectors())
    for entry in entries:
        if isinstance(entry, ServiceCall):
            core.see_call(entry)
        else:
            core.learn_one(entry)
    core.watermark_ms = core.days.at(core.watermark_ms).end_ms
    return _judged(core)


def _joined(entries: Iterable[Entry], home: Home) -> LearningCore:
    """Parts by entity, joined in another order than they were made in."""
    core = LearningCore(home, detectors())
    parts = [DayShard(core.days) for _ in range(PARTS)]
    latest_ms = 0
    for number, entry in enumerate(entries):
        if isinstance(entry, ServiceCall):
            parts[number % PARTS].add(entry)
        else:
            parts[share_of(entry.entity_id, PARTS)].add(entry)
            latest_ms = max(latest_ms, entry.at_us // 1000)
    core.watermark_ms = core.days.at(latest_ms).end_ms
    restore(core, [part.pack() for part in reversed(parts)])
    return _judged(core)


def _judged(core: LearningCore) -> LearningCore:
    core.close_due()
    for _ in core.judge():
        pass
    return core


def _parallel(log: Path, home: Home, workers: int) -> LearningCore:
    learner = ParallelLearner(home, detectors(), workers=workers)
    learner.learn(read_log(log))
    return learner.core


def _counting(log: Path) -> Iterator[Entry]:
    """What counts in a log, as often as it came."""
    reader = LogReader()
    items = (reader.read(entry) for entry in read_log(log))
    return (item for item in items if item is not None)


def _unique(entries: Iterable[Entry]) -> Iterator[Entry]:
    known: dict[object, Entry] = {}
    for entry in entries:
        known.setdefault(entry.key if isinstance(entry, StateChange) else entry, entry)
    return iter(known.values())


def _disordered(entries: Iterable[Entry], *, twice: float = 0.0) -> Iterator[Entry]:
    """Each late by up to the bound; a share of them comes a second time, late by another while."""
    rng = random.Random(1)
    told = [(entry.at_us + rng.randrange(LATEST_US), entry) for entry in entries]
    told += [
        (entry.at_us + rng.randrange(LATEST_US), entry)
        for _, entry in rng.sample(told, round(twice * len(told)))
    ]
    return (entry for _, entry in sorted(told, key=lambda each: each[0]))


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part + b"\n")
    return digest.hexdigest()


def _cpu_s() -> float:
    """CPU of this process and of the workers that have ended."""
    times = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in times)


def _own_home(folder: Path, days: int) -> Path:
    write_household(Household(days=days), folder)
    return folder


def main() -> int:
    """Learn in every way, print, and write where asked to; 1 if something differs."""
    parser = argparse.ArgumentParser("python -m benchmarks.equivalence", description=__doc__)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    arguments = parser.parse_args()
    tables, same = [], True
    with tempfile.TemporaryDirectory(prefix="haai-bench-") as directory:
        folder = Path(directory)
        homes = {"A generated household": _own_home(folder, arguments.days)}
        if is_present("second"):
            homes["A home of the second simulator"] = write_second_home(
                folder / "other", seed=101, days=arguments.days
            )
        for name, place in homes.items():
            table, is_same = report(ways(place / "events.jsonl.gz", Home.read(place / "home.json")))
            tables.append(f"{name}, {arguments.days} days:\n\n{table}")
            same = same and is_same
            print(tables[-1], flush=True)
    if arguments.write:
        write_section("Incremental against batch", "\n\n".join(tables), seed="0, 101")
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())
