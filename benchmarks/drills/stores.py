"""Faults of the store: locked by somebody else, no room on its disk."""

import asyncio
import contextlib
import os
import resource
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.drills.drill import Drill, Size
from benchmarks.drills.load import make_load
from benchmarks.drills.trial import Row, Trial

RATE = 1_000

ROOM = "64m"
LIMIT_BYTES = 8_192
FIU = "fiu-ctrl"
FIU_LIBRARIES = "/usr/lib/fiu"


async def lock(trial: Trial, seconds: float) -> str:
    """Hold the write lock of the store."""
    await trial.progressed(0.3)
    with closing(sqlite3.connect(trial.worker.database, timeout=30.0, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(seconds)
        connection.execute("ROLLBACK")
    _check(trial)
    return f"locked {seconds:.0f} s"


async def fill(trial: Trial, seconds: float) -> str:
    """Leave no byte free on the store's own disk; where none could be mounted, limit its files."""
    await trial.progressed(0.3)
    folder = trial.worker.database.parent
    if folder.is_mount():
        ballast = _ballast(folder)
        await asyncio.sleep(seconds)
        ballast.unlink()
        how = "tmpfs full"
    else:
        pid = trial.worker.pid or 0
        limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (LIMIT_BYTES, limits[1]))
        await asyncio.sleep(seconds)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
        how = "files limited"
    _check(trial)
    return f"{how} {seconds:.0f} s"


async def fail(trial: Trial, seconds: float, control: Path) -> str:
    """Let some of what is written to the disk, and some syncs, fail."""
    await trial.progressed(0.3)
    # libfiu says what it was asked last: a sync fails more often, as there are fewer.
    await _order(trial, control, "enable_random name=posix/io/rw/pwrite,probability=0.03")
    await _order(trial, control, "enable_random name=posix/io/sync/fdatasync,probability=0.05")
    await asyncio.sleep(seconds)
    await _order(trial, control, "disable name=posix/io/rw/pwrite")
    await _order(trial, control, "disable name=posix/io/sync/fdatasync")
    _check(trial)
    return f"3 % of writes and 5 % of syncs fail for {seconds:.0f} s"


async def _order(trial: Trial, control: Path, order: str) -> None:
    words = (FIU, "-f", str(control / "fiu"), "-c", order, str(trial.worker.pid))
    process = await asyncio.create_subprocess_exec(*words)
    if await process.wait():
        raise RuntimeError(f"expected {FIU} to reach the worker: {order}")


def _faulty(command: Sequence[str], control: Path) -> tuple[str, ...]:
    """The command with the library beneath it that lets calls fail when it is told to."""
    libraries = " ".join(f"{FIU_LIBRARIES}/fiu_{name}_preload.so" for name in ("run", "posix"))
    return ("env", f"LD_PRELOAD={libraries}", f"FIU_CTRL_FIFO={control}", *command)


def _ballast(folder: Path) -> Path:
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4_096))
    return ballast


@contextlib.contextmanager
def small_disk(parent: Path) -> Iterator[Path]:
    """A folder on a small disk of its own where that may be mounted, else an ordinary one."""
    folder = parent / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", str(folder)]
    is_mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0  # noqa: S603 our own words
    try:
        yield folder
    finally:
        if is_mounted:
            subprocess.run([str(shutil.which("umount")), "-l", str(folder)], check=True)  # noqa: S603 our own words


def _check(trial: Trial) -> None:
    """The store was away, and the worker waited for it."""
    if "store unavailable, messages wait unacknowledged" not in trial.worker.messages():
        trial.problems.append("the store was never away: the fault had no effect")
    if trial.worker.starts != 1:
        exits = trial.worker.exit_codes
        trial.problems.append(f"expected the worker to wait for its store, it exited: {exits}")


async def _locked(size: Size, seed: int, command: Sequence[str]) -> Row:
    async with Trial(make_load(size.events, seed=seed), per_second=500, seed=seed, command=command) as trial:
        return await trial.run("locked", lambda running: lock(running, size.faults))


async def _full(size: Size, seed: int, command: Sequence[str]) -> Row:
    load = make_load(size.events, seed=seed)
    with tempfile.TemporaryDirectory(prefix="haai-drill-") as base, small_disk(Path(base)) as disk:
        async with Trial(load, per_second=RATE, seed=seed, command=command, folder=disk) as trial:
            return await trial.run("full", lambda running: fill(running, size.faults))


async def _io_errors(size: Size, seed: int, command: Sequence[str]) -> Row:
    load = make_load(size.events, seed=seed)
    with tempfile.TemporaryDirectory(prefix="haai-drill-") as control:
        faulty = _faulty(command, Path(control) / "fiu")
        async with Trial(load, per_second=500, seed=seed, command=faulty) as trial:
            return await trial.run("io_errors", lambda running: fail(running, size.faults, Path(control)))


DRILLS = {
    "locked": Drill(Size(4_000, 10), Size(20_000, 600), _locked),
    "full": Drill(Size(12_000, 10), Size(20_000, 600), _full),
    "io_errors": Drill(Size(4_000, 5), Size(20_000, 600), _io_errors, (FIU,)),
}
