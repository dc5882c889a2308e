"""A response that is sent whole, and the types of ASGI."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

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
