"""Serving the pages of a process, whichever roles run in it."""

import asyncio
from functools import partial

from pipeline.health import Health
from pipeline.runtime.http.application import Served, application
from pipeline.runtime.http.server import HttpServer
from pipeline.runtime.role import Loop
from pipeline.timing.clock import monotonic_s

__all__ = ["Served", "serving"]

TURN_S = 0.5


def serving(served: Served) -> list[Loop]:
    """Return what runs beside the roles of a process so that it can be asked how it is."""
    settings = served.settings
    server = HttpServer(application(served), settings.http_host, settings.http_port)
    return [server.run_beside, partial(_note_turns, served.health)]


async def _note_turns(health: Health) -> None:
    """Say that the loop comes round: `/health` is asked in another thread."""
    while True:
        health.last_turn_s = monotonic_s()
        await asyncio.sleep(TURN_S)
