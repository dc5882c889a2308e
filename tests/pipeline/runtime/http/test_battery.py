"""All routes times all methods times all senders: nothing changes, and broken applications are found out."""

from typing import Any

import pytest
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from prometheus_client import generate_latest

from pipeline.learn.service import Service
from pipeline.runtime.http.application import application, router
from pipeline.runtime.http.guard import Guard, Head
from pipeline.runtime.http.hosts import Hosts
from pipeline.runtime.http.router import Application, Response, Route, Router
from tests.pipeline.runtime.http.asking import breaches, process_of

SERVED = {"/health", "/health/ready", "/health/live", "/metrics", "/asyncapi", "/asyncapi.json"}

pytestmark = pytest.mark.usefixtures("_hurried")


@pytest.fixture
def published(service: Service, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is published under the service's account."""
    found: list[Any] = []

    async def note(*what: Any, **how: Any) -> None:
        found.append((what, how))

    for broker in (service.ingest, service.egress):
        monkeypatch.setattr(broker, "publish", note)
    return found


def state(service: Service, published: list[Any]) -> tuple[Any, ...]:
    """All of the service that a request could change."""
    brokers = [
        (type(broker), len(broker.subscribers), broker.running) for broker in (service.ingest, service.egress)
    ]
    health = {name: getattr(service.health, name) for name in service.health.__slots__}
    return repr(health), generate_latest(service.metrics.registry), repr(published), repr(brokers)


def test_the_routes_are_those_that_are_named(service: Service) -> None:
    """Whoever adds a route names it here, and the battery tries it."""
    assert set(router(process_of(service)).routes) == SERVED


async def test_no_request_changes_anything(service: Service, published: list[Any]) -> None:
    """Good senders may read; all else is 403, 404 or 405, without effect and under the security headers."""
    assert await breaches(application(process_of(service)), SERVED, lambda: state(service, published)) == []


def as_faststream_mounts_it(service: Service) -> Application:
    """FastStream's own application, which takes POST beside its page."""

    @get
    async def well(_scope: Any) -> AsgiResponse:
        return AsgiResponse(b"{}", 200)

    routes = [(path, well) for path in SERVED - {"/asyncapi"}]
    return AsgiFastStream(service.egress, asgi_routes=routes, asyncapi_path="/asyncapi")


def without_guard(service: Service) -> Application:
    """The routes with no rules before them."""

    async def bare(scope: Any, receive: Any, send: Any) -> None:
        await router(process_of(service))({**scope, "is_local": True}, receive, send)

    return bare


def for_every_host(service: Service) -> Application:
    """A list of hosts that holds them all."""

    class Every(Hosts):
        def admits(self, host: str, reached: str | None) -> bool:
            del host, reached
            return True

    return Guard(router(process_of(service)), Every())


def for_every_origin(service: Service) -> Application:
    """A guard that does not look at the Origin."""

    class Blind(Guard):
        def _of_sender(self, head: Head) -> Response | None:
            shown = [(name, value) for name, value in head.headers if name != "origin"]
            return super()._of_sender(head._replace(headers=shown))

    return Blind(router(process_of(service)), Hosts())


def with_a_change_by_get(service: Service) -> Application:
    """A route that publishes when it is read."""

    async def publish(scope: Any, receive: Any, send: Any) -> None:
        await service.egress.publish(b"ON", "ha-ai/commands/learning/set")
        await Response("done")(scope, receive, send)

    return Guard(Router([*router(process_of(service)).routes.values(), Route("/health", publish)]), Hosts())


def with_open_arms(service: Service) -> Application:
    """A guard whose responses any page may read."""

    class Open(Guard):
        def _secured(self, message: Any) -> Any:
            secured = super()._secured(message)
            if secured["type"] == "http.response.start":
                secured["headers"].append((b"access-control-allow-origin", b"*"))
            return secured

    return Open(router(process_of(service)), Hosts())


def with_a_further_method(service: Service) -> Application:
    """A page that takes POST too."""
    routes = router(process_of(service)).routes
    more = routes["/health"]._replace(methods=("GET", "HEAD", "POST"))
    return Guard(Router([*routes.values(), more]), Hosts())


@pytest.mark.parametrize(
    ("saboteur", "found"),
    [
        (as_faststream_mounts_it, "POST /asyncapi/try by foreign page: 200"),
        (as_faststream_mounts_it, "something was changed"),
        (without_guard, "GET /metrics by rebound name: 200"),
        (for_every_host, "GET /metrics by rebound name: 200"),
        (for_every_origin, "GET /asyncapi.json by foreign page: 200"),
        (with_a_change_by_get, "something was changed"),
        (with_open_arms, "GET /health by own: access-control-allow-origin"),
        (with_a_further_method, "POST /health by own page: 503"),
    ],
)
async def test_saboteurs_are_found_out(
    service: Service, published: list[Any], saboteur: Any, found: str
) -> None:
    """An application that breaks one of the rules does not pass, and for that reason."""
    breached = await breaches(saboteur(service), SERVED, lambda: state(service, published))
    assert [breach for breach in breached if breach.startswith(found)]
