"""Waiting: for the first of several tasks to end, and ever longer from one attempt to the next."""

import asyncio
from collections.abc import Collection
from typing import Any


async def first_ended(
    tasks: Collection["asyncio.Task[Any]"], *events: asyncio.Event
) -> "list[asyncio.Task[Any]]":
    """Wait until a task ends or an event is set; return the tasks that have ended, in their order.

    The others go on, and what an ended one raised is raised where its result is asked for.

    Examples
    --------
    >>> async def wait():
    ...     tasks = [asyncio.create_task(asyncio.sleep(s, s)) for s in (0, 60)]
    ...     ended = await first_ended(tasks, asyncio.Event())
    ...     tasks[1].cancel()
    ...     return [task.result() for task in ended]
    >>> asyncio.run(wait())
    [0]
    """
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait({*tasks, *waits}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return [task for task in tasks if task.done()]


# Beyond, a float overflows before the longest wait is looked at.
DOUBLINGS = 32


def backoff_s(failures: int, first_s: float, longest_s: float) -> float:
    """Return the seconds to wait after so many failures in a row: `first_s`, then twice as long each time.

    Examples
    --------
    >>> [backoff_s(failures, 0.5, 3.0) for failures in range(6)]
    [0.0, 0.5, 1.0, 2.0, 3.0, 3.0]
    """
    if failures <= 0:
        return 0.0
    return min(first_s * 2.0 ** min(failures - 1, DOUBLINGS), longest_s)
