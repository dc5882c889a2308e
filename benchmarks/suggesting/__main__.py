"""``python -m benchmarks.suggesting``: what is proposed, in one table."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import mean

from benchmarks.quality.homes import Origin, Source, is_present
from benchmarks.results import write_section
from benchmarks.suggesting.jobs import CHECKED_DAYS, LEARNED_DAYS, SEASON_DAYS, Outcome, proposals, season

HOMES = 12
PRECISION_TO_REACH, ERROR_TO_REACH, CPU_TO_REACH_MS = 0.95, 0.10, 500
NAMES: dict[Origin, str] = {"second": "second generator", "first": "our own generator"}
Job = tuple[Callable[[Source], Outcome], Source]


def main() -> None:
    """Measure, print, and write where asked to."""
    arguments = _arguments()
    outcomes = _run(list(_jobs(arguments)), arguments.workers)
    for outcome in outcomes:
        print(*outcome.other, sep="\n", file=sys.stderr)
    table = "\n".join(_table(outcomes))
    print(table)
    if arguments.write:
        write_section("Suggestions", table, seed=arguments.first_seed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suggesting", description=__doc__)
    parser.add_argument(
        "--homes", type=int, default=HOMES, metavar="N", help=f"homes of each generator ({HOMES})"
    )
    parser.add_argument("--first-seed", type=int, default=1, metavar="N", help="seed of the first one (1)")
    parser.add_argument("--difficulty", default="normal", choices=("easy", "normal", "hard"))
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes (2)")
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    return parser.parse_args()


def _jobs(arguments: argparse.Namespace) -> Iterator[Job]:
    days = LEARNED_DAYS + CHECKED_DAYS
    origins = [origin for origin in NAMES if is_present(origin)]
    for origin in origins:
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.homes):
            yield proposals, Source(origin, arguments.difficulty, seed, days)
    yield season, Source(origins[0], arguments.difficulty, arguments.first_seed, SEASON_DAYS)


def _run(jobs: Sequence[Job], workers: int) -> list[Outcome]:
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        doing = [pool.submit(work, source) for work, source in jobs]
        outcomes = []
        for number, each in enumerate(doing, 1):
            outcomes.append(each.result())
            print(f"{number}/{len(jobs)}: {outcomes[-1].source}", file=sys.stderr, flush=True)
        return outcomes


def _table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    trials = [outcome for outcome in outcomes if not outcome.cpu_ms]
    origins = list(dict.fromkeys(outcome.source.origin for outcome in trials))
    columns = [_figures([each for each in trials if each.source.origin == origin]) for origin in origins]
    if "second" not in origins:
        yield "Absent here, so not measured: the second generator.\n"
    homes = len(trials) // len(origins)
    yield f"{homes} homes of each, {LEARNED_DAYS} days learned, {CHECKED_DAYS} days looked at afterwards."
    yield ""
    yield f"| what | to reach | {' | '.join(NAMES[origin] for origin in origins)} |"
    yield f"|---|---|{'---|' * len(origins)}"
    for (what, reach), *values in zip(ROWS, *columns, strict=True):
        yield f"| {what} | {reach} | {' | '.join(values)} |"
    for outcome in outcomes:
        if outcome.cpu_ms:
            yield ""
            yield _season(outcome)


ROWS = (
    ("proposals a home", ""),
    ("follow a planted habit, pair or chain, of all", f">= {PRECISION_TO_REACH}"),
    ("the same, of those that are right or wrong", f">= {PRECISION_TO_REACH}"),
    ("regular, though not planted for itself", ""),
    ("wrong", ""),
    ("unlock, lock, arm or disarm", "0"),
    ("act where an automation already does", "0"),
    ("opportunities in the days afterwards", ""),
    ("forecast, mean absolute error of the opportunities: wanted and unwanted runs", f"<= {ERROR_TO_REACH}"),
    ("wanted runs alone", ""),
    ("unwanted runs alone", ""),
    ("both, had the number of opportunities been known", ""),
    ("both, all proposals of a home taken together", ""),
    ("wanted runs forecast / come", ""),
    ("unwanted runs forecast / come", ""),
)


def _figures(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """One column, in the order of the rows."""
    sums = _sum(outcome.sums for outcome in outcomes)
    judged = max(1, sums["right"] + sums["wrong"])
    opportunities = max(1.0, sums["opportunities"])
    wanted, unwanted = (sums[f"{name} off"] / opportunities for name in ("wanted", "unwanted"))
    shares = [sums[f"{name} share off"] / opportunities for name in ("wanted", "unwanted")]
    yield f"{sums['proposed'] / len(outcomes):.1f}"
    yield f"{sums['right'] / max(1, sums['proposed']):.3f} ({sums['right']} of {sums['proposed']})"
    yield f"{sums['right'] / judged:.3f}"
    yield from (str(sums[name]) for name in ("neutral", "wrong", "never", "automated"))
    yield f"{opportunities:.0f}"
    yield f"{(wanted + unwanted) / 2:.3f}"
    yield from (f"{wanted:.3f}", f"{unwanted:.3f}", f"{mean(shares):.3f}")
    yield f"{_off_together(outcomes) / opportunities:.3f}"
    yield from (
        f"{sums[f'{name} promised']:.0f} / {sums[f'{name} came']:.0f}" for name in ("wanted", "unwanted")
    )


def _off_together(outcomes: Sequence[Outcome]) -> float:
    """How far the forecast of each home was off, all its proposals together; mean of wanted and unwanted."""
    return sum(
        abs(outcome.sums[f"{name} promised"] - outcome.sums[f"{name} came"]) / 2
        for outcome in outcomes
        for name in ("wanted", "unwanted")
    )


def _sum(parts: Iterable[Counter[str]]) -> Counter[str]:
    total = Counter[str]()
    for part in parts:
        total.update(part)
    return total


def _season(outcome: Outcome) -> str:
    return (
        f"CPU of one backtest over {outcome.sums['days']} days of {outcome.sums['entities']} entities, of "
        f"{len(outcome.cpu_ms)} after the first: {mean(outcome.cpu_ms):.0f} ms on average, "
        f"{max(outcome.cpu_ms):.0f} ms at most; to reach: {CPU_TO_REACH_MS} ms."
    )


if __name__ == "__main__":
    main()
