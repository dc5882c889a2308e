"""Learning as a part of ``ha-ai run``: the service, its pages over HTTP, and how it goes, on a terminal."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import structlog
import uvicorn

from pipeline.consumers.consumer import Consumer, Loop
from pipeline.delivery.service import Service
from pipeline.http import application
from pipeline.settings import Settings
from schemas.home import Home

log = structlog.get_logger()

SHOW_S = 10.0


def learning(settings: Settings, home: Home, consumers: frozenset[Consumer]) -> tuple[Service, list[Loop]]:
    """The service that learns, publishes, or does both, and what runs beside it."""
    service = Service(settings, home, consumers=consumers)
    return service, [partial(_serve_http, settings, service), partial(_show, service)]


class _Http(uvicorn.Server):
    """Uvicorn without its signal handlers: the pipeline has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        log.info("health and metrics are served", health=f"http://{host}:{port}/health")


async def _serve_http(settings: Settings, service: Service) -> None:
    config = uvicorn.Config(
        application(service),
        host=settings.http_host,
        port=settings.http_port,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
    )
    server = _Http(config)
    try:
        await server.serve()
    except SystemExit:
        log.warning(
            "health and metrics are not served, all else goes on: set HA_AI_HTTP_PORT to a free port",
            host=settings.http_host,
            port=settings.http_port,
        )


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
