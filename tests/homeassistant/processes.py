"""Start, await and end what runs beside the tests."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import pytest

Found = TypeVar("Found")


async def eventually(check: Callable[[], Awaitable[Found | None]], what: str, timeout_s: float = 15) -> Found:
    """Return the first truthy result of `check`, or fail the test."""
    began = time.monotonic()
    while not (found := await check()):
        waited_s = time.monotonic() - began
        if waited_s > timeout_s:
            pytest.fail(f"not within {timeout_s} s: {what}")
        # What comes at once is seen at once, and what takes seconds costs few looks.
        await asyncio.sleep(min(max(0.005, waited_s / 10), 0.2))
    return found


async def stop(process: asyncio.subprocess.Process | None, timeout_s: float = 60) -> None:
    """End a process that we started, if we did, by force when it does not follow."""
    if process is None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), timeout_s)
    except TimeoutError:
        process.kill()
        await process.wait()
