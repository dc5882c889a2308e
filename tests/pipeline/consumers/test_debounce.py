"""Who asks without end neither keeps it from coming nor makes it a load."""

import asyncio
import time

import pytest

from pipeline.suggest import debounce as module
from pipeline.suggest.debounce import Debounce


async def asking(occasion: Debounce) -> None:
    """Ask without end, each time for a quiet that never comes."""
    while True:
        occasion.ask(60.0)
        await asyncio.sleep(0.01)


async def test_it_comes_though_somebody_asks_on_and_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is held up for so long, and no longer."""
    monkeypatch.setattr(module, "LONGEST_S", 0.2)
    occasion = Debounce()
    asker = asyncio.create_task(asking(occasion))
    await asyncio.wait_for(occasion.come(), 5.0)
    asker.cancel()


async def test_it_comes_some_times_at_once_and_then_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often somebody wants it now."""
    monkeypatch.setattr(module, "EVERY_S", 0.5)
    occasion, began_s = Debounce(), time.monotonic()
    for _ in range(module.AT_ONCE):
        occasion.ask(0.0)
        await asyncio.wait_for(occasion.come(), 5.0)
    assert time.monotonic() - began_s < 0.4
    for _ in range(2):
        occasion.ask(0.0)
        await asyncio.wait_for(occasion.come(), 5.0)
    assert time.monotonic() - began_s > 0.9


async def test_it_does_not_come_unasked() -> None:
    """Nor twice for one who asked."""
    occasion = Debounce()
    occasion.ask(0.0)
    await asyncio.wait_for(occasion.come(), 5.0)
    coming = asyncio.create_task(occasion.come())
    done, _ = await asyncio.wait([coming], timeout=0.2)
    assert not done
    coming.cancel()
