"""``python -m benchmarks.memory``: peak memory of `ha-ai run` while and after a home is replayed into it."""

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.drills.audit import text_of
from benchmarks.processes import HA_AI, HOST, Mosquitto, Worker
from benchmarks.quality.homes import write_second_home
from benchmarks.results import write_section
from pipeline.simulation.household import Household
from pipeline.simulation.recording import write_household

SAMPLE_S = 0.1
QUIET_S = 15.0
TARGET_MB = 150
REPLAY = (HA_AI[0], "replay", "--shift-to-now")
# All but the deployer, which is a process of its own and needs a Home Assistant.
ALL = (*HA_AI, "suggest", "review", "show", "answer")


@dataclass(slots=True)
class Peaks:
    """Proportional set size in MB: before anything came, the highest so far, and the last.

    Beside them the highest resident size, which counts in full what other processes share, and the highest
    that processes of moments took, in which automations are tried on the past.
    """

    idle: float = 0.0
    peak: float = 0.0
    last: float = 0.0
    resident: float = 0.0
    trying: float = 0.0

    def take(self, pid: int | None) -> None:
        """Take a sample."""
        self.last = _mb(pid, "Pss")
        self.peak = max(self.peak, self.last)
        self.resident = max(self.resident, _mb(pid, "Rss"))
        self.trying = max(self.trying, _mb_of_children(pid))


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--second", action="store_true", help="a large home of the second generator")
    parser.add_argument("--all", action="store_true", help="with every consumer, not learning alone")
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haai-bench-")))
        if arguments.second:
            write_second_home(folder)
            title = "Memory, a large home"
        else:
            write_household(Household(), folder)
            title = "Memory, a generated household"
        words: tuple[str, ...] = HA_AI
        if arguments.all:
            title, words = f"{title}, with suggestions", ALL
        events, home = (folder.resolve() / name for name in ("events.jsonl.gz", "home.json"))
        table = asyncio.run(_measured(folder, events, home, words))
    print(table)
    if arguments.write:
        write_section(title, table, seed=1)


async def _measured(folder: Path, events: Path, home: Path, words: tuple[str, ...]) -> str:
    broker = Mosquitto(folder)
    await broker.start()
    log = folder / "worker.log"
    settings = {
        "mqtt_client_id": "haai-bench-p0",
        "home_file": home,
        "command_key_file": folder / "ha-ai.key",
    }
    worker = Worker(folder / "ha-ai.db", log, broker.port, command=words, **settings)
    peaks = Peaks()
    began_s = time.monotonic()
    try:
        await worker.start()
        await worker.ready()
        peaks.idle = _mb(worker.pid, "Pss")
        await _replay(broker.port, events, home, worker, peaks)
        await _until_quiet(worker, peaks)
    finally:
        await worker.stop()
        await broker.stop()
    kept = text_of(worker.database, "SELECT count(*) FROM journal")
    patterns = text_of(worker.database, "SELECT count(*) FROM patterns WHERE status = 'active'")
    seconds = time.monotonic() - began_s
    return (
        "| events kept | patterns | PSS idle, MB | PSS peak | to reach | PSS last | RSS peak "
        "| trying, PSS peak | seconds |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
        f"| {int(kept):,} | {patterns} | {peaks.idle:.1f} | {peaks.peak:.1f} | {TARGET_MB} "
        f"| {peaks.last:.1f} | {peaks.resident:.1f} | {peaks.trying:.1f} | {seconds:.0f} |"
    )


async def _replay(port: int, events: Path, home: Path, worker: Worker, peaks: Peaks) -> None:
    words = (*REPLAY, "--home", str(home), str(events))
    environment = {"HA_AI_MQTT_URL": f"mqtt://{HOST}:{port}", "HA_AI_DATABASE_PATH": "unused"}
    process = await asyncio.create_subprocess_exec(*words, env=environment, stderr=sys.stderr)
    waiting = asyncio.create_task(process.wait())
    while not waiting.done():
        peaks.take(worker.pid)
        await asyncio.wait([waiting], timeout=SAMPLE_S)
    if waiting.result():
        raise RuntimeError(f"expected a replay to the end, it exited with {waiting.result()}")


async def _until_quiet(worker: Worker, peaks: Peaks) -> None:
    """Sample on until the process has had nothing to do for a while."""
    busy_s = cpu_s = 0.0
    quiet_since_s = time.monotonic()
    process = psutil.Process(worker.pid)
    while time.monotonic() - quiet_since_s < QUIET_S:
        peaks.take(worker.pid)
        busy_s, cpu_s = cpu_s, sum(process.cpu_times()[:2])
        if cpu_s - busy_s > SAMPLE_S / 2:
            quiet_since_s = time.monotonic()
        await asyncio.sleep(SAMPLE_S)


def _mb(pid: int | None, measure: str) -> float:
    """Memory of a process: `Pss` shares what is shared, `Rss` counts it in full."""
    return _kb(pid, measure) / 1024 if pid else 0.0


def _mb_of_children(pid: int | None) -> float:
    """Proportional set size of a process's children; one that has just ended takes nothing."""
    total = 0.0
    for child in psutil.Process(pid).children(recursive=True):
        with suppress(FileNotFoundError, ProcessLookupError, StopIteration):
            total += _mb(child.pid, "Pss")
    return total


def _kb(pid: int, measure: str) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith(f"{measure}:"))


if __name__ == "__main__":
    main()
