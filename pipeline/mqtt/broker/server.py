"""The embedded broker's listening socket."""

import asyncio
from typing import Final, Self

from mqtt5 import DisconnectReasonCode

from pipeline.mqtt.broker.connection import Connection, Credentials
from pipeline.mqtt.broker.exchange import Exchange, Limits

GOODBYE_TIMEOUT_S: Final = 1.0


class EmbeddedBroker:
    """An MQTT 5 broker inside this event loop, in memory only.

    QoS 0, 1 and 2, sessions, wills, retained messages, message expiry, shared subscriptions and
    subscription identifiers; no topic aliases, no TLS, no MQTT 3. What it holds is lost when it stops.

    Parameters
    ----------
    limits
        What one client may cost.
    credentials
        The name and password that clients must give; without them anybody who reaches the port may connect.

    Examples
    --------
    >>> async def serve() -> bool:
    ...     async with EmbeddedBroker() as broker:
    ...         return broker.port > 0
    >>> asyncio.run(serve())
    True
    """

    def __init__(self, *, limits: Limits | None = None, credentials: Credentials | None = None) -> None:
        self.port = 0
        self._limits = limits or Limits()
        self._credentials = credentials
        self._exchange = Exchange(self._limits)
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen and return the port; with port 0 the system chooses a free one."""
        self._exchange = Exchange(self._limits)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, host, port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def stop(self) -> None:
        """Say goodbye to every client and forget everything."""
        if self._server is None:
            return
        self._server.close()
        leaving = set(self._connections)
        for connection in leaving:
            connection.close(DisconnectReasonCode.SERVER_SHUTTING_DOWN)
        self._exchange.close()
        if leaving:
            await asyncio.wait([connection.lost for connection in leaving], timeout=GOODBYE_TIMEOUT_S)
        for connection in self._connections:
            connection.abort()
        await self._server.wait_closed()
        self._server = None

    def _accept(self) -> Connection:
        connection = Connection(self._exchange, self._credentials)
        self._connections.add(connection)
        connection.lost.add_done_callback(lambda _: self._connections.discard(connection))
        return connection

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
