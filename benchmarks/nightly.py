"""``python -m benchmarks.nightly [PART ...] [--minutes M] [--sample N]``: what is too long for each change.

Parts run one after another, each for at most its share of the minutes that are given. A part that is ended by
its limit has found nothing until then, and says so; what fails fails the night.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.measurements import ROOT

TESTS = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=0")
IN_TIME = 0.9  # of its time is what a part is told that it has, where it ends by itself
GOODBYE_S = 10.0
LONG = {"HYPOTHESIS_PROFILE": "long", "HA_AI_TEST_STEPS": "100"}


@dataclass(frozen=True, slots=True)
class Part:
    """Something that is run at night.

    Attributes
    ----------
    words
        The command; ``{sample}`` is how much of it is wanted, ``{seconds}`` in what time.
    share
        Of the minutes that are given, against the other parts'.
    environment
        What is set for it beside what is set.
    """

    words: Sequence[str]
    share: float
    environment: Mapping[str, str] = field(default_factory=dict)


def _module(*words: str) -> Sequence[str]:
    return (sys.executable, "-m", *words)


PARTS = {
    "properties": Part((*TESTS, "-m", "hypothesis"), 4, LONG),
    "mutants": Part(_module("benchmarks.mutants"), 1),
    "mutating": Part(_module("benchmarks.mutating", "--sample", "{sample}", "--seconds", "{seconds}"), 6),
    "nulls": Part(_module("benchmarks.quality", "--parts", "rotated"), 2),
    "drills": Part(_module("benchmarks.drills", "--full"), 6),
    "nightly": Part((*TESTS, "-m", "nightly"), 2),
}


def run(part: Part, seconds: float, sample: int) -> str:
    """Run a part and return how it ended: ``passed``, ``stopped at its limit`` or ``failed``."""
    words = [word.format(sample=sample, seconds=IN_TIME * seconds) for word in part.words]
    environment = {**os.environ, **part.environment}
    begin = subprocess.Popen(words, cwd=ROOT, env=environment, start_new_session=True)  # noqa: S603 our own
    with begin as running:
        try:
            return "failed" if running.wait(seconds) else "passed"
        except subprocess.TimeoutExpired:
            _end(running)
            return "stopped at its limit"


def _end(running: subprocess.Popen[bytes]) -> None:
    """Let a part, and all that it has started, put away what is its own; then end what is left."""
    os.killpg(running.pid, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        running.wait(GOODBYE_S)
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)


def main() -> int:
    """Run parts, and print how each ended; 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nightly", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (all)")
    parser.add_argument("--minutes", type=float, default=480.0, metavar="M", help="for all (%(default).0f)")
    parser.add_argument("--sample", type=int, default=50, metavar="N", help="mutants a module (%(default)s)")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"expected parts out of {', '.join(PARTS)}, got {', '.join(sorted(unknown))}")
    parts = {name: PARTS[name] for name in arguments.parts or PARTS}
    seconds = arguments.minutes * 60 / sum(part.share for part in parts.values())
    ends = {}
    for name, part in parts.items():
        began_s = time.monotonic()
        ends[name] = run(part, part.share * seconds, arguments.sample)
        print(f"{name}: {ends[name]} after {time.monotonic() - began_s:.0f} s", flush=True)
    return int("failed" in ends.values())


if __name__ == "__main__":
    sys.exit(main())
