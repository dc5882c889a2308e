"""Debounce: many requests in a row become one run."""

import asyncio
from contextlib import suppress

from pipeline.timing.clock import monotonic_s

# A replay of a year judges a day now and then for some minutes.
LONGEST_S = 600.0
# Nobody asks more often by hand; each run takes a process and some seconds.
AT_ONCE = 6
EVERY_S = 300.0


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
