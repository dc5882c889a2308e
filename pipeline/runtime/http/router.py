"""Table of the paths, their methods and responses: it is exact, nothing else is mounted."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, NamedTuple

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
HTML = "text/html; charset=utf-8"


class Response:
    """A status with a body, itself an ASGI application; HEAD gets it without its body.

    Parameters
    ----------
    body, status, content_type
        What is sent.
    headers
        Further headers, as name and value.
    """

    def __init__(
        self,
        body: str | bytes,
        status: int = 200,
        content_type: str = TEXT,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        stated = [("content-type", content_type), ("content-length", str(len(self.body))), *headers]
        self._headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in stated]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        del receive
        await send({"type": "http.response.start", "status": self.status, "headers": self._headers})
        body = b"" if scope["method"] == "HEAD" else self.body
        await send({"type": "http.response.body", "body": body})


READING = ("GET", "HEAD")


class Route(NamedTuple):
    """One path: who answers, to which methods, and whether to other machines too."""

    path: str
    answer: Application
    methods: tuple[str, ...] = READING
    beyond_loopback: bool = False


class Router:
    """Give each request to its route; a path is compared as it was sent, byte for byte.

    Parameters
    ----------
    routes
        All there are.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = {route.path: route for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route answer, or say that there is none."""
        route = self.route(scope)
        if route is None:
            answer: Application = Response("not found\n", 404)
        elif scope["method"] not in route.methods:
            answer = Response("method not allowed\n", 405, headers=[("allow", ", ".join(route.methods))])
        else:
            answer = route.answer
        await answer(scope, receive, send)

    def takes(self, scope: Scope) -> bool:
        """Return whether there is a route that takes the request's method."""
        route = self.route(scope)
        return route is not None and scope["method"] in route.methods

    def route(self, scope: Scope) -> Route | None:
        """The route of a request's path."""
        raw = scope.get("raw_path") or scope["path"].encode()
        return self.routes.get(raw.partition(b"?")[0].decode("latin-1"))
