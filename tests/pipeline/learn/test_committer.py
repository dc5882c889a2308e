"""The commit loop acknowledges what is committed, in order, and waits for a store that is away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from benchmarks.processes import wait_until
from pipeline.health import Health, Metrics
from pipeline.learn import allowance
from pipeline.learn import committer as module
from pipeline.learn.committer import Committer
from pipeline.mqtt.intake import Intake, Sight
from schemas.events import StateChange
from sinks.store import Held, LeaseLostError, StoreThread, StoreUnavailableError, Transaction
from tests.fixtures.runs import Delivered, Kept, Run, kept

PATIENCE_S = 10.0


class Loop:
    """A commit loop over a run, and what it acknowledged."""

    def __init__(self, run: Run, held: Held | None) -> None:
        self.run = run
        self.health = Health()
        self.metrics = Metrics()
        self.intake = Intake()
        self.filled = asyncio.Event()
        self.acknowledged: list[bytes] = []
        self.thread = StoreThread()
        self.committer = Committer(
            self.intake,
            run.learner,
            held=held,
            thread=self.thread,
            health=self.health,
            metrics=self.metrics,
            outbox_filled=self.filled,
            batch_size=7,
            linger_s=0.0,
        )

    async def receive(self, changes: list[StateChange]) -> list[bytes]:
        """Put messages into the intake; return their payloads."""
        delivered = [Delivered(change, self.acknowledged) for change in changes]
        for each in delivered:
            await self.intake.put(each)  # type: ignore[arg-type]
        return [each.raw_message.payload for each in delivered]

    async def acknowledged_all(self, payloads: list[bytes]) -> None:
        """Wait for the acknowledgement of all of them."""
        await wait_until(lambda: self.acknowledged == payloads, PATIENCE_S, "all acknowledged", 0.005)


@pytest.fixture
async def loop(start: Callable[[], Run]) -> AsyncIterator[Loop]:
    """A running commit loop, which is stopped at the end."""
    made = Loop(start(), None)
    task = asyncio.create_task(made.committer.run())
    yield made
    made.committer.stop()
    await asyncio.wait_for(task, PATIENCE_S)
    made.thread.stop()


async def test_what_was_received_is_kept_and_acknowledged_in_order(
    loop: Loop, changes: list[StateChange], clean: Kept
) -> None:
    """The store comes to what a clean run's holds."""
    payloads = await loop.receive(changes)
    await loop.acknowledged_all(payloads)
    store = loop.run.store
    await wait_until(lambda: kept(store).patterns == clean.patterns, PATIENCE_S, "the same patterns")
    assert kept(store).journal == clean.journal
    assert loop.metrics.entries_total == len(changes)
    assert loop.filled.is_set()


async def test_a_duplicate_is_acknowledged_and_counted(loop: Loop, changes: list[StateChange]) -> None:
    """What is known already is not kept again, but must not come a third time."""
    payloads = await loop.receive(changes[:7])
    payloads += await loop.receive(changes[:7])
    await loop.acknowledged_all(payloads)
    assert loop.run.store.counts()["journal"] == 7
    assert loop.metrics.registry.get_sample_value("haai_duplicates_total") == 7


async def test_figures_tell_of_patterns_as_last_judged(loop: Loop, changes: list[StateChange]) -> None:
    """Not as they were before the day that was just judged; a kind without any counts zero."""
    await loop.acknowledged_all(await loop.receive(changes))
    await wait_until(lambda: not loop.run.learner.thinking, PATIENCE_S, "the judgement")
    figure = partial(loop.metrics.registry.get_sample_value, "haai_patterns")
    await wait_until(lambda: figure({"pattern_type": "time_of_day"}) == 6, PATIENCE_S, "six patterns")
    assert figure({"pattern_type": "co_occurrence"}) == 0
    assert loop.metrics.registry.get_sample_value("haai_days_closed_total") == 4


async def test_a_connection_says_nothing_of_the_store(
    loop: Loop, changes: list[StateChange], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that comes back while the store is away does not make it available."""
    with monkeypatch.context() as patch:
        patch.setattr(module, "BACKOFF_S", (1.0,))
        patch.setattr(Transaction, "journal", _away)
        await loop.receive(changes[:5])
        await wait_until(lambda: loop.health.degraded, PATIENCE_S, "a failure")
        loop.intake.put_sight(Sight(1, stands=False))
        loop.intake.put_sight(Sight(2, stands=True))
        assert "locked" in loop.health.degraded


async def test_nothing_is_acknowledged_while_the_store_is_away(
    loop: Loop, changes: list[StateChange], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages wait, the health says why; then they are kept once and acknowledged."""
    with monkeypatch.context() as patch:
        patch.setattr(module, "BACKOFF_S", (0.001,))
        patch.setattr(Transaction, "journal", _away)
        payloads = await loop.receive(changes[:5])
        failures = partial(loop.metrics.registry.get_sample_value, "haai_store_errors_total")
        await wait_until(lambda: (failures() or 0) > 2, PATIENCE_S, "three failures")
        assert loop.acknowledged == []
        assert "locked" in loop.health.degraded
        assert not loop.health.ready
    await loop.acknowledged_all(payloads)
    assert loop.health.degraded == ""
    assert loop.run.store.counts()["journal"] == 5


async def test_a_home_of_which_all_is_refused_is_a_fault(
    loop: Loop, changes: list[StateChange], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until something is taken: nothing else shows that nothing is learned."""
    monkeypatch.setattr(allowance, "MINUTES", 0)
    for number in range(allowance.SEVERAL):
        junk = Delivered(changes[0], loop.acknowledged)
        junk.raw_message.payload = b"junk %d" % number
        await loop.intake.put(junk)  # type: ignore[arg-type]
    await wait_until(lambda: loop.health.faults, PATIENCE_S, "a fault")
    assert "most as not_json" in loop.health.faults[allowance.SUBJECT]
    await loop.receive(changes[:1])
    await wait_until(lambda: not loop.health.faults, PATIENCE_S, "no fault")


async def test_somebody_elses_home_is_left_alone(
    start: Callable[[], Run], changes: list[StateChange]
) -> None:
    """Once another owner has taken the lease nothing is written or acknowledged, and the loop ends."""
    run = start()
    leases = run.store.leases
    held = leases.acquire("p0", "first", now_us=0, ttl_us=1)
    assert held is not None
    assert leases.acquire("p0", "second", now_us=2, ttl_us=1_000_000, silent=leases.beat("p0"))
    made = Loop(run, held)
    await made.receive(changes[:5])
    with pytest.raises(LeaseLostError):
        await asyncio.wait_for(made.committer.run(), PATIENCE_S)
    made.thread.stop()
    assert made.acknowledged == []
    assert run.store.counts()["journal"] == 0


async def test_a_commit_is_a_sign_of_life_without_a_heartbeat(loop: Loop, changes: list[StateChange]) -> None:
    """Behind a backlog the heartbeat is late; the watchdog goes by what is committed."""
    before = loop.health.last_sign_s
    await loop.acknowledged_all(await loop.receive(changes[:3]))
    assert loop.health.last_sign_s > before


def _away(*_: Any) -> int:
    raise StoreUnavailableError("locked")
