"""``python -m benchmarks.quality``: how right the detectors are, in one table, with pictures as files."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.quality.homes import GENERATED, Origin, Source, is_present
from benchmarks.quality.jobs import NULL_DAYS, Outcome, clock, generated, null, recording
from benchmarks.quality.nulls import Rotation
from benchmarks.quality.plots import plot
from benchmarks.quality.recorded import SETS
from benchmarks.quality.table import table
from benchmarks.results import write_section

Job = tuple[Callable[[Any], Outcome], Any]

HOMES, QUICK_HOMES = 12, 2
ROTATED_RECORDINGS = ("casas_al_home", "aras_b", "kasteren_a", "trace2tap_office_spring")
ROTATED_HOMES: tuple[tuple[Origin, int], ...] = (("second", 4), ("first", 2))
PARTS = ("generated", "rotated", "recorded", "clock")
TRIALS, QUICK_TRIALS = 10, 2


def main() -> None:
    """Measure, print, draw and write where asked to."""
    arguments = _arguments()
    began_s = time.monotonic()
    outcomes = _run(list(_jobs(arguments)), arguments.workers)
    result = f"{_absent()}{table(outcomes)}"
    print(result)
    print(f"{time.monotonic() - began_s:.0f} s", file=sys.stderr)
    if arguments.plots is not None:
        for path in plot(outcomes, arguments.plots):
            print(path, file=sys.stderr)
    if arguments.write:
        write_section("Quality", result, seed=arguments.first_seed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--homes", type=int, metavar="N", help=f"generated homes of each kind ({HOMES})")
    parser.add_argument("--first-seed", type=int, default=1, metavar="N", help="seed of the first one")
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_HOMES} homes of each kind, fewer trials"
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=PARTS,
        default=PARTS,
        metavar="PART",
        help=f"of {', '.join(PARTS)} (all)",
    )
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes (2)")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw pictures into this folder")
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    return parser.parse_args()


def _jobs(arguments: argparse.Namespace) -> Iterator[Job]:
    number = arguments.homes or (QUICK_HOMES if arguments.quick else HOMES)
    seeds = range(arguments.first_seed, arguments.first_seed + number)
    quick: bool = arguments.quick
    parts: dict[str, list[Job]] = {
        "generated": [(generated, Source(*kind, seed)) for kind in GENERATED for seed in seeds],
        "rotated": [(null, source) for source in _rotated(arguments.first_seed, quick=quick)],
        "recorded": [(recording, Source("recorded", name)) for name in SETS],
        "clock": [(clock, QUICK_TRIALS if quick else TRIALS)],
    }
    for part in arguments.parts:
        for job, about in parts[part]:
            if not isinstance(about, Source) or is_present(about.origin):
                yield job, about


def _rotated(first_seed: int, *, quick: bool) -> Iterator[Source]:
    rotations: tuple[Rotation, ...] = ("days", "entities")
    for rotation in rotations:
        for origin, number in ROTATED_HOMES:
            seeds = range(first_seed, first_seed + (1 if quick else number))
            yield from (Source(origin, "normal", seed, NULL_DAYS, rotation) for seed in seeds)
        for name in ROTATED_RECORDINGS:
            yield Source("recorded", name, first_seed, rotation=rotation)


def _run(jobs: Sequence[Job], workers: int) -> list[Outcome]:
    """Do the jobs in processes; their outcomes are in the order of the jobs."""
    # Processes that start anew inherit no threads, and every home begins in the same state.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        doing: dict[Future[Outcome], Job] = {pool.submit(job, about): (job, about) for job, about in jobs}
        for number, done in enumerate(as_completed(doing), 1):
            done.result()
            job, about = doing[done]
            print(f"{number}/{len(jobs)} {job.__name__}: {about}", file=sys.stderr, flush=True)
        return [done.result() for done in doing]


def _absent() -> str:
    """Say what could not be measured here."""
    names: dict[Origin, str] = {"second": "the second generator", "recorded": "the recorded homes"}
    absent = [name for origin, name in names.items() if not is_present(origin)]
    return f"Absent here, so not measured: {' and '.join(absent)}.\n\n" if absent else ""


if __name__ == "__main__":
    main()
