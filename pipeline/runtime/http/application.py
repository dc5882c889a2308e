"""HTTP application of a running process: health, metrics and the AsyncAPI document. It changes nothing."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pipeline.health import Health, Metrics
from pipeline.mqtt import asyncapi
from pipeline.runtime.http.guard import Guard
from pipeline.runtime.http.hosts import Hosts
from pipeline.runtime.http.page import STYLE_HASH, page
from pipeline.runtime.http.router import (
    HTML,
    JSON,
    Application,
    Receive,
    Response,
    Route,
    Router,
    Scope,
    Send,
)
from pipeline.runtime.http.server import HttpServer
from pipeline.runtime.role import Loop
from pipeline.settings import Settings
from pipeline.timing.clock import monotonic_s
from schemas.home import Home

SERVICE = "ha-ai"


@dataclass(frozen=True, slots=True)
class Served:
    """A running process, as far as it is served, whichever roles run in it."""

    settings: Settings
    home: Home
    health: Health
    metrics: Metrics


def application(served: Served) -> Guard:
    """The ASGI application of a process, behind the rules."""
    settings = served.settings
    return Guard(
        router(served),
        Hosts([settings.http_host, *settings.http_hosts.split(",")]),
        styles=(STYLE_HASH,),
    )


def router(served: Served) -> Router:
    """Every route there is."""

    @cache
    def document() -> dict[str, Any]:
        return asyncapi.document(served.settings)

    @cache
    def document_page() -> Response:
        return Response(page(document()), content_type=HTML)

    @cache
    def document_text() -> Response:
        return Response(asyncapi.text(document()), content_type=JSON)

    def figures() -> Response:
        return Response(generate_latest(served.metrics.registry), content_type=CONTENT_TYPE_LATEST)

    async def health(scope: Scope, receive: Receive, send: Send) -> None:
        await _health(served, in_words=scope["is_local"])(scope, receive, send)

    return Router(
        [
            Route("/health", health, beyond_loopback=True),
            Route("/health/ready", health, beyond_loopback=True),
            Route("/health/live", Response('{"status": "ok"}', content_type=JSON), beyond_loopback=True),
            Route("/metrics", _made(figures), beyond_loopback=True),
            Route("/asyncapi", _made(document_page)),
            Route("/asyncapi.json", _made(document_text)),
        ]
    )


def _made(make: Callable[[], Response]) -> Application:
    """The application that makes its response when it is asked."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await make()(scope, receive, send)

    return answer


def _health(served: Served, *, in_words: bool) -> Response:
    """Answer whether the service is ready; its problems are read once, so that status and words agree.

    The words name topics, files and the broker: they are for this machine alone.
    """
    problems = served.health.problems()
    said: dict[str, Any] = {"service": SERVICE, "status": "degraded" if problems else "ok"}
    if in_words:
        notices = list(served.health.notices.values())
        states = served.health.states()
        said |= {"home": served.home.id, "roles": states, "problems": problems, "notices": notices}
    return Response(json.dumps(said), 503 if problems else 200, JSON)


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
