"""Who asks without end neither keeps it from coming nor makes it a load."""

import asyncio
import time

import pytest

from pipeline.timing import waiting as module
from pipeline.timing.waiting import Debounce


async def asking(debounce: Debounce) -> None:
    """Ask without end, each time for a quiet that never comes."""
    while True:
        debounce.ask(60.0)
        await asyncio.sleep(0.01)


async def test_it_comes_though_somebody_asks_on_and_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is held up for so long, and no longer."""
    monkeypatch.setattr(module, "LONGEST_S", 0.2)
    debounce = Debounce()
    asker = asyncio.create_task(asking(debounce))
    await asyncio.wait_for(debounce.wait(), 5.0)
    asker.cancel()


async def test_it_comes_some_times_at_once_and_then_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often somebody wants it now."""
    monkeypatch.setattr(module, "EVERY_S", 0.5)
    debounce, began_s = Debounce(), time.monotonic()
    for _ in range(module.AT_ONCE):
        debounce.ask(0.0)
        await asyncio.wait_for(debounce.wait(), 5.0)
    assert time.monotonic() - began_s < 0.4
    for _ in range(2):
        debounce.ask(0.0)
        await asyncio.wait_for(debounce.wait(), 5.0)
    assert time.monotonic() - began_s > 0.9


async def test_it_does_not_come_unasked() -> None:
    """Nor twice for one who asked."""
    debounce = Debounce()
    debounce.ask(0.0)
    await asyncio.wait_for(debounce.wait(), 5.0)
    coming = asyncio.create_task(debounce.wait())
    done, _ = await asyncio.wait([coming], timeout=0.2)
    assert not done
    coming.cancel()
