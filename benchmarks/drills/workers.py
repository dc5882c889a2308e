"""Faults of the worker: killed, told to stop, frozen beyond its lease."""

import asyncio
import signal
import time
from collections.abc import Sequence
from functools import partial

from benchmarks.drills.audit import count_of, text_of
from benchmarks.drills.drill import Drill, Size
from benchmarks.drills.load import make_load
from benchmarks.drills.trial import Row, Trial
from benchmarks.processes import Worker, wait_until

LEASE_S = 2.0
# As people have it. A window of 65,535 messages took longer to hand on, in one go.
BACKLOG_LEASE_S = 10.0
# From one fault to the next: a worker stops and starts, or is frozen for longer than its lease.
STOP_S, FREEZE_S = 2.0, 3.0

RESTART_S = 60.0
AWAY_S = 120.0


async def kill(trial: Trial, times: int) -> str:
    """Kill -9 at random moments: mostly among the commits, one of four while it starts."""
    for number in range(times):
        if number % 4:
            await trial.among(number, times)
        else:
            trial.let_out(number, times)
        await asyncio.sleep(trial.rng.uniform(0.0, 0.05 if number % 4 else 1.5))
        trial.worker.signal(signal.SIGKILL)
    return f"{times} kill -9"


async def terminate(trial: Trial, times: int) -> str:
    """SIGTERM; what is published meanwhile waits at the broker."""
    for number in range(times):
        await trial.among(number, times)
        await trial.worker.ready()
        expected = trial.worker.starts + 1
        trial.worker.signal(signal.SIGTERM)
        await wait_until(partial(_started, trial, expected), RESTART_S, "a worker that stops")
    unclean = [code for code in trial.worker.exit_codes if code != 0]
    if unclean:
        trial.problems.append(f"workers that were told to stop exited with {unclean}")
    return f"{times} SIGTERM"


def _started(trial: Trial, times: int) -> bool:
    return trial.worker.starts >= times


async def freeze(trial: Trial, times: int, lease_s: float) -> str:
    """SIGSTOP of whoever owns the home, for longer than its lease."""
    done = 0
    while done < times:
        await trial.among(done, times)
        owner = owner_of(trial)
        if owner is None or not owner.signal(signal.SIGSTOP):
            await asyncio.sleep(0.1)
            continue
        await asyncio.sleep(lease_s * trial.rng.uniform(1.1, 1.8))
        owner.signal(signal.SIGCONT)
        done += 1
    owners = text_of(trial.worker.database, "SELECT epoch FROM leases")
    return f"{times} SIGSTOP beyond a lease of {lease_s:g} s, 3 would-be owners, {owners} terms"


def owner_of(trial: Trial) -> Worker | None:
    """Whoever owns the home, by the process id that is the third part of its name."""
    words = text_of(trial.worker.database, "SELECT owner FROM leases").split("/")
    pid = int(words[2]) if len(words) > 2 else -1
    return next((worker for worker in trial.all_workers if worker.pid == pid), None)


async def be_away(trial: Trial) -> str:
    """Stop all workers until everything waits at the broker; then one owns the home to the end."""
    for worker in trial.all_workers:
        await worker.stop()
    messages = len(trial.load.messages)
    await wait_until(lambda: trial.publisher.acknowledged == messages, AWAY_S, "all at the broker")
    place, before = trial.last_place(), _terms(trial)
    began_s = time.monotonic()
    for worker in trial.all_workers:
        await worker.start()
    await wait_until(lambda: trial.last_place() > place, AWAY_S, "a first commit")
    first_s = time.monotonic() - began_s
    await trial.drained()
    terms = _terms(trial) - before
    if terms != 1:
        trial.problems.append(f"the home changed hands {terms} times while the backlog came")
    return (
        f"{messages - place:,} wait for two workers with a lease of {BACKLOG_LEASE_S:g} s, "
        f"first commit after {first_s:.0f} s"
    )


def _terms(trial: Trial) -> int:
    return count_of(trial.worker.database, "SELECT epoch FROM leases")


async def _kill9(size: Size, seed: int, command: Sequence[str]) -> Row:
    async with Trial(make_load(size.events, seed=seed), seed=seed, command=command) as trial:
        return await trial.run("kill9", lambda running: kill(running, size.faults))


async def _sigterm(size: Size, seed: int, command: Sequence[str]) -> Row:
    load, rate = make_load(size.events, seed=seed), size.per_second(STOP_S)
    async with Trial(load, per_second=rate, seed=seed, command=command) as trial:
        return await trial.run("sigterm", lambda running: terminate(running, size.faults))


async def _lease(size: Size, seed: int, command: Sequence[str]) -> Row:
    load, rate = make_load(size.events, seed=seed), size.per_second(FREEZE_S)
    settings: dict[str, object] = {"lease_s": LEASE_S}
    async with Trial(load, rate, seed, workers=3, command=command, settings=settings) as trial:
        row = await trial.run("lease", lambda running: freeze(running, size.faults, LEASE_S))
        if row.audit.inversions:
            trial.problems.append(f"{row.audit.inversions} order breaks")
        return row


async def _backlog(size: Size, seed: int, command: Sequence[str]) -> Row:
    settings: dict[str, object] = {"lease_s": BACKLOG_LEASE_S}
    load = make_load(size.events, seed=seed, duplicates=0.0)
    async with Trial(load, seed=seed, workers=2, command=command, settings=settings) as trial:
        return await trial.run("backlog", be_away)


DRILLS = {
    "backlog": Drill(Size(15_000, 1), Size(150_000, 1), _backlog),
    "kill9": Drill(Size(6_000, 5), Size(60_000, 200), _kill9, quick=Size(2_400, 3)),
    "sigterm": Drill(Size(6_000, 3), Size(60_000, 100), _sigterm, quick=Size(2_000, 1)),
    "lease": Drill(Size(6_000, 5), Size(60_000, 1_000), _lease, quick=Size(2_400, 2)),
}
