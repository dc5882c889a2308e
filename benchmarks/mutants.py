"""``python -m benchmarks.mutants [NUMBER ...] [--write]``: break a place that matters, see the tests fail.

Each mutant is a copy of the checkout in which one expression is another. The tests that guard the place run
in the copy; a mutant under which they all pass survives, and stands for a test that is missing.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measurements import ROOT
from benchmarks.mutant import Mutant
from benchmarks.mutants_of_detectors import OF_DETECTORS
from benchmarks.mutants_of_pipeline import OF_PIPELINE
from benchmarks.results import version, write_rows

TITLE = "Mutants"
HEADER = "| mutant | place | caught by | caught | version |\n|---|---|---|---|---|"
PACKAGES = ("schemas", "detectors", "sinks", "pipeline", "benchmarks", "tests", "pyproject.toml")
LIMIT_S = 900

MUTANTS = (*OF_DETECTORS, *OF_PIPELINE)


def broken(text: str, mutant: Mutant) -> str:
    """Return a file's text with the mutant's expression in it.

    Raises
    ------
    LookupError
        The expression does not stand there exactly once: the table of mutants is out of date.
    """
    if text.count(mutant.old) != 1:
        raise LookupError(
            f"expected once in {mutant.path}, found {text.count(mutant.old)} times: {mutant.old}"
        )
    return text.replace(mutant.old, mutant.new)


def survives(mutant: Mutant) -> bool:
    """Run the tests that guard a place in a copy in which it is broken; true if all of them pass."""
    with tempfile.TemporaryDirectory(prefix="haai-mutant-") as directory:
        root = Path(directory)
        for name in PACKAGES:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, root / name)
        path = root / mutant.path
        path.write_text(broken(path.read_text(encoding="utf-8"), mutant), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *mutant.guarded_by]
        done = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True, timeout=LIMIT_S)  # noqa: S603 our own
        if done.returncode not in (0, 1):
            raise RuntimeError(
                f"expected pytest to pass or fail, got {done.returncode}: {done.stdout[-500:]}"
            )
        return done.returncode == 0


def main() -> int:
    """Break the places that were named, or all, one after the other; 1 if a mutant survives."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__)
    parser.add_argument("numbers", nargs="*", type=int, metavar="NUMBER", help=f"1 to {len(MUTANTS)} (all)")
    parser.add_argument("--write", action="store_true", help="each row into RESULTS.md")
    arguments = parser.parse_args()
    surviving = 0
    print(HEADER, flush=True)
    for number in arguments.numbers or range(1, len(MUTANTS) + 1):
        mutant = MUTANTS[number - 1]
        is_alive = survives(mutant)
        surviving += is_alive
        tests, caught = ", ".join(f"`{path}`" for path in mutant.guarded_by), "**no**" if is_alive else "yes"
        line = f"| {mutant.name} | `{mutant.path}` | {tests} | {caught} | {version(TITLE)} |"
        print(line, flush=True)
        if arguments.write:
            write_rows(TITLE, HEADER, {mutant.name: line})
    return int(surviving > 0)


if __name__ == "__main__":
    sys.exit(main())
