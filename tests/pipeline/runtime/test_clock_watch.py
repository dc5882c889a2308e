"""What is said in health of clocks, and of days that only a person may delete."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.processes import wait_until
from pipeline.health import Health
from pipeline.learn.pruning import OVERDUE, Pruner
from pipeline.runtime import clock, clock_watch
from pipeline.runtime.clock import HomeTime
from pipeline.runtime.clock_watch import ClockWatch
from pipeline.timing import clock as machine
from sinks.home_assistant import HomeAssistantError
from sinks.store import SqlStore, StoreThread

HOUR_US = 3_600_000_000


@pytest.fixture
def ahead_us(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """By how much this machine's clock is ahead; Home Assistant's is right."""
    ahead = [0]
    true_us = machine.wall_us
    monkeypatch.setattr(clock, "wall_us", lambda: true_us() + ahead[0])
    monkeypatch.setattr(clock_watch, "wall_us", lambda: true_us() + ahead[0])
    monkeypatch.setattr(clock_watch, "clock_us", lambda _: true_us())
    monkeypatch.setattr(clock_watch, "LOOK_S", 0.01)
    return ahead


async def test_a_jump_is_told_and_said_until_it_is_mended(ahead_us: list[int]) -> None:
    """Set back by three hours: whoever waits for that is told, and health says whose clock is behind."""
    health, told = Health(), asyncio.Event()
    watch = ClockWatch(HomeTime(), health, address="http://ha", was_set=told.set)
    task = asyncio.create_task(watch.run())
    await asyncio.sleep(0.05)
    assert health.notices == {}
    ahead_us[0] = -3 * HOUR_US
    await asyncio.wait_for(told.wait(), 5.0)
    await wait_until(lambda: len(health.notices) == 2, 5.0, "both notices", 0.01)
    assert "set back by 3 h" in health.notices["clock"]
    assert "3 h behind Home Assistant's" in health.notices["clock of Home Assistant"]
    ahead_us[0] = 0
    await wait_until(lambda: "clock of Home Assistant" not in health.notices, 5.0, "one notice less", 0.01)
    task.cancel()


async def test_a_home_assistant_that_does_not_answer_says_nothing(
    ahead_us: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clocks are not compared, and all goes on."""

    def away(_: str) -> int:
        raise HomeAssistantError("expected the time, got none")

    monkeypatch.setattr(clock_watch, "clock_us", away)
    health = Health()
    task = asyncio.create_task(
        ClockWatch(HomeTime(), health, address="http://ha", was_set=lambda: None).run()
    )
    await asyncio.sleep(0.1)
    assert not task.done()
    assert (health.notices, ahead_us) == ({}, [0])
    task.cancel()


async def test_days_that_are_overdue_are_said(tmp_path: Path) -> None:
    """A month of two years ago, behind a fortnight of life, with the command that deletes it."""
    store, health = SqlStore(f"sqlite:///{tmp_path}/store.db"), Health()
    store.migrate()
    today = datetime.now(UTC).date()
    ages = [*range(14), *range(700, 730)]
    with store.begin() as transaction:
        for age in ages:
            day = today - timedelta(days=age)
            transaction.save_day(day, b"x", events=1, sealed=True, at_us=0, applied_seq=0)
    with StoreThread() as thread:
        task = asyncio.create_task(Pruner(store, thread, HomeTime(), health).run())
        await wait_until(lambda: OVERDUE in health.notices, 5.0, "a notice", 0.01)
        task.cancel()
    assert health.notices[OVERDUE].startswith("30 days up to ")
    assert "`ha-ai prune --yes` deletes them" in health.notices[OVERDUE]
    store.close()
