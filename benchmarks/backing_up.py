"""``python -m benchmarks.backing_up``: what a backup takes from those who commit meanwhile."""

import argparse
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import psutil

from benchmarks.results import write_section
from schemas.events import StateChange
from sinks.store import SqlStore, backup

A_SECOND = 500
A_BATCH = 10
DAY_BYTES = 100_000
ALONE_S = 20.0
TIMES = 3
NICE = 10


class Writer:
    """Commits ten changes fifty times a second, and notes how long each commit takes."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._number = 0

    def run(self, goes_on: Callable[[], bool]) -> list[float]:
        """Commit as long as it goes on; return milliseconds."""
        taken: list[float] = []
        begun_s = time.perf_counter()
        while goes_on():
            taken.append(self._commit_ms())
            due_s = begun_s + len(taken) * A_BATCH / A_SECOND
            time.sleep(max(0.0, due_s - time.perf_counter()))
        return taken

    def _commit_ms(self) -> float:
        at = range(self._number, self._number + A_BATCH)
        self._number += A_BATCH
        changes = [StateChange(each, f"light.a{each % 50}", None, "on") for each in at]
        begun_s = time.perf_counter()
        with self._store.begin() as transaction:
            transaction.journal([(change.key, change) for change in changes], 1)
        return (time.perf_counter() - begun_s) * 1_000


def fill(store: SqlStore, megabytes: int) -> None:
    """Keep day sets, which like real ones cannot be packed further."""
    generator = random.Random(1)
    with store.begin() as transaction:
        for number in range(megabytes * 1_000_000 // DAY_BYTES):
            day = date(2000, 1, 1) + timedelta(days=number)
            packed = generator.randbytes(DAY_BYTES)
            transaction.save_day(day, packed, events=1, sealed=True, at_us=1, applied_seq=0)


def measured(folder: Path, megabytes: int) -> list[str]:
    """The table's lines for a store of that size."""
    database = folder / "ha-ai.db"
    store = SqlStore(f"sqlite:///{database}")
    store.migrate()
    fill(store, megabytes)
    writer, until_s = Writer(store), time.perf_counter() + ALONE_S
    lines = [_line(f"{megabytes} MB, alone", writer.run(lambda: time.perf_counter() < until_s))]
    before = psutil.Process().memory_full_info().pss
    for _ in range(TIMES):
        made: list[Path] = []
        thread = threading.Thread(target=lambda: made.append(_niced(database, folder / "backups")))  # noqa: B023 joined in the loop
        begun_s = time.perf_counter()
        thread.start()
        taken = writer.run(thread.is_alive)
        thread.join()
        seconds, size = time.perf_counter() - begun_s, made[0].stat().st_size / 1e6
        more = (psutil.Process().memory_full_info().pss - before) / 1e6
        lines.append(
            f"{_line(f'{megabytes} MB, beside a backup', taken)} {seconds:.1f} | {size:.0f} | {more:.1f} |"
        )
    store.close()
    return lines


def _niced(database: Path, folder: Path) -> Path:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
    return backup.take(database, folder)


def _line(what: str, milliseconds: list[float]) -> str:
    ordered = sorted(milliseconds)
    shares = " | ".join(f"{ordered[int(len(ordered) * share)]:.1f}" for share in (0.5, 0.9, 0.99))
    return f"| {what} | {shares} | {ordered[-1]:.0f} | {len(ordered):,} |"


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backing_up", description=__doc__)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[60, 200], help="of the store")
    parser.add_argument("--folder", type=Path, help="on the disk to measure, not in memory")
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    arguments = parser.parse_args()
    what = f"commits of {A_BATCH} changes, {A_SECOND} changes a second"
    columns = "p50, ms | p90 | p99 | longest | commits | backup, s | its size, MB | memory, MB"
    lines = [f"| {what} | {columns} |", "|" + "---|" * 9]
    for megabytes in arguments.megabytes:
        with tempfile.TemporaryDirectory(prefix="haai-backup-", dir=arguments.folder) as folder:
            lines += measured(Path(folder), megabytes)
    table = "\n".join(line if line.count("|") == 10 else f"{line} - | - | - |" for line in lines)
    print(table)
    if arguments.write:
        write_section("Backing up", table)


if __name__ == "__main__":
    main()
