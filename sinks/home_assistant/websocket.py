"""A conversation over Home Assistant's WebSocket API."""

import json
import logging
from asyncio import timeout
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from itertools import count
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from sinks.home_assistant.access import Access
from sinks.home_assistant.errors import HomeAssistantError, Refused, Unreachable

MAXIMUM_BYTES = 64 * 1024 * 1024
# Home Assistant hangs up on clients that leave thousands of answers unread.
AT_ONCE = 100
# Its client logs every frame for debugging, the one with the token too.
_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)
STATUSES = {"unauthorized": HTTPStatus.UNAUTHORIZED, "not_found": HTTPStatus.NOT_FOUND}

Command = dict[str, Any]


class Conversation:
    """An open WebSocket whose commands are answered in any order."""

    def __init__(self, socket: ClientConnection, timeout_s: float) -> None:
        self._socket = socket
        self._timeout_s = timeout_s
        self._numbers = count(1)

    async def ask(self, command: Command) -> Any:
        """Return the result of a command.

        Raises
        ------
        Refused
            Where Home Assistant says no to it.
        """
        (answer,) = await self.ask_all([command])
        if isinstance(answer, Refused):
            raise answer
        return answer

    async def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        """Return the result of each command, or the `Refused` in its place."""
        found: list[Any] = []
        for start in range(0, len(commands), AT_ONCE):
            async with timeout(self._timeout_s):
                found += await self._ask_at_once(commands[start : start + AT_ONCE])
        return found

    async def _ask_at_once(self, commands: Sequence[Command]) -> list[Any]:
        numbers = [next(self._numbers) for _ in commands]
        for number, command in zip(numbers, commands, strict=True):
            await self._socket.send(json.dumps({"id": number, **command}))
        answers: dict[int, Any] = {}
        while len(answers) < len(numbers):
            message = await _receive(self._socket)
            if "success" in message and message.get("id") in numbers:
                answers[message["id"]] = _result(message)
        return [answers[number] for number in numbers]


@asynccontextmanager
async def conversation(access: Access, timeout_s: float) -> AsyncIterator[Conversation]:
    """Open a WebSocket, say who we are, and close it at the end.

    Raises
    ------
    Unreachable, Refused
        Where there is no answer within `timeout_s`, or the token is not accepted.
    """
    address, bearer = access.websocket_url, access.bearer
    options: dict[str, Any] = {"max_size": MAXIMUM_BYTES, "open_timeout": timeout_s, "close_timeout": 1}
    try:
        async with connect(address, logger=_log, **options) as socket:
            async with timeout(timeout_s):
                await _receive(socket)
                await socket.send(json.dumps({"type": "auth", "access_token": bearer}))
                welcome = await _receive(socket)
            if welcome.get("type") != "auth_ok":
                raise Refused(HTTPStatus.UNAUTHORIZED, str(welcome.get("message")))
            yield Conversation(socket, timeout_s)
    except (OSError, TimeoutError, WebSocketException) as error:
        detail = str(error) or type(error).__name__
        raise Unreachable(f"expected Home Assistant at {address}, got: {detail}") from error
    except ValueError as error:
        raise HomeAssistantError(f"expected Home Assistant at {address}, got: {error}") from error


async def _receive(socket: ClientConnection) -> dict[str, Any]:
    message = json.loads(await socket.recv())
    if not isinstance(message, dict):
        raise HomeAssistantError("expected one message of the WebSocket API, got something else")
    return message


def _result(message: dict[str, Any]) -> Any:
    if message.get("success"):
        return message.get("result")
    error = message.get("error") or {}
    status = STATUSES.get(error.get("code", ""), HTTPStatus.BAD_REQUEST)
    return Refused(status, str(error.get("message")))
