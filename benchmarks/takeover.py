"""``python -m benchmarks.takeover``: from the kill -9 of a home's owner to the first commit after it."""

import argparse
import asyncio
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from functools import partial
from pathlib import Path

from benchmarks.payloads import TOPIC, live_payloads
from benchmarks.processes import HA_AI, Mosquitto, Worker, wait_until
from benchmarks.publisher import Published, Publisher
from benchmarks.results import write_section

RATE = 20
WATCH_S = 0.01
PATIENCE_S = 120.0
# Of another machine nothing is known but its pulse in the store: only its silence tells that it is gone.
_ELSEWHERE = """
import sys
from pipeline.runtime import ownership
name = f"{sys.argv[1]}/{ownership.process_name()}"
ownership.process_name = lambda: name
from pipeline.cli import main
sys.exit(main(["run"]))
"""


class Home:
    """A home under load, and how many changes its store holds."""

    def __init__(self, folder: Path, broker_port: int) -> None:
        self._folder = folder
        self._port = broker_port
        self._started = 0
        self.database = folder / "ha-ai.db"

    async def worker(self, *command: str) -> Worker:
        """Start a process for the home."""
        self._started += 1
        log = self._folder / f"{self._started}.log"
        log.touch()
        made = Worker(self.database, log, self._port, command=command)
        await made.start()
        return made

    def committed(self) -> int:
        """The last place in the journal."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as store:
            return int(store.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()[0])

    async def commits_again(self, killed_s: float) -> float:
        """Seconds from a kill to the first commit after it."""
        before = self.committed()
        while self.committed() == before:
            if time.monotonic() - killed_s > PATIENCE_S:
                raise TimeoutError(f"expected a commit within {PATIENCE_S:.0f} s of the kill")
            await asyncio.sleep(WATCH_S)
        return time.monotonic() - killed_s


async def followed(home: Home, times: int) -> list[float]:
    """The owner is killed while one of another machine stands by, which then is the owner."""
    owner = await home.worker(*_elsewhere(0))
    await owner.ready()
    taken = []
    for number in range(1, times + 1):
        successor = await home.worker(*_elsewhere(number))
        await wait_until(partial(_stands_by, successor), PATIENCE_S, "a process that stands by")
        killed_s = time.monotonic()
        await owner.kill()
        taken.append(await home.commits_again(killed_s))
        owner = successor
        await owner.ready()
    await owner.stop()
    return taken


async def restarted(home: Home, times: int) -> list[float]:
    """The owner is killed and started again on its machine."""
    owner = await home.worker(*HA_AI)
    await owner.ready()
    taken = []
    for _ in range(times):
        killed_s = time.monotonic()
        owner.signal(signal.SIGKILL)
        taken.append(await home.commits_again(killed_s))
        await owner.ready()
    await owner.stop()
    return taken


def _stands_by(worker: Worker) -> bool:
    return "another process owns the home, standing by" in worker.messages()


def _elsewhere(number: int) -> Sequence[str]:
    return (sys.executable, "-c", _ELSEWHERE, f"machine-{number}")


async def _measured(times: int) -> list[str]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haai-takeover-")))
        broker = Mosquitto(folder)
        stack.push_async_callback(broker.stop)
        await broker.start()
        load = Publisher(broker.port)
        messages = (Published(TOPIC, payload) for payload in live_payloads())
        publishing = asyncio.create_task(load.publish(messages, per_second=RATE))
        stack.callback(publishing.cancel)
        home = Home(folder, broker.port)
        lines = [_line("successor on another machine, lease of 10 s", await followed(home, times))]
        return [*lines, _line("started again on the same machine", await restarted(home, times))]


def _line(what: str, seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    p50, p95 = (ordered[min(int(len(ordered) * share), len(ordered) - 1)] for share in (0.5, 0.95))
    return f"| {what} | {p50:.1f} | {p95:.1f} | {ordered[-1]:.1f} | {len(ordered)} |"


async def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.takeover", description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="kills of each kind (%(default)s)")
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    arguments = parser.parse_args()
    what = f"from kill -9 to the first commit, {RATE} events a second"
    head = f"| {what} | p50, s | p95, s | longest, s | kills |"
    table = "\n".join([head, "|" + "---|" * 5, *await _measured(arguments.times)])
    print(table)
    if arguments.write:
        write_section("Fail-over", table)


if __name__ == "__main__":
    asyncio.run(main())
