"""A broker that is killed, away, or seen for the first time: what is lost lies in a gap that says so."""

import asyncio
import signal
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.drills.audit import HOME, audit, count_of, gaps_of, lost_of
from benchmarks.drills.drill import Drill, Size
from benchmarks.drills.load import LiveLoad, Load
from benchmarks.drills.network import Proxy
from benchmarks.drills.trial import STALL_S, Row, Trial
from benchmarks.processes import HTTP_OK, Mosquitto, Worker, wait_until
from benchmarks.publisher import Publisher
from schemas.events import Gap

RATE = 500
US = 1_000_000
LONGER_S = 5.0
RESUMED_S = 10.0
FIRST_EVENTS = 50
NOTHING = Load([], [])


async def kill_broker(trial: Trial, proxy: Proxy, live: LiveLoad, times: int) -> str:
    """Kill -9 of the broker under load, which starts again within a second, some with an old session.

    By turns it dies with events that it acknowledged and the worker never got, and while the worker lags.
    """
    outages, unsent = [], []
    for number in range(times):
        if number % 3 == 1:
            trial.broker.save()
        place = trial.last_place() + trial.rng.randrange(400, 800)
        await wait_until(partial(_has_grown, trial, place), STALL_S, "progress", every_s=0.01)
        if number % 2 == 0:
            unsent.append(await _send_nothing(trial, proxy))
            from_us, _ = unsent[-1]
        else:
            from_us = await _lag(trial)
        await trial.broker.kill()
        trial.worker.signal(signal.SIGCONT)
        await asyncio.sleep(trial.rng.uniform(0.0, 1.0))
        await trial.broker.start()
        outages.append((from_us, _now_us()))
        await wait_until(partial(_has_ended, trial, from_us), STALL_S, "the end of a gap")
    _expect_lost(trial, live, unsent)
    gaps = gaps_of(trial.worker.database)
    longest_s = max((_longer_s(gap, outages, trial.problems) for gap in gaps), default=0.0)
    if longest_s > LONGER_S:
        trial.problems.append(f"a gap is {longest_s:.1f} s longer than the outage")
    if trial.worker.starts != 1:
        trial.problems.append(f"expected the worker to live, it exited: {trial.worker.exit_codes}")
    return f"{times} kill -9 of the broker at {RATE} events/s, gaps at most {longest_s:.1f} s longer"


async def _send_nothing(trial: Trial, proxy: Proxy) -> tuple[int, int]:
    """Let the broker acknowledge for a moment what the worker never gets; return from when to when."""
    publisher, from_us = trial.publisher, _now_us()
    enough = publisher.acknowledged + trial.rng.randrange(150, 300)
    # More than the publisher may have unacknowledged, so that some of them come after the silence began.
    proxy.fall_silent()
    await wait_until(lambda: publisher.acknowledged >= enough, STALL_S, "acknowledgements", every_s=0.01)
    return from_us, _now_us()


async def _lag(trial: Trial) -> int:
    """Freeze the worker for a moment: what came meanwhile it reads after the broker's end, which is now."""
    trial.worker.signal(signal.SIGSTOP)
    await asyncio.sleep(trial.rng.uniform(0.2, 0.6))
    return _now_us()


def _expect_lost(trial: Trial, live: LiveLoad, unsent: Sequence[tuple[int, int]]) -> None:
    """See to it that each time something died with the broker before the worker noticed."""
    lost = lost_of(trial.worker.database, live.events)
    for from_us, to_us in unsent:
        if not any(from_us < event.at_us < to_us for event in lost):
            trial.problems.append("nothing that was acknowledged was lost: the fault had no effect")


def _has_grown(trial: Trial, place: int) -> bool:
    return trial.last_place() >= place


def _has_ended(trial: Trial, since_us: int) -> bool:
    return count_of(trial.worker.database, "SELECT coalesce(max(to_us), 0) FROM gaps") >= since_us


def _longer_s(gap: Gap, outages: Sequence[tuple[int, int]], problems: list[str]) -> float:
    """How much longer a gap is than the outages within it."""
    within_us = [to_us - from_us for from_us, to_us in outages if gap.from_us < to_us and from_us < gap.to_us]
    if not within_us:
        problems.append(f"a gap for no outage: {gap}")
    return (gap.to_us - gap.from_us - sum(within_us)) / US


async def _broker_kill(size: Size, seed: int, command: Sequence[str]) -> Row:
    live = LiveLoad(seed=seed)
    async with (
        Trial(NOTHING, per_second=RATE, seed=seed, command=command) as trial,
        Proxy(trial.broker.port) as proxy,
    ):
        return await trial.run_live(
            "broker_kill",
            live,
            lambda it: kill_broker(it, proxy, live, size.faults),
            worker_port=proxy.port,
        )


async def leave(trial: Trial, seconds: int) -> str:
    """Stop the broker for a while, and see how soon the worker is back."""
    await trial.broker.stop()
    await asyncio.sleep(seconds)
    await trial.broker.start()
    back_s, place = time.monotonic(), trial.last_place() + 1
    await wait_until(partial(_has_grown, trial, place), STALL_S, "its return", every_s=0.01)
    took_s = time.monotonic() - back_s
    if took_s > RESUMED_S:
        trial.problems.append(f"expected events within {RESUMED_S:.0f} s of its return, not {took_s:.1f} s")
    if trial.worker.starts != 1:
        trial.problems.append(f"expected the worker to wait, it exited: {trial.worker.exit_codes}")
    return f"broker away for {seconds} s, resumed after {took_s:.1f} s"


async def _away(size: Size, seed: int, command: Sequence[str]) -> Row:
    async with Trial(NOTHING, per_second=RATE, seed=seed, command=command) as trial:
        return await trial.run_live("away", LiveLoad(seed=seed), lambda it: leave(it, size.faults))


async def _first_start(size: Size, seed: int, command: Sequence[str]) -> Row:
    """Start for the first time, and publish in the moment when it says that it is ready."""
    began_s, problems, found = time.monotonic(), [], None
    for number in range(size.faults):
        with tempfile.TemporaryDirectory(prefix="haai-drill-") as folder:
            live, broker = LiveLoad(seed=seed + number), Mosquitto(Path(folder))
            live.end_after(FIRST_EVENTS)
            place = {"tz": HOME.tz, "lat": HOME.lat, "lon": HOME.lon}
            worker = Worker(
                Path(folder) / "ha-ai.db", Path(folder) / "log", broker.port, command=command, **place
            )
            try:
                await broker.start()
                await worker.start()
                while await worker.status("/health/ready") != HTTP_OK:  # noqa: ASYNC110 it is asked for
                    await asyncio.sleep(0.002)
                publisher = Publisher(broker.port)
                await publisher.publish(live)
                query = "SELECT count(*) FROM journal"
                try:
                    await wait_until(lambda: count_of(worker.database, query) >= FIRST_EVENTS, 10.0, "all")  # noqa: B023 awaited here
                except TimeoutError:
                    problems.append(f"start {number}: {publisher.unheard} were published to nobody")
            finally:
                await worker.stop()
                await broker.stop()
            found = audit(worker.database, live.events)
            if not found.is_exact:
                problems.append(f"start {number}: {found.missing} of the first {FIRST_EVENTS} are missing")
    assert found is not None  # noqa: S101 for the type checker
    seconds = time.monotonic() - began_s
    load = f"{size.faults * FIRST_EVENTS:,} events live"
    return Row("first_start", load, f"{size.faults} first starts", found, seconds, problems)


def _now_us() -> int:
    return time.time_ns() // 1000


DRILLS = {
    "broker_kill": Drill(Size(0, 2), Size(0, 20), _broker_kill),
    "away": Drill(Size(0, 5), Size(0, 3_600), _away),
    "first_start": Drill(Size(0, 3), Size(0, 30), _first_start),
}
