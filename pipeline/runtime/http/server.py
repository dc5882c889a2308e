"""HTTP in a thread with an event loop of its own: neither it nor the learner waits for the other."""

import asyncio
import threading
from contextlib import suppress
from typing import Any, cast

import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipeline.runtime.http.router import Application

log = structlog.get_logger(__name__)

# Browsers open six connections, Prometheus one: room for all who may look, and bounded in descriptors.
CONNECTIONS = 64
# A request of 8 KiB takes less over any line that is worth it; who drips bytes is cut off.
REQUEST_S = 10.0
KEEP_ALIVE_S = 5
HEAD_BYTES = 16_384
STOP_S = 3.0


class BoundedProtocol(H11Protocol):
    """A connection that ends when no request on it was answered for a while, whatever trickles in or out.

    Where there are too many, the one that has waited longest without a request under way makes room.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expiry = self.loop.call_later(REQUEST_S, transport.abort)
        if len(self.connections) > CONNECTIONS:
            _make_room(cast("set[BoundedProtocol]", self.connections), self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expiry.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._expiry.cancel()
        self._expiry = self.loop.call_later(REQUEST_S, self.transport.abort)
        super().on_response_complete()

    @property
    def is_idle(self) -> bool:
        """Return whether no request is under way."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def expires_s(self) -> float:
        """When it ends, on the loop's clock: the sooner, the longer it has waited."""
        return self._expiry.when()

    def give_way(self) -> None:
        """End for another connection."""
        self.connections.discard(self)
        self.transport.abort()


def _make_room(connections: set[BoundedProtocol], newest: BoundedProtocol) -> None:
    idle = [each for each in connections if each.is_idle and each is not newest]
    min(idle, key=lambda each: each.expires_s, default=newest).give_way()


class HttpServer(uvicorn.Server):
    """An application's server.

    Parameters
    ----------
    application
        What is served.
    host, port
        Where it listens; port 0 picks a free one.
    """

    def __init__(self, application: Application, host: str, port: int) -> None:
        self._host, self._port = host, port
        super().__init__(
            uvicorn.Config(
                cast("Any", application),
                host=host,
                port=port,
                http=BoundedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                # It warns of each request that is none: a stranger would fill the disk.
                log_level="error",
                access_log=False,
                server_header=False,
                # Who asks is decided by the connection: X-Forwarded-For is anybody's word.
                proxy_headers=False,
                # Those who wait to be let in: where the kernel has no room, a connection takes seconds.
                backlog=8 * CONNECTIONS,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=1,
                h11_max_incomplete_event_size=HEAD_BYTES,
            )
        )

    async def run_beside(self) -> None:
        """Serve in a thread until cancelled; where the port is taken, say so and return."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def serve() -> None:
            try:
                asyncio.run(self.serve())
            except SystemExit:
                self._tell_taken()
            finally:
                # The loop is closed where the process ended without waiting for us.
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(ended.set)

        thread = threading.Thread(target=serve, name="http", daemon=True)
        thread.start()
        try:
            await ended.wait()
        finally:
            self.should_exit = True
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), STOP_S)
                thread.join(STOP_S)

    async def startup(self, sockets: Any = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        address = f"[{host}]" if ":" in host else host
        log.info("health and metrics are served", health=f"http://{address}:{port}/health")

    def _tell_taken(self) -> None:
        log.warning(
            "health and metrics are not served, all else goes on: set HA_AI_HTTP_PORT to a free port",
            host=self._host,
            port=self._port,
        )
