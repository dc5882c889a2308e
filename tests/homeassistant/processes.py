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
    deadline = time.monotonic() + timeout_s
    while not (found := await check()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout_s} s: {what}")
        await asyncio.sleep(0.05)
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
