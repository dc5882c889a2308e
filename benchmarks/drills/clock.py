"""Faults of the clock: set by hours, days, a year, while the worker runs and between its runs."""

import asyncio
import itertools
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.drills.audit import HOME, count_of
from benchmarks.drills.drill import Drill, Size
from benchmarks.drills.load import make_load
from benchmarks.drills.trial import Row, Trial
from benchmarks.processes import wait_until
from schemas.instants import from_us
from sinks.store import SqlStore

HOUR_S, DAY_S = 3_600, 86_400
# Of twelve jumps, every second one comes while the worker is down.
JUMPS_S = (
    400 * DAY_S, -365 * DAY_S, -3 * HOUR_S, 31 * DAY_S, DAY_S, -40 * DAY_S,
    365 * DAY_S, -DAY_S, 5 * HOUR_S, -2 * HOUR_S, 90 * DAY_S, -7 * DAY_S,
)  # fmt: skip
RATE = 250
DAYS = 20
TAKEN_BACK_S = 60.0
LONGEST_GAP_S = 600
VARIABLE = "HAAI_DRILL_CLOCK"
# What every Python process beneath it runs first: its clock is off by as many seconds as a file says.
OFF_BY = f"""
import os, time
def _ahead_s():
    with open(os.environ["{VARIABLE}"]) as file:
        return int(file.read())
_time, _time_ns = time.time, time.time_ns
time.time = lambda: _time() + _ahead_s()
time.time_ns = lambda: _time_ns() + _ahead_s() * 1_000_000_000
"""


class FalseClock:
    """A clock for the worker alone, which can be set.

    Parameters
    ----------
    folder
        For what tells the worker.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "ahead"
        (folder / "sitecustomize.py").write_text(OFF_BY)
        self.set(0)

    def set(self, ahead_s: int) -> None:
        """Set it so far ahead of the machine's."""
        new = self._folder / "new"
        new.write_text(str(ahead_s))
        new.replace(self._file)

    def over(self, command: Sequence[str]) -> tuple[str, ...]:
        """The command with this clock in place of the machine's."""
        return ("env", f"PYTHONPATH={self._folder}", f"{VARIABLE}={self._file}", *command)


async def jump(trial: Trial, clock: FalseClock, times: int) -> str:
    """Set the clock at random moments, live and while the worker is down; set it right in the end."""
    # Days have to be closed and kept before a clock can take them for old.
    await trial.progressed(0.4)
    for number, ahead_s in enumerate(itertools.islice(itertools.cycle(JUMPS_S), times)):
        # While the clock is wrong from the start the journal stands still: time goes by what is published.
        await asyncio.sleep(trial.rng.uniform(0.1, 0.5) * len(trial.load.messages) / RATE / times)
        if number % 2:
            clock.set(ahead_s)
        else:
            await _restart(trial, clock, ahead_s)
        await asyncio.sleep(trial.rng.uniform(0.2, 1.0))
    clock.set(0)
    await trial.progressed(0.99)
    await _all_taken(trial)
    return f"{times} jumps from -1 year to +400 days, live and between runs"


async def _restart(trial: Trial, clock: FalseClock, ahead_s: int) -> None:
    starts = trial.worker.starts
    trial.worker.signal(signal.SIGTERM)
    clock.set(ahead_s)
    await wait_until(lambda: trial.worker.starts > starts, TAKEN_BACK_S, "a worker that starts again")
    await trial.worker.ready()


async def _all_taken(trial: Trial) -> None:
    """Wait until nothing waits for the clock any more."""
    waiting = "SELECT count(*) FROM quarantine"
    try:
        await wait_until(
            lambda: count_of(trial.worker.database, waiting) == 0, TAKEN_BACK_S, "nothing that waits"
        )
    except TimeoutError:
        left = count_of(trial.worker.database, waiting)
        trial.problems.append(f"{left} events still wait, the clock being right")


def _gaps(trial: Trial) -> list[str]:
    """A clock that jumps makes no gap longer than the drill: it would excuse what was missed in it."""
    store = SqlStore(f"sqlite:///{trial.worker.database}", home=HOME.id)
    gaps = store.gaps()
    store.close()
    return [
        f"a gap of {(gap.to_us - gap.from_us) // 1_000_000} s ({gap.reason}) from {from_us(gap.from_us)}"
        for gap in gaps
        if gap.to_us - gap.from_us > LONGEST_GAP_S * 1_000_000
    ]


async def _clock(size: Size, seed: int, command: Sequence[str]) -> Row:
    load = make_load(size.events, seed=seed, hours=DAYS * 24)
    with tempfile.TemporaryDirectory(prefix="haai-drill-") as folder:
        clock = FalseClock(Path(folder))
        async with Trial(load, per_second=RATE, seed=seed, command=clock.over(command)) as trial:
            row = await trial.run("clock", lambda running: jump(running, clock, size.faults))
            trial.problems += _gaps(trial)
            return row


DRILLS = {"clock": Drill(Size(1_500, 4), Size(12_000, 12), _clock)}
