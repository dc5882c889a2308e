"""Work on the store runs in one thread, in its order, and blocks no event loop."""

import asyncio
import threading
from functools import partial

import pytest

from sinks.store import StoreThread


async def test_work_is_done_one_after_the_other() -> None:
    """In one thread, which is not the event loop's, in the order in which it came."""
    seen: list[tuple[int, str]] = []
    with StoreThread("ours") as thread:

        def work(number: int) -> int:
            seen.append((number, threading.current_thread().name.rpartition("_")[0]))
            return number

        done = await asyncio.gather(*(thread.call(partial(work, number)) for number in range(20)))
    assert done == list(range(20))
    assert seen == [(number, "ours") for number in range(20)]


async def test_the_event_loop_goes_on_meanwhile() -> None:
    """What waits for a disk holds up nobody else."""
    with StoreThread() as thread:
        free = threading.Event()
        waiting = asyncio.create_task(thread.call(lambda: free.wait(10)))
        await asyncio.sleep(0)
        assert not waiting.done()
        free.set()
        assert await waiting


async def test_an_error_is_that_of_who_asked() -> None:
    """And the next piece of work is done all the same."""
    with StoreThread() as thread:
        with pytest.raises(ZeroDivisionError):
            await thread.call(lambda: 1 / 0)
        assert await thread.call(lambda: 1) == 1


async def test_what_has_begun_is_done_to_its_end() -> None:
    """Whoever is cancelled does not wait for it; stopping does."""
    began, free, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        free.wait(10)
        ended.set()

    with StoreThread() as thread:
        waiting = asyncio.create_task(thread.call(work))
        await asyncio.to_thread(began.wait, 10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not ended.is_set()
        free.set()
    assert ended.is_set()
