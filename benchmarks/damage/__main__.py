"""``python -m benchmarks.damage``: faults in every file and table, and what the next start makes of them."""

import argparse
import logging
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog

from benchmarks.damage.faults import faults
from benchmarks.damage.home import Place, make_home
from benchmarks.damage.trials import Outcome, Trials
from benchmarks.results import write_section

SEED = 7
FAULTS = 200
SMALL = 24
HEADER = (
    "| where | faults | noticed | without effect | ended the start | lost silently | lost older than "
    "the backup | said again |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def main() -> int:
    """Run, and print the table; 1 if a fault went unnoticed or ended a start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=FAULTS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--small", action="store_true", help=f"{SMALL} faults")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    number = SMALL if arguments.small else arguments.faults
    outcomes = list(run(number, seed=arguments.seed))
    for each in outcomes:
        if not is_survived(each):
            print(each.fault, each.crash, each.silent, each.restless, each.lost_older, file=sys.stderr)
    table = f"{HEADER}\n" + "\n".join(_row(*each) for each in _by_target(outcomes).items())
    print(table)
    if arguments.write:
        write_section("Damage", table, seed=arguments.seed)
    return int(not all(map(is_survived, outcomes)))


def run(number: int, *, seed: int) -> Iterator[Outcome]:
    """Do so many faults to copies of one home, each when its outcome is asked for."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="haai-damage-") as folder:
        whole = Place(Path(folder) / "home")
        whole.folder.mkdir()
        events = make_home(whole, seed=seed)
        trials = Trials(whole, events, Path(folder))
        for place, fault in enumerate(faults(number, rng)):
            yield trials.run(fault, place, rng.randrange(2**32))


def is_survived(outcome: Outcome) -> bool:
    """Whether a fault was noticed or did nothing, ended nothing, and took nothing that nobody speaks of."""
    seen = outcome.noticed or outcome.without_effect
    return seen and not (outcome.crash or outcome.silent or outcome.restless or outcome.lost_older)


def _by_target(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for each in sorted(outcomes, key=lambda each: each.fault):
        found.setdefault(each.fault.partition("/")[0], []).append(each)
    return {**found, "all": list(outcomes)}


def _row(where: str, outcomes: Sequence[Outcome]) -> str:
    counted = Counter(
        noticed=sum(each.noticed for each in outcomes),
        without=sum(each.without_effect for each in outcomes),
        crashes=sum(bool(each.crash) for each in outcomes),
        silent=sum(bool(each.silent) for each in outcomes),
        older=sum(bool(each.lost_older) for each in outcomes),
        restless=sum(bool(each.restless) for each in outcomes),
    )
    cells = [where, len(outcomes), *(counted[name] for name in ("noticed", "without", "crashes", "silent"))]
    return "| " + " | ".join(map(str, [*cells, counted["older"], counted["restless"]])) + " |"


if __name__ == "__main__":
    sys.exit(main())
