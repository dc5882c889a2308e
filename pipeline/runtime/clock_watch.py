"""Watching clocks while the pipeline runs: this machine's for jumps, Home Assistant's for being off."""

import asyncio
from collections.abc import Callable

import structlog

from pipeline.health import Health
from pipeline.runtime.clock import HomeTime, by_words
from pipeline.timing.clock import monotonic_s, wall_us
from sinks.home_assistant.date_header import clock_us
from sinks.home_assistant.errors import HomeAssistantError

log = structlog.get_logger(__name__)

LOOK_S = 1.0
COMPARE_S = 600.0


class ClockWatch:
    """Notices that the machine's clock was set, and says what clocks there are to mend.

    Parameters
    ----------
    home_time
        What the pipeline goes by.
    address
        Home Assistant's, None where it is not set.
    was_set
        Called when the clock was set.
    """

    def __init__(
        self, home_time: HomeTime, health: Health, *, address: str | None, was_set: Callable[[], None]
    ) -> None:
        self._time = home_time
        self._health = health
        self._address = address
        self._was_set = was_set
        self._said: dict[str, str] = {}

    async def run(self) -> None:
        """Look every second; compare with Home Assistant's clock now and then, and after each jump."""
        asked_s = -COMPARE_S
        while True:
            jump = self._time.tick()
            if jump is not None:
                log.warning("the clock was set", by=by_words(jump.by_us))
                self._was_set()
            if jump is not None or monotonic_s() - asked_s >= COMPARE_S:
                asked_s = monotonic_s()
                self._time.home_assistant_ahead_us = await self._compare()
            self._say(self._time.notices())
            await asyncio.sleep(LOOK_S)

    def _say(self, notices: dict[str, str]) -> None:
        for subject in self._said.keys() - notices.keys():
            self._health.notices.pop(subject, None)
        self._health.notices.update(notices)
        self._said = notices

    async def _compare(self) -> int | None:
        """By how much Home Assistant's clock is ahead of this machine's; None where it does not say."""
        if self._address is None:
            return None
        try:
            told_us = await asyncio.to_thread(clock_us, self._address)
        except HomeAssistantError as error:
            log.debug("clocks not compared", error=str(error))
            return None
        return told_us - wall_us()
