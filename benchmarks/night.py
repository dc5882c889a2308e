"""CPU of judging one night of a very large home: many households side by side, as one.

python -m benchmarks.night [--types N] [--days N] [--write]
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.learning import unique
from benchmarks.results import write_section
from detectors.contract import Detector
from detectors.history import History
from detectors.registry import detectors
from pipeline.core.core import LearningCore
from pipeline.runtime.heap import spare_what_is_known
from pipeline.simulation import Household, write_household
from schemas.events import ServiceCall, StateChange
from schemas.home import Home
from schemas.patterns import Pattern

TO_REACH_S, SLICE_TO_REACH_MS = 30, 50


def move_in(core: LearningCore, number: int, days: int) -> None:
    """Let the core learn a household whose entities bear its number."""
    with TemporaryDirectory() as directory:
        write_household(Household(seed=number + 1, days=days), Path(directory))
        entries = unique(Path(directory) / "events.jsonl.gz")
    for entry in entries:
        if isinstance(entry, StateChange):
            core.learn_one(entry._replace(entity_id=f"{entry.entity_id}_{number}"))
        else:
            names = tuple(f"{name}_{number}" for name in entry.entity_ids)
            core.see_call(ServiceCall(entry.at_us, names, entry.service))


def judge(detector: Detector, history: History) -> tuple[tuple[Pattern, ...], int, float, float]:
    """What a detector finds, how much that is, and the CPU seconds of the whole and of the longest slice."""
    found, number, longest_s = list[Pattern](), 0, 0.0
    before = start = time.process_time()
    for finding in detector.detect(history):
        now = time.process_time()
        longest_s, before = max(longest_s, now - before), now
        number += finding is not None
        if isinstance(finding, Pattern):
            found.append(finding)
    return tuple(found), number, time.process_time() - start, longest_s


def report(types: int, days: int) -> str:
    """The table."""
    core, number = LearningCore(Home.model_construct(), detectors()), 0
    while not core.open_days() or len(_types(core)) < types:
        move_in(core, number, days)
        number += 1
    core.watermark_ms += 86_400_000
    core.close_due()
    history = core.history()
    spare_what_is_known()
    rows, whole_s, longest_s = list[str](), 0.0, 0.0
    for detector in core.detectors:
        found, count, spent_s, slice_s = judge(detector, history)
        history = replace(history, found={**history.found, detector.kind: found})
        rows.append(f"| {detector.kind} | {count} | {spent_s:.2f} | {slice_s * 1000:.0f} |")
        whole_s, longest_s = whole_s + spent_s, max(longest_s, slice_s)
    discrete = sum(len(day.at_ms) for day in history.days)
    kinds = {each for day in history.days for each in day.types}
    heading = (
        f"{len(kinds)} event types on {len(history.days)} days, {discrete // len(history.days)} discrete "
        f"events a day. To reach: {TO_REACH_S} s, {SLICE_TO_REACH_MS} ms."
    )
    return "\n".join(
        [
            heading,
            "",
            "| detector | found | CPU s | longest slice, CPU ms |",
            "|---|---|---|---|",
            *rows,
            f"| all | | {whole_s:.2f} | {longest_s * 1000:.0f} |",
        ]
    )


def _types(core: LearningCore) -> set[tuple[str, str]]:
    return {
        (entity_id, state)
        for events in core.open_days().values()
        for entity_id, changes in events.changes.items()
        for _, state in changes
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--types", type=int, default=1500, metavar="N", help="event types at least (1500)")
    parser.add_argument("--days", type=int, default=60, metavar="N", help="days (60)")
    parser.add_argument("--write", action="store_true", help="into benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    table = report(arguments.types, arguments.days)
    print(table)
    if arguments.write:
        write_section("Judging a night of a very large home", table, seed=1)


if __name__ == "__main__":
    main()
