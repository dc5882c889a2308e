"""What a model costs: CPU a reading, bytes, and what importing it adds to a process."""

import pickle
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable

MICRO = 1e6
KIB = 1024
# What a process has anyhow that detects at all.
ALREADY = "import numpy, detectors.contract"
PROBE = """
import re, sys
from pathlib import Path
def resident(): return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
exec(sys.argv[1])
before = resident()
exec(sys.argv[2])
print(resident() - before)
"""


def cpu_us(work: Callable[[], object], readings: int) -> float:
    """CPU microseconds a reading of a piece of work that takes so many."""
    start = time.process_time()
    work()
    return (time.process_time() - start) / readings * MICRO


def model_bytes(make: Callable[[], object], models: int = 8) -> int:
    """Bytes of one model that `make` makes and trains.

    What Python allocated, or the pickled size where that is larger, as with models that live in Rust.
    """
    make()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = [make() for _ in range(models)]
    traced = (tracemalloc.get_traced_memory()[0] - before) // models
    tracemalloc.stop()
    return max(traced, len(pickle.dumps(kept[0])))


def import_mb(statement: str) -> float:
    """Resident MB that a statement adds to a fresh process which has numpy already."""
    command = [sys.executable, "-c", PROBE, ALREADY, statement]
    out = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 our own
    return int(out.stdout) / KIB


def feed(take: Callable[[float], object], values: Iterable[float]) -> Callable[[], None]:
    """A piece of work: give all values."""

    def work() -> None:
        for value in values:
            take(value)

    return work
