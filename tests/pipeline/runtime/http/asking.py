"""Asking an ASGI application as a server would, with any head; and what no application may answer."""

import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, NamedTuple, cast

from pipeline.learn.service import Service
from pipeline.runtime.http.application import Served
from pipeline.settings import Settings

Application = Callable[[Any, Any, Any], Awaitable[None]]
Headers = list[tuple[str, str]]

OWN = "localhost:8099"
METHODS = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "get",
    "PROPFIND",
    "X",
]
TEMPTING = [
    *(
        "/",
        "//health",
        "/health/",
        "/health/../metrics",
        "/%68ealth",
        "/health%2f",
        "/HEALTH",
        "/health;x",
        "*",
    ),
    *(
        "/asyncapi/",
        "/asyncapi/try",
        "/asyncapi/docs",
        "/docs",
        "/docs/asyncapi",
        "/openapi.json",
        "/metrics/x",
    ),
    *("http://localhost:8099/health", "http://evil.example/asyncapi/try", "/health\\..\\x", "/try", "/.env"),
]
SENDERS: dict[str, Headers] = {
    "own": [("Host", OWN)],
    "own page": [("Host", OWN), ("Origin", f"http://{OWN}"), ("Content-Type", "application/json")],
    "own form": [("Host", OWN), ("Origin", f"http://{OWN}"), ("Content-Type", "text/plain")],
    "foreign page": [("Host", OWN), ("Origin", "http://evil.example"), ("Content-Type", "text/plain")],
    "other port's page": [("Host", OWN), ("Origin", "http://localhost:8123")],
    "sandboxed page": [("Host", OWN), ("Origin", "null"), ("Content-Type", "application/json")],
    "preflight": [
        ("Host", OWN),
        ("Origin", "http://evil.example"),
        ("Access-Control-Request-Method", "POST"),
    ],
    "rebound name": [("Host", "evil.example:8099")],
    "rebound page": [
        ("Host", "evil.example:8099"),
        ("Origin", "http://evil.example:8099"),
        ("Content-Type", "application/json"),
    ],
    "no host": [],
    "two hosts": [("Host", OWN), ("Host", "evil.example")],
    "address everywhere": [("Host", "0.0.0.0:8099")],
}
# What FastStream's own page would publish to the real broker.
PUBLISH = (
    b'{"channelName": "ha-ai/commands/learning/set", "message": {"message": "OFF"},'
    b' "options": {"sendToRealBroker": true}}'
)
GOOD = ("own", "own page", "own form")
ALLOWED = (403, 404, 405)
SECURED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
}


def process_of(service: Service) -> Served:
    """A service as the process that runs it alone would serve it."""
    return Served(cast("Settings", service.settings), service.home, service.health, service.metrics)


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


async def ask(
    app: Application,
    method: str = "GET",
    target: str = "/health",
    headers: Iterable[tuple[str, str]] = (("Host", OWN),),
    *,
    body: Iterable[bytes] = (b"",),
    peer: str = "127.0.0.1",
    reached: str = "127.0.0.1",
    version: str = "1.1",
) -> Answer:
    """Send one request as uvicorn would hand it over."""
    raw = target.partition("?")[0].encode("latin-1")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": version,
        "method": method,
        "scheme": "http",
        "path": raw.decode("latin-1"),
        "raw_path": raw,
        "query_string": target.partition("?")[2].encode(),
        "root_path": "",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        "client": (peer, 50_000),
        "server": (reached, 8099),
        "state": {},
    }
    parts = list(body)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not parts:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = sent[0]
    said: dict[str, str] = {}
    for name, value in start["headers"]:
        # Of two that contradict each other neither is forgotten.
        said[name.decode().lower()] = ", ".join(
            [*filter(None, [said.get(name.decode().lower())]), value.decode()]
        )
    return Answer(start["status"], said, b"".join(message.get("body", b"") for message in sent[1:]))


async def breaches(app: Application, served: set[str], state: Callable[[], object]) -> list[str]:
    """What an application gives away of all paths, methods and senders: nothing, if it is sound.

    What reads is answered where the sender is good; all else is 403, 404 or 405, and changes nothing.
    """
    found = []
    before = state()
    for target, method, sender in itertools.product([*sorted(served), *TEMPTING], METHODS, SENDERS):
        where = f"{method} {target} by {sender}"
        answer = await ask(app, method, target, SENDERS[sender], body=[PUBLISH])
        reads = target in served and method in ("GET", "HEAD") and sender in GOOD
        if answer.status not in ((200, 503) if reads else ALLOWED):
            found.append(f"{where}: {answer.status}")
        found += [f"{where}: {lack}" for lack in _lacks(answer)]
    return found if state() == before else [*found, "something was changed"]


def _lacks(answer: Answer) -> Iterator[str]:
    """What a response has to bear and does not, or bears and must not."""
    yield from (f"no {name}" for name, value in SECURED.items() if answer.headers.get(name) != value)
    yield from (name for name in answer.headers if name.startswith("access-control-"))
    policy = answer.headers.get("content-security-policy", "")
    if "default-src 'none'" not in policy or "frame-ancestors 'none'" not in policy or "unsafe" in policy:
        yield f"policy {policy!r}"
    if answer.status == 405 and answer.headers.get("allow") != "GET, HEAD":
        yield "no Allow"
