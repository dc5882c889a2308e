"""``python -m benchmarks.targets [--write]``: R1 to R29, what shows each, and what was measured last."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.results import RESULTS, write_section

DRILL = "drill "
MODULE = "python -m "
HEADER = "| | what | to reach | shown by | measured last, or how it stands |\n|---|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Target:
    """One figure that the whole has to reach.

    Attributes
    ----------
    number, what, to_reach
        Its number among the targets, and the figure of a release; every change runs a small form.
    shown_by
        Drills (``drill kill9``), tests and files of tests (``tests/...py::test_...``), measurements
        (``python -m ...``) and targets of make (``make coverage``).
    state
        Words where it is not reached, or shown otherwise than asked.
    """

    number: int
    what: str
    to_reach: str
    shown_by: Sequence[str]
    state: str = ""


_TESTS = "tests/pipeline"
TARGETS = (
    Target(
        1,
        "worker kill -9",
        "1,000 kills, 300,000 events: exact",
        ["drill kill9"],
        "the full form has 200: 1,000 among events that flow take hours",
    ),
    Target(2, "SIGTERM", "100 restarts: exact", ["drill sigterm"]),
    Target(3, "clean broker restarts", "200: exact", ["drill broker_restart"]),
    Target(
        4,
        "broker kill -9 with backfill",
        "100: exact within 60 s",
        ["drill broker_kill"],
        "not reached: what a killed broker loses lies in a gap; filling that comes with reading history",
    ),
    Target(5, "TCP cuts and half-open connections", "1,000: exact", ["drill cuts", "drill half_open"]),
    Target(
        6,
        "broker away an hour",
        "resumes within 10 s of its return; a zombie ends within 90 s",
        [
            "drill away",
            f"{_TESTS}/mqtt/test_hostile_brokers.py::test_connections_outlive_what_a_broker_does",
            f"{_TESTS}/learn/test_service.py::test_without_a_sign_of_life_it_ends",
        ],
    ),
    Target(
        7,
        "fencing",
        "1,000 SIGSTOP beyond the lease, 3 owners: exact, in order",
        ["drill lease", f"{_TESTS}/runtime/test_ownership_machine.py"],
    ),
    Target(
        8,
        "fail-over",
        "first commit of the successor within 15 s, restart within 2 s, at p95",
        [
            "python -m benchmarks.takeover",
            "drill lease",
            "drill backlog",
            f"{_TESTS}/runtime/test_ownership.py::test_a_dead_process_is_followed_at_once",
            f"{_TESTS}/runtime/test_ownership_machine.py",
        ],
    ),
    Target(
        9,
        "store locked, full, failing",
        "10 minutes each: exact, whole",
        ["drill locked", "drill full", "drill io_errors"],
    ),
    Target(
        10,
        "loss of power",
        "10,000 moments: opens, all that was acknowledged is there",
        ["drill power_loss", "tests/benchmarks/test_power_cuts.py"],
    ),
    Target(
        11,
        "a fault at every step",
        "every statement, commit and await of the commit path: exact",
        [f"{_TESTS}/learn/test_every_step.py", "tests/sinks/test_kills.py"],
    ),
    Target(
        12,
        "any order of faults",
        "200 x 50 steps; nightly 10,000 x 100",
        [f"{_TESTS}/learn/test_learner_machine.py", f"{_TESTS}/runtime/test_ownership_machine.py"],
        "HA_AI_TEST_EXAMPLES and HA_AI_TEST_STEPS make it longer; there is no simulator of the whole",
    ),
    Target(
        13,
        "poison",
        "300 kinds and 1,000,000 fuzzed payloads: no crash, nothing infinite, no lost place",
        [
            "drill poison",
            "drill refused",
            "tests/pipeline/ingest/test_poison.py",
            "python -m benchmarks.fuzzing",
        ],
        "fuzzed without coverage's guidance",
    ),
    Target(
        14,
        "duplicates and disorder",
        "half of all twice or late: byte for byte the same",
        ["drill shuffle", "tests/pipeline/core/test_order.py::test_disorder_is_harmless"],
    ),
    Target(
        15,
        "partitions",
        "1, 2, 4, 8 workers: the same patterns",
        [
            "tests/pipeline/learn/parallel/test_learner.py::test_any_number_of_workers_learns_the_same",
            "tests/pipeline/core/test_day_shard.py",
        ],
    ),
    Target(16, "rebuilt from the journal", "1,000,000 events: equal hash", ["python -m benchmarks.rebuild"]),
    Target(
        17,
        "floods",
        "memory at most 150 MB, nothing lost",
        [
            f"{_TESTS}/ingest/test_letters.py",
            f"{_TESTS}/learn/test_joined_gaps.py",
            f"{_TESTS}/mqtt/test_hostile_brokers.py::test_a_flood_takes_little_memory_and_lets_others_run",
        ],
    ),
    Target(
        18,
        "soak",
        "a year with 30 kills, 10 broker restarts, 5 clock jumps: exact, memory and files flat",
        ["python -m benchmarks.soak", "drill first_start"],
    ),
    Target(
        19,
        "throughput and latency",
        "2,000 events a second and core; p99 250 ms at 200 a second",
        ["python -m benchmarks.throughput", "python -m benchmarks.latency"],
    ),
    Target(
        20,
        "clocks",
        "jumps of an hour and a year, both nights of DST in 6 zones, leap days: nothing in a wrong place",
        [
            "drill clock",
            "tests/sinks/test_retention.py::test_a_clock_that_jumps_deletes_nothing",
            "tests/sinks/test_ages.py",
            "tests/pipeline/core/test_local_days.py",
            "python -m benchmarks.soak",
        ],
    ),
    Target(
        21,
        "deploying",
        "10,000 forged commands: none; 1,000 approvals: one automation each; at any failure: none half",
        [
            "python -m benchmarks.forging",
            "python -m benchmarks.deploying",
            "tests/pipeline/deploy/test_deployer_failures.py",
        ],
    ),
    Target(
        22,
        "safety of what is deployed",
        "500 names, 200 texts: none escapes",
        [
            "tests/pipeline/automations/test_safety.py",
            "tests/pipeline/automations/test_rendering_of_names.py",
        ],
        "the wider rules are work of their own",
    ),
    Target(
        23,
        "a language model that is away, slow or wrong",
        "no latency, suggestions in template words",
        ["tests/pipeline/wording/test_suggestions.py"],
        "there is none yet: all words are templates",
    ),
    Target(
        24,
        "upgrades",
        "two versions back: exact; a newer store is refused",
        [
            "tests/pipeline/learn/test_upgrade.py::test_an_older_store_goes_on_exactly",
            "tests/sinks/test_migrations.py::test_an_upgrade_keeps_all_rows",
            "tests/sinks/test_migrations.py::test_a_newer_store_is_refused",
            "tests/sinks/test_backup.py::test_a_newer_store_is_refused_without_a_byte_changed",
        ],
    ),
    Target(
        25,
        "brokers",
        "the doctor tells each known defect",
        [
            "tests/pipeline/doctor/test_doctor.py::test_limits_of_a_broker_as_installed_are_warned_of",
            "tests/project/test_broker_configuration.py",
        ],
        "with the mosquitto that the machine has: 2.0.11 on Debian 12",
    ),
    Target(
        26,
        "coverage and mutations",
        "95 % of lines, 90 % of branches",
        ["make coverage"],
        "shown, no bar",
    ),
    Target(27, "secrets", "none in any output", ["tests/pipeline/cli/test_secrets.py"]),
    Target(28, "tests that fail now and then", "0.1 %", ["python -m benchmarks.flakes"]),
    Target(29, "this table", "with seeds, for each release", ["python -m benchmarks.targets"]),
)


def measured(target: Target, results: str) -> str:
    """What RESULTS.md holds of what shows a target, whether tests do, and the target's own words."""
    said = [_said(name, results) for name in target.shown_by if not name.startswith("make ")]
    has_tests = any(name.startswith("tests/") for name in target.shown_by)
    tests = ["tests with every change"] if has_tests else []
    return "; ".join([*filter(None, said), *tests, *([target.state] if target.state else [])])


def _said(name: str, results: str) -> str:
    """What RESULTS.md holds of a drill or a measurement; nothing of a test."""
    if name.startswith(DRILL):
        return f"{name}: {_drill_row(name, results) or 'small form with every change'}"
    if name.startswith(MODULE) and name.removeprefix(MODULE) != __spec__.name:
        # This table names it as well.
        elsewhere = re.sub(r"^## Targets\n.*?(?=^## |\Z)", "", results, flags=re.DOTALL | re.MULTILINE)
        words = re.search(rf"^`{re.escape(name)}[ `]", elsewhere, re.MULTILINE)
        return f"{name.removeprefix(MODULE)}: {'see its section' if words else 'no figures yet'}"
    return ""


def _drill_row(name: str, results: str) -> str:
    """The faults and losses of a drill's recorded row."""
    drill = name.removeprefix(DRILL)
    found = re.search(rf"^\| {re.escape(drill)} \|(.*)\|$", results, re.MULTILINE)
    if not name.startswith(DRILL) or found is None:
        return ""
    _, faults, missing, over, exact, *_ = (cell.strip() for cell in found[1].split("|"))
    verdict = "exact" if (missing, over, exact) == ("0", "0", "yes") else f"{missing} missing, {over} twice"
    return f"{faults}, {verdict}"


def table(results: str) -> str:
    """All targets as rows."""
    rows = [
        f"| R{target.number} | {target.what} | {target.to_reach} "
        f"| {', '.join(f'`{name}`' for name in target.shown_by)} | {measured(target, results)} |"
        for target in TARGETS
    ]
    return "\n".join([HEADER, *rows])


def main() -> None:
    """Print the table, or put it into RESULTS.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.targets", description=__doc__)
    parser.add_argument("--write", action="store_true", help="the table into RESULTS.md")
    arguments = parser.parse_args()
    rows = table(RESULTS.read_text(encoding="utf-8"))
    print(rows)
    if arguments.write:
        write_section("Targets", rows)


if __name__ == "__main__":
    main()
