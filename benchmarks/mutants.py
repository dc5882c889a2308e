"""``python -m benchmarks.mutants [NUMBER ...] [--write]``: break a place that matters, see the tests fail.

Each mutant is a copy of the checkout in which one expression is another. The tests that guard the place run
in the copy; a mutant under which they all pass survives, and stands for a test that is missing.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measurements import ROOT
from benchmarks.results import version, write_rows

TITLE = "Mutants"
HEADER = "| mutant | place | caught by | caught | version |\n|---|---|---|---|---|"
PACKAGES = ("schemas", "detectors", "sinks", "pipeline", "benchmarks", "tests", "pyproject.toml")
LIMIT_S = 900

PAIRS = ("tests/detectors/test_co_occurrence.py", "tests/detectors/following")
CHAINS = ("tests/detectors/test_sequence.py",)
DURATIONS = ("tests/detectors/test_duration.py",)
CLOCK = ("tests/detectors/time_of_day",)
ALARMS = ("tests/detectors",)
CAUSES = ("tests/pipeline/core/test_attribution.py",)
DAYS = ("tests/pipeline/core",)
GAPS = ("tests/pipeline/learn/test_gap_tracker.py",)
OWNERS = ("tests/sinks/test_laws.py", "tests/pipeline/runtime/test_ownership_machine.py")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One place, and how it is broken.

    Attributes
    ----------
    name
        The rule that no longer holds.
    path
        The file, from the root of the repository.
    old, new
        An expression that stands there once, and the one in its place.
    guarded_by
        What pytest is given.
    """

    name: str
    path: str
    old: str
    new: str
    guarded_by: Sequence[str]


MUTANTS = (
    Mutant(
        "one candidate is judged as if it were the only one",
        "detectors/evidence.py",
        "np.arange(1, len(e) + 1) >= tested / alpha)",
        "np.arange(1, len(e) + 1) >= 1 / alpha)",
        ("tests/detectors/test_evidence.py",),
    ),
    Mutant(
        "rarer hits than by chance are evidence",
        "detectors/evidence.py",
        "possible = theta > q",
        "possible = theta > 0 * q",
        ("tests/detectors/test_evidence.py",),
    ),
    Mutant(
        "pairs that were screened out are not counted as tested",
        "detectors/co_occurrence/detector.py",
        "max(pairs_tested, len(evidence))",
        "len(evidence)",
        PAIRS,
    ),
    Mutant(
        "chains that were screened out are not counted as tested",
        "detectors/sequence/detector.py",
        "max(joints_tested, len(log_e))",
        "len(log_e)",
        CHAINS,
    ),
    Mutant(
        "a split of stays costs nothing",
        "detectors/duration/candidates.py",
        " - log(max(part.ways for part, _ in found))",
        "",
        DURATIONS,
    ),
    Mutant(
        "a habit of the clock needs no evidence for all that was tested",
        "detectors/time_of_day/search.py",
        "max(floor, len(rows) / (self._alpha * max(1, believed)))",
        "floor",
        CLOCK,
    ),
    Mutant(
        "somebody's being active explains no pair",
        "detectors/following/nulls.py",
        """    return np.maximum(
        active_rates(timeline, candidates, trials), due_rates(timeline, candidates, trials, dwells)
    )""",
        "    return due_rates(timeline, candidates, trials, dwells)",
        PAIRS,
    ),
    Mutant(
        "an action's being due explains no pair",
        "detectors/following/nulls.py",
        """    return np.maximum(
        active_rates(timeline, candidates, trials), due_rates(timeline, candidates, trials, dwells)
    )""",
        "    return active_rates(timeline, candidates, trials)",
        PAIRS,
    ),
    Mutant(
        "each hit's own dwell time counts against it",
        "detectors/following/nulls.py",
        "own = trials.hits\n",
        "own = 0 * trials.hits\n",
        PAIRS,
    ),
    Mutant(
        "a pair has no direction",
        "detectors/following/nulls.py",
        "np.asarray(first >= LEAST_RATIO * last)",
        "np.asarray(first >= 0 * last)",
        PAIRS,
    ),
    Mutant(
        "trials in a gap count as misses",
        "detectors/following/trials.py",
        "~already(timeline, actions, at) & timeline.log.seen(at, at + windows)",
        "~already(timeline, actions, at)",
        PAIRS,
    ),
    Mutant(
        "slips are evidence against a duration",
        "detectors/duration/trial.py",
        "_gain(int(hits[at:until].sum()), len(uses), window.chance)",
        "_gain(int(hits[at:until].sum()), len(told), window.chance)",
        DURATIONS,
    ),
    Mutant(
        "a stay across midnight that an automation ended counts",
        "detectors/duration/stays.py",
        "if before.last_foreign or ends.first_foreign:",
        "if before.last_foreign:",
        DURATIONS,
    ),
    Mutant(
        "an entity's other uses are no background of its habit",
        "detectors/time_of_day/background.py",
        "np.maximum(flank, outside * g / (1 - g))",
        "0 * flank",
        CLOCK,
    ),
    Mutant(
        "quiet weeks save up alarms without a limit",
        "detectors/anomaly/budget.py",
        "min(self.capacity, self.tokens + self.weekly * passed_ms / WEEK_MS)",
        "self.tokens + self.weekly * passed_ms / WEEK_MS",
        ALARMS,
    ),
    Mutant(
        "missed routines spend what faults need",
        "detectors/anomaly/budget.py",
        "self.routines if kind is AnomalyKind.MISSED_ROUTINE else self.faults",
        "self.faults",
        ALARMS,
    ),
    Mutant(
        "a dead radio is many alarms",
        "detectors/anomaly/budget.py",
        "if any(abs(alarm.began_ms - other) < TOGETHER_MS[alarm.kind] for other in begun):",
        "if any(alarm.began_ms == other for other in begun[:0]):",
        ALARMS,
    ),
    Mutant(
        "a former owner goes on writing",
        "sinks/store/lease.py",
        """        _LEASES.c.owner == held.owner,
        _LEASES.c.epoch == held.epoch,
    )""",
        """        _LEASES.c.owner == held.owner,
    )""",
        OWNERS,
    ),
    Mutant(
        "a lease is taken although its owner has spoken meanwhile",
        "sinks/store/lease.py",
        " _LEASES.c.epoch == beat.epoch, _LEASES.c.until_us == beat.until_us",
        " _LEASES.c.epoch == beat.epoch",
        OWNERS,
    ),
    Mutant(
        "a gap begins with the last proof, not a second before it",
        "pipeline/learn/gap_tracker.py",
        "self._proof_us - REORDERED_US if self._proof_us else at_us",
        "self._proof_us if self._proof_us else at_us",
        GAPS,
    ),
    Mutant(
        "a gap that is prolonged may become shorter",
        "pipeline/core/known_gaps.py",
        "max(gap.to_us, self.all[place].to_us)",
        "gap.to_us",
        DAYS,
    ),
    Mutant(
        "an automation before midnight explains nothing after it",
        "pipeline/core/core.py",
        "if current.day.end_ms - at_ms <= MARK_CARRY_MS:",
        "if current.day.end_ms - at_ms <= 0:",
        DAYS,
    ),
    Mutant(
        "an automation before midnight explains nothing after it, where days are learned in shares",
        "pipeline/core/day_shard.py",
        "if opened.day.end_ms - at_ms <= MARK_CARRY_MS:",
        "if opened.day.end_ms - at_ms <= 0:",
        DAYS,
    ),
    Mutant(
        "an automation's own context does not make what follows its act",
        "pipeline/core/attribution.py",
        "if parent_id or context_id in automations:",
        "if parent_id:",
        CAUSES,
    ),
    Mutant(
        "a hand that takes back what an automation did is the automation's",
        "pipeline/core/attribution.py",
        "record.state != before.state and record.at_ms - before.at_ms <= RECENT_CONTEXT_MS",
        "False",
        CAUSES,
    ),
    Mutant(
        "what a group repeats is done by somebody",
        "pipeline/core/attribution.py",
        "source.entity_id != record.entity_id and record.at_ms - source.at_ms <= DERIVED_WITHIN_MS",
        "False",
        CAUSES,
    ),
    Mutant(
        "a weekday's habit may be every day's",
        "detectors/time_of_day/scan.py",
        "k_out * n < CONTRAST * k * n_out",
        "k_out * n < k * n_out",
        CLOCK,
    ),
    Mutant(
        "the busy hour of a room explains nothing in it",
        "detectors/time_of_day/background.py",
        "np.maximum(self._home_share(row, slot, width), g_room)",
        "self._home_share(row, slot, width)",
        CLOCK,
    ),
    Mutant(
        "the busy hour of the home explains nothing in a room",
        "detectors/time_of_day/background.py",
        "np.maximum(self._home_share(row, slot, width), g_room)",
        "g_room",
        CLOCK,
    ),
    Mutant(
        "the window of a pair was not chosen among others",
        "detectors/following/tried.py",
        " - LOG_WINDOWS)",
        ")",
        PAIRS,
    ),
    Mutant(
        "a chain is as sure as its surest joint",
        "detectors/sequence/chains.py",
        "joints.min(axis=1)",
        "joints.max(axis=1)",
        CHAINS,
    ),
    Mutant(
        "stays without memory are evidence",
        "detectors/duration/window.py",
        "np.sum(forecast + 1 + np.log(gone_on))",
        "np.sum(forecast + 2 + np.log(gone_on))",
        DURATIONS,
    ),
    Mutant(
        "what was said live costs the next budget nothing",
        "detectors/anomaly/budget.py",
        "                self._account(key[0]).spend(at_ms)\n",
        "",
        ALARMS,
    ),
    Mutant(
        "a lease counts from when the store answered",
        "pipeline/runtime/ownership.py",
        "            self.renewed_s = asked_s\n",
        "            self.renewed_s = _awake_or_not_s()\n",
        ("tests/pipeline/runtime/test_ownership.py",),
    ),
    Mutant(
        "a heartbeat proves that no event was missed, though none came",
        "pipeline/learn/gap_tracker.py",
        "        self._proof_us = self._event_us\n",
        "",
        GAPS,
    ),
    Mutant(
        "a late automation before midnight changes no day after it",
        "pipeline/core/core.py",
        "            following.dirty = True\n",
        "",
        DAYS,
    ),
    Mutant(
        "of sensors alone the last one is the source",
        "pipeline/core/attribution.py",
        "            and not record.entity_id.startswith(OBSERVING)\n",
        "",
        CAUSES,
    ),
    Mutant(
        "the last entry that a kept day holds is learned again",
        "pipeline/learn/learner.py",
        "if seq > applied.get(",
        "if seq >= applied.get(",
        ("tests/pipeline/learn/test_upgrade.py",),
    ),
    Mutant(
        "a model that is gone back with knows the day that changed",
        "pipeline/core/day_learning.py",
        "for day, state in self.states.items() if day < before}",
        "for day, state in self.states.items() if day <= before}",
        ("tests/pipeline/core/test_day_learning.py",),
    ),
)


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
