"""Services that run at a real broker, and what happens in their home meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from benchmarks.processes import wait_until
from benchmarks.publisher import Published
from pipeline.ingest.payloads import as_eventstream
from pipeline.learn.service import Service
from pipeline.runtime.errors import FatalError
from pipeline.settings import Settings
from schemas.events import StateChange
from schemas.home import Home
from tests.pipeline.delivery.runs import TOPIC

PATIENCE_S = 20.0


def happening(number: int) -> list[Published]:
    """State changes that happen now."""
    now_us = time.time_ns() // 1000
    changes = [
        StateChange(now_us + place, "light.hall", "off", "on", f"c{now_us + place}")
        for place in range(number)
    ]
    return [Published(TOPIC, as_eventstream(change)) for change in changes]


def takes_messages(service: Service) -> bool:
    """Whether a service is ready, and says so."""
    return service.health.ready and service.health.publishing


def has_session(service: Service) -> bool:
    """Whether a service has the session, for a moment at least."""
    return service.health.connected and service.health.publishing


@asynccontextmanager
async def running(
    settings: Settings, *, until: Callable[[Service], bool] = takes_messages
) -> AsyncIterator[Service]:
    """A service that has come as far as asked for; it is stopped at the end."""
    service = Service(settings, Home())
    task = asyncio.create_task(service.run())
    await wait_until(lambda: until(service), PATIENCE_S, "a running service")
    try:
        yield service
    finally:
        service.stop()
        with suppress(FatalError):
            await asyncio.wait_for(task, PATIENCE_S)
