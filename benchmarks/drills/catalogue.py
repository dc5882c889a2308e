"""The drills there are, each in a small form for every change and a full one for every release."""

import tempfile
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.drills.load import make_load
from benchmarks.drills.network import Proxy, cut, restart_broker
from benchmarks.drills.order import disorder, household_load, learned
from benchmarks.drills.poisoning import check_letters, poisoned
from benchmarks.drills.stores import fill, lock, small_disk
from benchmarks.drills.trial import Row, Trial
from benchmarks.drills.workers import freeze, kill, terminate

LEASE_S = 2.0
RATE = 1_000


@dataclass(frozen=True, slots=True)
class Size:
    """How many events, and how many faults or seconds of one."""

    events: int
    faults: int


Run = Callable[[Size, int, Sequence[str]], Coroutine[object, object, Row]]


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill: its small and its full size, and what runs it with a seed and the workers' command."""

    small: Size
    full: Size
    run: Run


async def _kill9(size: Size, seed: int, command: Sequence[str]) -> Row:
    async with Trial(make_load(size.events, seed=seed), seed=seed, command=command) as trial:
        return await trial.run("kill9", lambda running: kill(running, size.faults))


async def _sigterm(size: Size, seed: int, command: Sequence[str]) -> Row:
    async with Trial(make_load(size.events, seed=seed), per_second=RATE, seed=seed, command=command) as trial:
        return await trial.run("sigterm", lambda running: terminate(running, size.faults))


async def _broker_restart(size: Size, seed: int, command: Sequence[str]) -> Row:
    async with Trial(make_load(size.events, seed=seed), per_second=RATE, seed=seed, command=command) as trial:
        return await trial.run("broker_restart", lambda running: restart_broker(running, size.faults))


async def _cuts(size: Size, seed: int, command: Sequence[str]) -> Row:
    async with (
        Trial(make_load(size.events, seed=seed), per_second=RATE, seed=seed, command=command) as trial,
        Proxy(trial.broker.port) as proxy,
    ):
        return await trial.run(
            "cuts", lambda running: cut(running, proxy, size.faults), worker_port=proxy.port
        )


async def _locked(size: Size, seed: int, command: Sequence[str]) -> Row:
    async with Trial(make_load(size.events, seed=seed), per_second=500, seed=seed, command=command) as trial:
        return await trial.run("locked", lambda running: lock(running, size.faults))


async def _full(size: Size, seed: int, command: Sequence[str]) -> Row:
    load = make_load(size.events, seed=seed)
    with tempfile.TemporaryDirectory(prefix="haai-drill-") as base, small_disk(Path(base)) as disk:
        async with Trial(load, per_second=RATE, seed=seed, command=command, folder=disk) as trial:
            return await trial.run("full", lambda running: fill(running, size.faults))


async def _lease(size: Size, seed: int, command: Sequence[str]) -> Row:
    load = make_load(size.events, seed=seed)
    settings: dict[str, object] = {"lease_s": LEASE_S}
    async with Trial(load, seed=seed, workers=3, command=command, settings=settings) as trial:
        row = await trial.run("lease", lambda running: freeze(running, size.faults, LEASE_S))
        if row.audit.inversions:
            trial.problems.append(f"{row.audit.inversions} order breaks")
        return row


async def _poison(size: Size, seed: int, command: Sequence[str]) -> Row:
    load, poisons = poisoned(make_load(size.events, seed=seed), seed=seed)
    async with Trial(load, seed=seed, command=command) as trial:
        return await trial.run("poison", lambda running: check_letters(running, poisons))


async def _shuffle(size: Size, seed: int, command: Sequence[str]) -> Row:
    load = household_load(size.events, seed=seed)
    async with Trial(load, seed=seed, command=command) as trial:
        expected = learned(load.events)
        for number in range(size.faults):
            if learned(disorder(load.events, Random(seed + number))) != expected:
                trial.problems.append(f"disorder {seed + number} gives another state")
        return await trial.run("shuffle", lambda _: _described(size))


async def _described(size: Size) -> str:
    return f"half late or twice, {size.faults} times in process and once over MQTT"


DRILLS = {
    "kill9": Drill(Size(6_000, 5), Size(60_000, 200), _kill9),
    "sigterm": Drill(Size(6_000, 3), Size(20_000, 10), _sigterm),
    "broker_restart": Drill(Size(6_000, 3), Size(20_000, 10), _broker_restart),
    "cuts": Drill(Size(6_000, 10), Size(20_000, 50), _cuts),
    "locked": Drill(Size(4_000, 10), Size(20_000, 60), _locked),
    "full": Drill(Size(12_000, 10), Size(20_000, 20), _full),
    "lease": Drill(Size(6_000, 5), Size(20_000, 40), _lease),
    "poison": Drill(Size(2_000, 300), Size(20_000, 300), _poison),
    "shuffle": Drill(Size(5, 2), Size(20, 5), _shuffle),
}
