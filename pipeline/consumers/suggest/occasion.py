"""Waiting until it is quiet: what is asked for many times in a row is done once."""

import asyncio
from contextlib import suppress
from time import monotonic


class Occasion:
    """Comes when something was asked for, and then not again for as long as the last asker wanted."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._quiet_at_s = 0.0

    def ask(self, quiet_s: float) -> None:
        """Ask for it, to come when nobody else asks for so many seconds; 0 wants it now."""
        self._quiet_at_s = monotonic() + quiet_s
        self._asked.set()

    async def come(self) -> None:
        """Wait until it is asked for and quiet; who asks from then on asks for the next."""
        await self._asked.wait()
        while self._asked.is_set():
            self._asked.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._quiet_at_s - monotonic())):
                    await self._asked.wait()
