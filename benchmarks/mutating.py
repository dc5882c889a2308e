"""``python -m benchmarks.mutating [PATH ...] [--sample N] [--seconds S]``: every mutant of whole rooms.

Where `benchmarks.mutants` breaks the places that matter, this breaks all that cosmic-ray knows to break: each
comparison, operator, number, decorator and loop. It does so in a copy of the checkout. A mutant that no test
of the room notices survives: it is equal to what stands there, or a test is missing.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult

from benchmarks.measurements import ROOT

ROOMS = ("detectors", "pipeline/core", "pipeline/commands", "pipeline/automations")
COPIED = ("schemas", "detectors", "sinks", "pipeline", "benchmarks", "tests", "pyproject.toml")
SLOWEST_S = 300.0
HEADER = "| module | mutants | tried | killed | share |\n|---|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one module's mutants.

    Attributes
    ----------
    module
        Its path, from the root of the repository.
    mutants
        How many there are.
    killed, survived
        How many of those that were tried a test noticed, and where the others are.
    """

    module: str
    mutants: int
    killed: int
    survived: Sequence[str]

    def __str__(self) -> str:
        """Say it as a row of a table."""
        tried = self.killed + len(self.survived)
        share = f"{self.killed / tried:.0%}" if tried else ""
        return f"| {self.module} | {self.mutants} | {tried} | {self.killed} | {share} |"


def guards(module: Path) -> list[str]:
    """Return what pytest is given for a module: its own tests first, then those of its room."""
    room = Path("tests") / module.parent
    while not (ROOT / room).is_dir():
        room = room.parent
    own = ROOT / room / f"test_{module.stem}.py"
    return [*([str(own.relative_to(ROOT))] if own.is_file() else []), str(room)]


def modules(paths: Sequence[str]) -> Iterator[Path]:
    """Yield the Python files of paths that are given from the root of the repository."""
    for path in (ROOT / each for each in paths):
        found = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        yield from (each.relative_to(ROOT) for each in found if each.name != "__init__.py")


def tried(module: Path, folder: Path, sample: int, until_s: float) -> Tried:
    """Try mutants of a module in a copy of the checkout, until a moment of the monotonic clock."""
    session, words = folder / "session.sqlite", ("cosmic-ray", "--verbosity", "ERROR")
    session.unlink(missing_ok=True)
    (folder / "mutants.toml").write_text(_configuration(module))
    _run([*words, "init", "mutants.toml", session.name], folder, SLOWEST_S)
    with use_db(session, WorkDB.Mode.open) as database:
        mutants = [item.job_id for item in database.work_items]
        left_out = random.Random(1).sample(mutants, max(0, len(mutants) - sample))
        if left_out:
            database.set_multiple_results(left_out, WorkResult(WorkerOutcome.SKIPPED))
    _run([*words, "exec", "mutants.toml", session.name], folder, until_s - time.monotonic())
    return _outcome(module, session)


def _configuration(module: Path) -> str:
    command = f"{sys.executable} -m pytest -x -q -p no:cacheprovider {' '.join(guards(module))}"
    return (
        f'[cosmic-ray]\nmodule-path = "{module}"\ntimeout = {SLOWEST_S}\nexcluded-modules = []\n'
        f'test-command = "{command}"\n[cosmic-ray.distributor]\nname = "local"\n'
    )


def _run(command: Sequence[str], folder: Path, limit_s: float) -> None:
    """Run to the end, or to the limit: what was tried until then is kept."""
    program = Path(sys.executable).with_name(command[0])
    words = [str(program), *command[1:]]
    with subprocess.Popen(words, cwd=folder, start_new_session=True) as running:  # noqa: S603 our own words
        try:
            code = running.wait(max(1.0, limit_s))
        except (subprocess.TimeoutExpired, KeyboardInterrupt) as ended:
            os.killpg(running.pid, signal.SIGKILL)  # and the tests that it runs
            if isinstance(ended, KeyboardInterrupt):
                raise
        else:
            if code:
                raise RuntimeError(f"expected {' '.join(command)} to end with 0, got {code}")


def _outcome(module: Path, session: Path) -> Tried:
    with use_db(session, WorkDB.Mode.open) as database:
        items = {item.job_id: item.mutations[0] for item in database.work_items}
        results = {job: result for job, result in database.results if result.test_outcome is not None}
    survived = sorted(
        f"{module}:{items[job].start_pos[0]} {items[job].operator_name.removeprefix('core/')}"
        for job, result in results.items()
        if result.test_outcome == TestOutcome.SURVIVED
    )
    return Tried(str(module), len(items), len(results) - len(survived), survived)


def main() -> int:
    """Try the mutants of every module that is named, print a table; 1 if nothing was tried."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutating", description=__doc__)
    parser.add_argument("paths", nargs="*", default=ROOMS, metavar="PATH", help=f"({', '.join(ROOMS)})")
    parser.add_argument("--sample", type=int, default=10**6, metavar="N", help="of each module's (all)")
    parser.add_argument("--seconds", type=float, default=1e6, metavar="S", help="for all of it (no end)")
    arguments = parser.parse_args()
    until_s, outcomes = time.monotonic() + arguments.seconds, []
    print(HEADER)
    with tempfile.TemporaryDirectory() as name:
        for each in COPIED:
            copy = shutil.copytree if (ROOT / each).is_dir() else shutil.copy
            copy(ROOT / each, Path(name) / each)
        for module in modules(arguments.paths):
            if time.monotonic() > until_s:
                break
            outcomes.append(tried(module, Path(name), arguments.sample, until_s))
            print(outcomes[-1], flush=True)
    killed = sum(each.killed for each in outcomes)
    survived = [place for each in outcomes for place in each.survived]
    print(f"\n{killed} killed, {len(survived)} survived", *survived, sep="\n")
    return int(not killed and not survived)


if __name__ == "__main__":
    sys.exit(main())
