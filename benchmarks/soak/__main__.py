"""``python -m benchmarks.soak [--days N] [--write]``: a year in minutes, and what is left of it.

All that counts in a year of a generated home goes through a real mosquitto to two workers, one of which owns
the home. In the first part they are killed and frozen, the broker restarts and their clocks jump; in the last
part nothing happens, so that what grows is seen. At the end the store is held against a clean run.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import overload

from benchmarks.drills.audit import HOME, Retained
from benchmarks.drills.load import Load, published
from benchmarks.drills.order import household_events
from benchmarks.drills.trial import Row, Trial
from benchmarks.publisher import Published
from benchmarks.results import version, write_rows
from benchmarks.soak.faults import LEASE_S, Faults
from benchmarks.soak.watch import Watch
from pipeline.core.local_days import LocalDays
from schemas.events import StateChange
from schemas.instants import from_us
from sinks.store.retention import AGGREGATE_TERM, JOURNAL_TERM

WORKER = (sys.executable, "-m", "benchmarks.soak.worker")
YEAR = 365
# Kills beside those that come with the jumps, takeovers, broker restarts, clock jumps.
A_YEAR = (25, 10, 10, 5)
REPEATED = 20
WAITING_DAYS = 20
HELD_BACK_S = 0.1
PSS_MB = 150.0
# What a month of history may add, with the noise of the allocator.
SLOPE_MB = 3.0
MORE_DESCRIPTORS = 3
DAY_US = 86_400_000_000
HEADER = (
    "| days | load | faults | missing | over-counted | exact | PSS peak, MB | PSS a month, MB | open files "
    "| store, MB | longest without a commit, s | seconds | seed | version |\n" + "|---" * 14 + "|"
)


@dataclass(frozen=True)
class Messages(Sequence[Published]):
    """The messages of events, each made when it is asked for; one of twenty-one comes twice."""

    events: Sequence[StateChange]

    def __len__(self) -> int:
        return len(self.events) + len(self.events) // REPEATED

    @overload
    def __getitem__(self, place: int) -> Published: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Published]: ...
    def __getitem__(self, place: int | slice) -> Published | Sequence[Published]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        return published(self.events[place - (place + 1) // (REPEATED + 1)])


def main() -> int:
    """Soak; 1 if something is lost, counted twice, grows or stands still."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--days", type=int, default=YEAR, help="of the home (%(default)s)")
    parser.add_argument("--rate", type=float, default=2_000, help="messages a second (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of home and moments (%(default)s)")
    parser.add_argument("--all-faults", action="store_true", help="as many as in a year, in fewer days")
    parser.add_argument("--write", action="store_true", help="the row into RESULTS.md")
    arguments = parser.parse_args()
    line, problems = asyncio.run(_soaked(arguments))
    print(f"{HEADER}\n{line}")
    for problem in problems[:20]:
        print(problem, file=sys.stderr)
    if arguments.write:
        write_rows("Soak", HEADER, {str(arguments.days): line})
    return int(bool(problems))


async def _soaked(arguments: argparse.Namespace) -> tuple[str, list[str]]:
    days, seed = arguments.days, arguments.seed
    events = _with_the_next_day(household_events(days, seed=seed))
    with tempfile.TemporaryDirectory(prefix="haai-soak-") as folder:
        jump_file = Path(folder) / "jump"
        share = 1.0 if arguments.all_faults else days / YEAR
        faults = Faults(jump_file, *(max(1, round(number * share)) for number in A_YEAR))
        async with Trial(
            Load(events, Messages(events)),
            per_second=arguments.rate,
            seed=seed,
            workers=2,
            command=WORKER,
            settings={"lease_s": LEASE_S, "soak_jump_file": jump_file},
            retained=_retained(events[-1].at_us),
            # Weeks come while nobody owns the home: a limit would have the broker lose of them.
            broker_settings={"max_queued_messages": 0},
        ) as trial:
            watch = Watch(trial)
            beside = [
                asyncio.create_task(_watched(trial, watch)),
                asyncio.create_task(_held_back(trial, days)),
            ]
            row = await trial.run("soak", faults.befall)
            for task in beside:
                task.cancel()
            size_mb = trial.worker.database.stat().st_size / 1e6
    problems = [*row.problems, *row.audit.differences, *_grown(watch, days)]
    if row.audit.missing or row.audit.over_counted:
        problems.append(f"{row.audit.missing} missing, {row.audit.over_counted} over-counted")
    return _line(row, watch, days, size_mb, f"{seed} | {version('Soak')}"), problems


def _with_the_next_day(events: list[StateChange]) -> list[StateChange]:
    """Events, and one just after their last midnight: the last day is judged when it is over, whole."""
    last = events[-1]
    at_us = LocalDays(HOME.zone).at(last.at_us // 1000).end_ms * 1000 + 1
    return [*events, last._replace(at_us=at_us, old=last.new, new=last.old or "on", context_id="next")]


async def _watched(trial: Trial, watch: Watch) -> None:
    """Watch from the moment at which something is published."""
    await trial.started.wait()
    await watch.run()


async def _held_back(trial: Trial, days: int) -> None:
    """Let days wait at the broker and not months, until cancelled.

    mosquitto 2.0.11 lets what is published while somebody connects overtake all that waits. Overtaken by a
    month of the compressed year, it would be too late to count.
    """
    await trial.started.wait()
    while True:
        share = trial.last_place() / len(trial.load.events) + WAITING_DAYS / days
        trial.publisher.allowed = int(share * len(trial.load.messages))
        await asyncio.sleep(HELD_BACK_S)


def _retained(last_us: int) -> Retained:
    """What has to be left: a day less than the retention, whose day ends somewhere in the world."""
    last = from_us(last_us).astimezone(HOME.zone).date()
    return Retained(
        last_us - (JOURNAL_TERM.days - 1) * DAY_US, last - timedelta(days=AGGREGATE_TERM.days - 2)
    )


def _grown(watch: Watch, days: int) -> list[str]:
    first, last = watch.descriptors()
    slope_mb = watch.slope_mb(days)
    return [
        *([f"memory: {watch.peak_mb:.0f} MB, at most {PSS_MB:.0f}"] if watch.peak_mb > PSS_MB else []),
        *([f"memory grows by {slope_mb:.1f} MB a month"] if slope_mb > SLOPE_MB else []),
        *([f"open files: {first} at first, {last} at last"] if last > first + MORE_DESCRIPTORS else []),
    ]


def _line(row: Row, watch: Watch, days: int, size_mb: float, origin: str) -> str:
    exact = "yes" if row.audit.is_exact else "no"
    first, last = watch.descriptors()
    return (
        f"| {days} | {row.load} | {row.faults} | {row.audit.missing} | {row.audit.over_counted} | {exact} "
        f"| {watch.peak_mb:.0f} | {watch.slope_mb(days):.1f} | {first} to {last} | {size_mb:.0f} "
        f"| {watch.longest_still_s:.0f} | {row.seconds:.0f} | {origin} |"
    )


if __name__ == "__main__":
    sys.exit(main())
