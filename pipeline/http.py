"""Health and metrics over HTTP, from FastStream's ASGI application."""

import json
from typing import Any

from faststream.asgi import AsgiFastStream, AsgiResponse, get
from prometheus_client import make_asgi_app

from pipeline.delivery.service import Service

HEADERS = {"content-type": "application/json"}


def application(service: Service) -> Any:
    """The ASGI application: ``/health``, ``/health/ready``, ``/health/live``, ``/metrics``, ``/asyncapi``."""

    def answer(*, good: bool) -> AsgiResponse:
        health = service.health
        body = {
            "status": "ok" if good else "degraded",
            "problems": health.problems(),
            "notices": list(health.notices.values()),
        }
        return AsgiResponse(json.dumps(body).encode(), 200 if good else 503, HEADERS)

    @get
    async def ready(_scope: Any) -> AsgiResponse:
        return answer(good=service.health.ready)

    @get
    async def live(_scope: Any) -> AsgiResponse:
        return AsgiResponse(b'{"status": "ok"}', 200, HEADERS)

    return AsgiFastStream(
        service.ingest,
        service.egress,
        asgi_routes=[
            ("/health", ready),
            ("/health/ready", ready),
            ("/health/live", live),
            ("/metrics", make_asgi_app(service.metrics.registry)),
        ],
        asyncapi_path="/asyncapi",
    )
