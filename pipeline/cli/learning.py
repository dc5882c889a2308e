"""Learning as a part of ``ha-ai run``: the service, its pages over HTTP, and how it goes, on a terminal."""

import asyncio
import sys
import time
from functools import partial

import structlog

from pipeline.learn.service import Service
from pipeline.runtime.daily_backup import DailyBackup
from pipeline.runtime.http.application import application
from pipeline.runtime.http.server import HttpServer
from pipeline.runtime.role import Consumer, Loop
from pipeline.settings import Settings
from schemas.home import Home

log = structlog.get_logger()

SHOW_S = 10.0
TURN_S = 0.5


def learning(settings: Settings, home: Home, consumers: frozenset[Consumer]) -> tuple[Service, list[Loop]]:
    """The service that learns, publishes, or does both, and what runs beside it."""
    service = Service(settings, home, consumers=consumers)
    server = HttpServer(application(service), settings.http_host, settings.http_port)
    loops: list[Loop] = [server.run_beside, partial(_note_turns, service), partial(_show, service)]
    if Consumer.LEARN in consumers:
        loops.append(DailyBackup(settings, home.id, service.health).run)
    return service, loops


async def _note_turns(service: Service) -> None:
    """Say that the loop comes round: `/health` is asked in another thread."""
    while True:
        service.health.last_turn_s = time.monotonic()
        await asyncio.sleep(TURN_S)


async def _show(service: Service) -> None:
    """Every few seconds, on a terminal, how it goes."""
    before = 0.0
    while sys.stderr.isatty():
        await asyncio.sleep(SHOW_S)
        entries = service.metrics.entries_total
        learner = service.learner
        log.info(
            "running",
            per_second=round((entries - before) / SHOW_S, 1),
            lag_s=round(service.health.lag_s, 1),
            waiting=service.health.waiting,
            patterns=len(learner.core.ledger.active) if learner else 0,
            gaps=len(learner.core.gaps) if learner else 0,
            problems=service.health.problems(),
        )
        before = entries
