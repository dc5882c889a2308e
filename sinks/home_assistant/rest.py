"""Requests of Home Assistant's REST API, each answered, refused or without an answer."""

import ssl
from asyncio import timeout
from functools import cache
from http import HTTPStatus
from typing import Any

import httpx

from sinks.home_assistant.access import Access
from sinks.home_assistant.errors import HomeAssistantError, Refused, Unreachable

TIMEOUT_S = 10.0
# What a proxy says when it could not reach the Home Assistant behind it.
BEHIND = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})


@cache
def _certificates() -> ssl.SSLContext:
    # Reading the certificates takes 20 ms and a megabyte: once is enough.
    return httpx.create_ssl_context()


class Rest:
    """Sends a request, waits for the whole answer for at most so long, and never tries twice by itself."""

    def __init__(self, access: Access, timeout_s: float) -> None:
        self._access = access
        self._timeout_s = timeout_s

    async def get(self, path: str) -> Any:
        """Return what stands at ``/api/<path>``, as JSON.

        Raises
        ------
        Unreachable, Refused
            Where there is no answer, or another one than success.
        HomeAssistantError
            Where the answer is not JSON.
        """
        answer = await self._request("GET", path)
        try:
            return answer.json()
        except ValueError as error:
            raise HomeAssistantError(f"expected JSON at /api/{path}, got something else") from error

    async def rows(self, path: str) -> list[dict[str, Any]]:
        """Return what `get` does, known to be a list of objects."""
        found = await self.get(path)
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise HomeAssistantError(f"expected a list at /api/{path}, got something else")
        return found

    async def row(self, path: str) -> dict[str, Any]:
        """Return what `get` does, known to be an object."""
        found = await self.get(path)
        if not isinstance(found, dict):
            raise HomeAssistantError(f"expected an object at /api/{path}, got something else")
        return found

    async def find(self, path: str) -> dict[str, Any] | None:
        """Return what `row` does, or None where nothing stands there."""
        try:
            return await self.row(path)
        except Refused as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def post(self, path: str, body: Any) -> None:
        """Send JSON to ``/api/<path>``; raises as `get` does."""
        await self._request("POST", path, body)

    async def delete(self, path: str) -> None:
        """Delete what stands at ``/api/<path>``; raises as `get` does."""
        await self._request("DELETE", path)

    async def _request(self, method: str, path: str, body: Any = None) -> httpx.Response:
        url = f"{self._access.url}/api/{path}"
        headers = {"Authorization": f"Bearer {self._access.bearer}"}
        client = httpx.AsyncClient(timeout=self._timeout_s, verify=_certificates(), headers=headers)
        try:
            async with timeout(self._timeout_s), client:
                answer = await client.request(method, url, json=body)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise HomeAssistantError(f"expected the address of Home Assistant, got: {error}") from error
        except (httpx.HTTPError, TimeoutError) as error:
            detail = str(error) or type(error).__name__
            raise Unreachable(f"expected Home Assistant at {self._access.url}, got: {detail}") from error
        if answer.status_code in BEHIND:
            raise Unreachable(f"expected Home Assistant at {self._access.url}, got: {answer.reason_phrase}")
        if not answer.is_success:
            raise Refused(answer.status_code, _words(answer))
        return answer


def _words(answer: httpx.Response) -> str:
    try:
        found = answer.json()
    except ValueError:
        return answer.text
    return str(found["message"]) if isinstance(found, dict) and "message" in found else answer.text
