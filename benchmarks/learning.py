"""CPU of the learning core alone: learning, closing days, judging nights; no broker, no store.

    python -m benchmarks.learning [--events FILE --home FILE] [--write]

Without a file a generated household of 30 days is learned.
"""

import argparse
import gc
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.quality.homes import write_second_home
from benchmarks.results import write_section
from detectors.registry import detectors
from pipeline.core.core import LearningCore
from pipeline.ingest.logs import LogReader, read_log
from pipeline.simulation import Household, write_household
from schemas.events import ServiceCall, StateChange
from schemas.home import Home

MICRO = 1e6


@dataclass
class Spent:
    """CPU seconds by stage."""

    learning: float = 0.0
    closing: float = 0.0
    nights: list[float] = field(default_factory=list)
    longest_slice: float = 0.0


def measure(entries: list[StateChange | ServiceCall], home: Home) -> tuple[Spent, LearningCore]:
    """Learn the entries once each, closing and judging at every midnight."""
    # The entries are the benchmark's: a stream is not there as a whole for the collector to look through.
    gc.freeze()
    core, spent, day_end_ms = LearningCore(home, detectors()), Spent(), 0
    mark = time.process_time()
    for entry in entries:
        if isinstance(entry, ServiceCall):
            core.see_call(entry)
            continue
        core.learn_one(entry)
        if core.watermark_ms >= day_end_ms:
            day_end_ms = core.days.at(core.watermark_ms).end_ms
            learned = time.process_time()
            closed = core.close_due()
            shut = time.process_time()
            if closed:
                judge(core, spent)
            spent.learning += learned - mark
            spent.closing += shut - learned
            mark = time.process_time()
    spent.learning += time.process_time() - mark
    return spent, core


def judge(core: LearningCore, spent: Spent) -> None:
    """One night, in its slices."""
    before = start = time.process_time()
    for _ in core.judge():
        now = time.process_time()
        spent.longest_slice = max(spent.longest_slice, now - before)
        before = now
    spent.nights.append(time.process_time() - start)


def unique(path: Path) -> list[StateChange | ServiceCall]:
    """What counts in a log, once each."""
    reader, seen, entries = LogReader(), set[bytes](), list[StateChange | ServiceCall]()
    for line in read_log(path):
        entry = reader.read(line)
        if isinstance(entry, StateChange):
            if entry.key in seen:
                continue
            seen.add(entry.key)
        if entry is not None:
            entries.append(entry)
    return entries


def report(entries: list[StateChange | ServiceCall], home: Home) -> str:
    """The table."""
    spent, core = measure(entries, home)
    discrete = sum(len(day.at_ms) for day in core.history().days)
    judging = sum(spent.nights)
    total = spent.learning + spent.closing + judging
    events = len(entries)

    def row(what: str, seconds: float) -> str:
        return (
            f"| {what} | {seconds:.2f} | {seconds / events * MICRO:.2f} | {seconds / discrete * MICRO:.1f} |"
        )

    return "\n".join(
        [
            (
                f"{events} events, {discrete} discrete ones on {len(core.history().days)} closed days, "
                f"{len(core.ledger.active)} patterns; load average {os.getloadavg()[0]:.1f}."
            ),
            "",
            "| stage | CPU s | us an event | us a discrete event |",
            "|---|---|---|---|",
            row("learning each event", spent.learning),
            row("closing days", spent.closing),
            row("learning and closing", spent.learning + spent.closing),
            row("judging every night", judging),
            row("all", total),
            "",
            (
                f"The last night took {spent.nights[-1]:.2f} s CPU to judge, in slices of at most "
                f"{spent.longest_slice * 1000:.0f} ms."
            ),
        ]
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--second", action="store_true", help="a large home of the second generator")
    parser.add_argument("--write", action="store_true", help="into benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        if arguments.second:
            write_second_home(folder)
        else:
            write_household(Household(), folder)
        table = report(unique(folder / "events.jsonl.gz"), Home.read(folder / "home.json"))
    print(table)
    if arguments.write:
        which = "a large home" if arguments.second else "a generated household"
        write_section(f"Learning core, {which}", table, seed=1)


if __name__ == "__main__":
    main()
