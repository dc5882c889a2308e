"""The rules before every route: whom we answer, what may change something, how much is read."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from pipeline.runtime.http.hosts import Authority, Hosts, authority, is_loopback, is_same_origin, spelling
from pipeline.runtime.http.router import READING, Application, Message, Receive, Response, Router, Scope, Send
from pipeline.timing.clock import monotonic_s

BODY_LIMIT = 65_536
BODY_S = 5.0
HEADERS_LIMIT = 64
HEADERS_BYTES = 8_192
# Some milliseconds of CPU a request at most: a flood takes a tenth of one core.
REQUESTS_PER_S = 100.0
BURST = 100
PATIENCE_S = 1.0
FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
OWN_PAGES = ("same-origin", "none")
SECURITY_HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
CLOSE = [("connection", "close")]
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Head(NamedTuple):
    """Parts of a request that the rules look at."""

    method: str
    version: str
    headers: list[tuple[str, str]]
    reached: str | None
    is_local: bool

    @classmethod
    def of(cls, scope: Scope) -> "Head":
        """A request's head. What a proxy forwards is not local, although the proxy may be."""
        headers = [
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]
        ]
        peer, server = scope.get("client"), scope.get("server")
        forwarded = any(name in FORWARDED for name, _ in headers)
        return cls(
            scope["method"],
            scope.get("http_version", "1.1"),
            headers,
            server[0] if server else None,
            peer is not None and is_loopback(spelling(peer[0])) and not forwarded,
        )

    def values(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value.strip() for each, value in self.headers if each == name]


class Pace:
    """Requests one after another, as many a second as are allowed, with a burst before that.

    Parameters
    ----------
    now
        The clock, seconds.
    """

    def __init__(self, now: Callable[[], float] = monotonic_s) -> None:
        self._now = now
        self._due_s = 0.0

    def wait_s(self) -> float | None:
        """Return the seconds that the next request has to wait; None where it would be too long."""
        now = self._now()
        due = max(self._due_s, now - BURST / REQUESTS_PER_S) + 1 / REQUESTS_PER_S
        if due - now > PATIENCE_S:
            return None
        self._due_s = due
        return max(0.0, due - now)


class Guard:
    """An ASGI middleware that every route sits behind.

    It answers itself what the rules refuse, gives the rest to the router, with the whole body of what may
    change something, and puts the security headers on every response. Websockets are refused. What it let
    through says in ``scope["is_local"]`` whether it came from this very machine.

    Parameters
    ----------
    router
        The routes. What they take besides GET and HEAD changes something.
    hosts
        Which hosts requests may name.
    styles
        Hashes of the style sheets that our pages bear, as CSP takes them.
    """

    def __init__(self, router: Router, hosts: Hosts, styles: tuple[str, ...] = ()) -> None:
        self.router = router
        self._hosts = hosts
        policy = "; ".join([POLICY, *([f"style-src {' '.join(styles)}"] if styles else [])])
        named = {**SECURITY_HEADERS, "content-security-policy": policy}
        self._headers = [(name.encode(), value.encode()) for name, value in named.items()]
        # One for the machine itself: a flood from elsewhere does not keep it from asking.
        self._paces = {True: Pace(), False: Pace()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises
        ------
        ValueError
            The scope is neither a request's nor a websocket's.
        """
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            raise ValueError(f"expected the scope of a request, got {scope['type']!r}")

        async def send_secured(message: Message) -> None:
            await send(self._secured(message))

        head = Head.of(scope)
        scope["is_local"] = head.is_local
        answer: Application = await self._refusal(head, scope) or self.router
        if answer is self.router and self.router.takes(scope) and head.method not in READING:
            body = await _read(receive)
            if body is None:
                answer = Response("expected at most 64 KiB within 5 s\n", 413, headers=CLOSE)
            receive = _replay(body or b"", receive)
        await answer(scope, receive, send_secured)

    async def _refusal(self, head: Head, scope: Scope) -> Response | None:
        wait_s = self._paces[head.is_local].wait_s()
        if wait_s is None:
            return Response("too many requests, try again\n", 503, headers=[("retry-after", "1")])
        if wait_s:
            await asyncio.sleep(wait_s)
        return _of_size(head) or self._of_sender(head) or self._of_route(head, scope)

    def _of_sender(self, head: Head) -> Response | None:
        """Refuse what was meant for another host or sent by another host's page."""
        stated = head.values("host")
        host = authority(stated[0]) if len(stated) == 1 else None
        # Old health checks speak HTTP/1.0 without Host; a browser, which rebinding needs, never does.
        if not stated and head.version == "1.0" and head.is_local:
            host = Authority("localhost", None)
        if host is None or not self._hosts.admits(host.host, head.reached):
            return Response("expected a Host that HA_AI_HTTP_HOSTS names, or the loopback's\n", 403)
        if any(not is_same_origin(origin, host) for origin in head.values("origin")):
            return Response("expected the Origin of this very host, or none\n", 403)
        return None

    def _of_route(self, head: Head, scope: Scope) -> Response | None:
        """Refuse what other machines may not see, and a change that a foreign page could have sent."""
        route = self.router.route(scope)
        if route is None or not self.router.takes(scope):
            return None
        if not head.is_local and not (route.beyond_loopback and head.method in READING):
            return Response("answered on the machine itself alone: there is no login\n", 403)
        return None if head.method in READING else _of_change(head)

    def _secured(self, message: Message) -> Message:
        """A response with our headers in place of the route's own, and none that opens it to others."""
        if message["type"] != "http.response.start":
            return message
        ours = {name for name, _ in self._headers}
        kept = [
            (name, value)
            for name, value in message.get("headers", ())
            if name.lower() not in ours and not name.lower().startswith(b"access-control-")
        ]
        return {**message, "headers": [*kept, *self._headers]}


def _of_size(head: Head) -> Response | None:
    size = sum(len(name) + len(value) for name, value in head.headers)
    if len(head.headers) > HEADERS_LIMIT or size > HEADERS_BYTES:
        return Response("expected at most 64 headers of 8 KiB in all\n", 431, headers=CLOSE)
    lengths = head.values("content-length")
    if any(not length.isdecimal() or int(length) > BODY_LIMIT for length in lengths):
        return Response("expected at most 64 KiB\n", 413, headers=CLOSE)
    return None


def _of_change(head: Head) -> Response | None:
    """Refuse a change that does not come from our own page, or is not JSON: no form can send that."""
    if len(head.values("origin")) != 1:
        return Response("expected one Origin, that of this very host\n", 403)
    if any(site.lower() not in OWN_PAGES for site in head.values("sec-fetch-site")):
        return Response("expected a request of our own page\n", 403)
    types = [value.partition(";")[0].strip().lower() for value in head.values("content-type")]
    if types != ["application/json"]:
        return Response("expected application/json\n", 415)
    return None


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None where it is too large, too slow, or the sender is gone."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            while len(body) <= BODY_LIMIT:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    return bytes(body) if len(body) <= BODY_LIMIT else None
    except TimeoutError:
        return None
    return None


def _replay(body: bytes, receive: Receive) -> Receive:
    """Receive a body that was read already, then what comes after it."""
    unread = [body]

    async def replay() -> Message:
        return (
            {"type": "http.request", "body": unread.pop(), "more_body": False} if unread else await receive()
        )

    return replay
