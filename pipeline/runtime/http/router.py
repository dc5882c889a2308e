"""Table of the paths and their methods: it is exact, nothing else is mounted."""

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.runtime.http.response import Application, Receive, Response, Scope, Send

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
