"""An HTTP and WebSocket server on a free port of 127.0.0.1 that can fall silent or hang up in the middle."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Upgrade
from websockets.server import ServerProtocol

from tests.conftest import HOST


class HangUpError(Exception):
    """The connection is to be cut without another byte."""


class FallSilentError(Exception):
    """The connection is to stay open without another byte."""


@dataclass(frozen=True)
class Request:
    """What came over HTTP; `body` is None where it is empty or no JSON."""

    method: str
    path: str
    token: str
    body: Any = None


@dataclass(frozen=True)
class Answer:
    """What goes back: JSON, or text as it stands."""

    body: Any
    status: HTTPStatus = HTTPStatus.OK

    def encode(self) -> bytes:
        """Return the answer as it goes over the wire."""
        is_text = isinstance(self.body, str)
        content = self.body.encode() if is_text else json.dumps(self.body).encode()
        kind = "text/plain" if is_text else "application/json"
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n"
            f"content-type: {kind}\r\ncontent-length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content


Socket = tuple[Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]]


class Server:
    """Serves `answer` over HTTP and `converse` over a WebSocket; stops and starts on the same port.

    `converse` gets two functions: one that receives JSON, one that sends it. Either callback may raise
    `HangUpError` or `FallSilentError`.
    """

    def __init__(
        self, answer: Callable[[Request], Answer], converse: Callable[[Socket], Awaitable[None]]
    ) -> None:
        self._answer = answer
        self._converse = converse
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.port = 0

    async def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections, and cut those that are open."""
        if self._server is not None:
            self._server.close()
        for writer in self._connections.values():
            writer.transport.abort()
        await asyncio.gather(*self._connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections[task] = writer
        with suppress(ConnectionError, EOFError):
            try:
                await self._follow(reader, writer)
            except FallSilentError:
                await reader.read()
            except HangUpError:
                writer.transport.abort()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        del self._connections[task]

    async def _follow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            line, *lines = head.decode().strip().split("\r\n")
            method, path, _ = line.split(" ")
            headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
            if headers.get("upgrade", "").lower() == "websocket":
                await self._upgrade(head, reader, writer)
                return
            content = await reader.readexactly(int(headers.get("content-length", 0)))
            body = None
            with suppress(ValueError):
                body = json.loads(content)
            token = headers.get("authorization", "").removeprefix("Bearer ")
            writer.write(self._answer(Request(method, path, token, body)).encode())
            await writer.drain()

    async def _upgrade(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = ServerProtocol(max_size=None)
        protocol.receive_data(head)
        (request,) = protocol.events_received()
        assert isinstance(request, Upgrade)
        protocol.send_response(protocol.accept(request))
        received: list[Any] = []

        async def flush() -> None:
            for part in protocol.data_to_send():
                writer.write(part)
            await writer.drain()

        async def receive() -> Any:
            while not received:
                if not (data := await reader.read(65_536)):
                    raise EOFError
                protocol.receive_data(data)
                received.extend(
                    json.loads(bytes(frame.data))
                    for frame in protocol.events_received()
                    if isinstance(frame, Frame) and frame.opcode is Opcode.TEXT
                )
                await flush()
                if protocol.close_expected():
                    raise EOFError
            return received.pop(0)

        async def send(message: Any) -> None:
            protocol.send_text(json.dumps(message).encode())
            await flush()

        await flush()
        await self._converse((receive, send))
