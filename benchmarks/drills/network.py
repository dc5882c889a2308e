"""Faults between worker and broker: cut connections, a broker that restarts."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from benchmarks.drills.drill import Drill, Size
from benchmarks.drills.load import make_load
from benchmarks.drills.trial import Row, Trial
from benchmarks.processes import HOST

RATE = 1_000


class Proxy:
    """A TCP proxy whose connections can be cut.

    Parameters
    ----------
    target_port
        Where the broker listens.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._writers: list[asyncio.StreamWriter] = []

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

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            there, back = await asyncio.open_connection(HOST, self._target_port)
            self._writers += [writer, back]
            await asyncio.gather(self._pipe(reader, back), self._pipe(there, writer))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while received := await reader.read(65_536):
            writer.write(received)
            await writer.drain()
        writer.close()


async def cut(trial: Trial, proxy: Proxy, times: int) -> str:
    """Cut the worker's connections, among its messages."""
    for number in range(times):
        await trial.progressed((number + trial.rng.random()) / times)
        await asyncio.sleep(trial.rng.uniform(0.0, 0.2))
        proxy.cut()
    return f"{times} TCP cuts"


async def restart_broker(trial: Trial, times: int) -> str:
    """Stop the broker cleanly and start it again after a moment."""
    for number in range(times):
        await trial.progressed((number + trial.rng.random()) / times)
        await trial.broker.stop()
        await asyncio.sleep(trial.rng.uniform(0.0, 1.0))
        await trial.broker.start()
    return f"{times} clean broker restarts"


async def _broker_restart(size: Size, seed: int, command: Sequence[str]) -> Row:
    async with Trial(make_load(size.events, seed=seed), per_second=RATE, seed=seed, command=command) as trial:
        return await trial.run("broker_restart", lambda running: restart_broker(running, size.faults))


async def _cuts(size: Size, seed: int, command: Sequence[str]) -> Row:
    async with (
        Trial(make_load(size.events, seed=seed), per_second=RATE, seed=seed, command=command) as trial,
        Proxy(trial.broker.port) as proxy,
    ):
        return await trial.run(
            "cuts", lambda running: cut(running, proxy, size.faults), worker_port=proxy.port
        )


DRILLS = {
    "broker_restart": Drill(Size(6_000, 3), Size(20_000, 10), _broker_restart),
    "cuts": Drill(Size(6_000, 10), Size(20_000, 50), _cuts),
}
