"""``python -m benchmarks.flakes --runs N PATH ...``: how often tests fail that nothing was changed for."""

import argparse
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

from benchmarks.results import version, write_rows

HEADER = (
    "| tests | runs | outcomes | failures | rate | to reach | which | version |\n"
    "|---|---|---|---|---|---|---|---|"
)
TO_REACH = 0.001
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_COUNT = re.compile(r"(\d+) (passed|failed|error)")


def main() -> int:
    """Run the tests so many times; 1 if more than one in a thousand outcomes is a failure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flakes", description=__doc__)
    parser.add_argument("paths", nargs="+", metavar="PATH", help="what pytest is given")
    parser.add_argument("--runs", type=int, default=30, help="how many (%(default)s)")
    parser.add_argument("--write", action="store_true", help="the row into RESULTS.md")
    arguments = parser.parse_args()
    outcomes, failed = _run(arguments.paths, arguments.runs)
    rate = failed.total() / max(1, outcomes)
    which = ", ".join(f"`{name}` {times}" for name, times in failed.most_common(5)) or "none"
    name = " ".join(arguments.paths)
    line = (
        f"| {name} | {arguments.runs} | {outcomes:,} | {failed.total()} | {rate:.2%} | {TO_REACH:.1%} "
        f"| {which} | {version('Tests that fail now and then')} |"
    )
    print(f"{HEADER}\n{line}")
    if arguments.write:
        write_rows("Tests that fail now and then", HEADER, {name: line})
    return int(rate > TO_REACH or not outcomes)


def _run(paths: Sequence[str], runs: int) -> tuple[int, Counter[str]]:
    """How many outcomes there were, and which tests failed how often."""
    outcomes, failed = 0, Counter[str]()
    for number in range(runs):
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rfE", *paths]
        run = subprocess.run(words, check=False, capture_output=True, text=True)  # noqa: S603 our own words
        said = run.stdout
        outcomes += sum(int(count) for count, _ in _COUNT.findall(said.strip().rpartition("\n")[2]))
        failed.update(_FAILED.findall(said))
        print(f"{number + 1}: {said.strip().rpartition(chr(10))[2]}", file=sys.stderr, flush=True)
    return outcomes, failed


if __name__ == "__main__":
    sys.exit(main())
