"""Faults between worker and broker: cut connections, a broker that restarts."""

import asyncio
from collections.abc import Sequence
from contextlib import closing, suppress
from typing import Self

from benchmarks.drills.drill import Drill, Size
from benchmarks.drills.load import make_load
from benchmarks.drills.trial import Row, Trial
from benchmarks.processes import HOST, wait_until

# From one fault to the next: a worker connects again after a second.
CUT_S, RESTART_S, SILENCE_S = 1.5, 2.0, 20.0
# The least that mosquitto takes.
KEEP_ALIVE_S = 10
# A ping is due after the keep-alive, its answer within 10 s, and both connections come back after a second.
NOTICED_S = 45.0


class Proxy:
    """A TCP proxy whose connections can be cut, or fall silent.

    Parameters
    ----------
    target_port
        Where the broker listens.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._writers: list[asyncio.StreamWriter] = []
        self.connections = 0
        self._silent: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Abort every connection, as a network does."""
        while self._writers:
            self._writers.pop().transport.abort()

    def fall_silent(self) -> None:
        """Let nothing through on the connections there are, and close none: both ends still stand."""
        self._silent.update(self._writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(HOST, self._target_port)
        except ConnectionError:
            writer.transport.abort()
            return
        self._writers += [writer, back]
        self.connections += 1
        await asyncio.gather(self._pipe(reader, back), self._pipe(there, writer))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand on what comes until one end closes or breaks; then the other end learns of it."""
        with closing(writer), suppress(ConnectionError):
            while received := await reader.read(65_536):
                if writer in self._silent:
                    continue
                writer.write(received)
                await writer.drain()


async def cut(trial: Trial, proxy: Proxy, times: int) -> str:
    """Cut the worker's connections, among its messages."""
    for number in range(times):
        await trial.among(number, times)
        await asyncio.sleep(trial.rng.uniform(0.0, 0.2))
        proxy.cut()
    return f"{times} TCP cuts"


async def silence(trial: Trial, proxy: Proxy, times: int) -> str:
    """Leave the worker with connections that stand and carry nothing, as after a router's restart."""
    for number in range(times):
        await trial.among(number, times)
        before = proxy.connections
        proxy.fall_silent()
        await wait_until(lambda before=before: proxy.connections > before, NOTICED_S, "a new connection")  # type: ignore[misc]
    return f"{times} half-open connections"


async def restart_broker(trial: Trial, times: int) -> str:
    """Stop the broker cleanly and start it again after a moment."""
    for number in range(times):
        await trial.among(number, times)
        await trial.broker.stop()
        await asyncio.sleep(trial.rng.uniform(0.0, 1.0))
        await trial.broker.start()
    return f"{times} clean broker restarts"


async def _broker_restart(size: Size, seed: int, command: Sequence[str]) -> Row:
    load, rate = make_load(size.events, seed=seed), size.per_second(RESTART_S)
    async with Trial(load, per_second=rate, seed=seed, command=command) as trial:
        return await trial.run("broker_restart", lambda running: restart_broker(running, size.faults))


async def _cuts(size: Size, seed: int, command: Sequence[str]) -> Row:
    load, rate = make_load(size.events, seed=seed), size.per_second(CUT_S)
    async with (
        Trial(load, per_second=rate, seed=seed, command=command) as trial,
        Proxy(trial.broker.port) as proxy,
    ):
        return await trial.run(
            "cuts", lambda running: cut(running, proxy, size.faults), worker_port=proxy.port
        )


async def _half_open(size: Size, seed: int, command: Sequence[str]) -> Row:
    load, rate = make_load(size.events, seed=seed), size.per_second(SILENCE_S)
    broker: dict[str, object] = {"max_keepalive": KEEP_ALIVE_S}
    async with (
        Trial(load, per_second=rate, seed=seed, command=command, broker_settings=broker) as trial,
        Proxy(trial.broker.port) as proxy,
    ):
        return await trial.run(
            "half_open", lambda running: silence(running, proxy, size.faults), worker_port=proxy.port
        )


DRILLS = {
    "broker_restart": Drill(Size(6_000, 3), Size(60_000, 200), _broker_restart),
    "half_open": Drill(Size(4_000, 1), Size(20_000, 10), _half_open),
    "cuts": Drill(Size(4_200, 7), Size(300_000, 1_000), _cuts),
}
