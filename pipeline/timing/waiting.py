"""Waiting: for the first of several tasks to end, ever longer between attempts, and until requests pause."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Any

from pipeline.timing.clock import monotonic_s

# Beyond, a float overflows before the longest wait is looked at.
DOUBLINGS = 32
# Of a debounce: a replay of a year judges a day now and then for some minutes.
LONGEST_S = 600.0
# Nobody asks it more often by hand; each run takes a process and some seconds.
AT_ONCE = 6
EVERY_S = 300.0


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


class Debounce:
    """Debounce: returns once no request has come for the last request's `quiet_s` seconds.

    Requests that go on delay it by `LONGEST_S` at most. It returns at most `AT_ONCE` times in a row, and in
    the long run once in `EVERY_S`: whoever may publish can request runs, but neither prevent nor flood them.
    """

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._quiet_at_s = 0.0
        self._left = float(AT_ONCE)
        self._came_s = monotonic_s()

    def ask(self, quiet_s: float) -> None:
        """Request a run after `quiet_s` seconds without another request; 0 is at once."""
        self._quiet_at_s = monotonic_s() + quiet_s
        self._asked.set()

    async def wait(self) -> None:
        """Wait until a run is due; later requests count for the next one."""
        await self._asked.wait()
        latest_s = monotonic_s() + LONGEST_S
        while self._asked.is_set():
            self._asked.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, min(self._quiet_at_s, latest_s) - monotonic_s())):
                    await self._asked.wait()
            if monotonic_s() >= latest_s:
                break
        await asyncio.sleep(self._until_due_s())
        self._left -= 1
        self._asked.clear()

    def _until_due_s(self) -> float:
        now_s = monotonic_s()
        self._left = min(AT_ONCE, self._left + (now_s - self._came_s) / EVERY_S)
        self._came_s = now_s
        return max(0.0, 1 - self._left) * EVERY_S
