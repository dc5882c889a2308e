"""One drill: publish exactly known events through faults, then hold the store against a clean run."""

import asyncio
import contextlib
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import mqtt5

from benchmarks.drills.audit import (
    EVERYTHING,
    HOME,
    Audit,
    Retained,
    audit,
    count_of,
    difference_to_come,
    unseen_of,
)
from benchmarks.drills.load import DUPLICATES_WITHIN, LiveLoad, Load
from benchmarks.processes import HA_AI, HOST, Mosquitto, Worker, wait_until
from benchmarks.publisher import Publisher
from pipeline.mqtt.broker.packets import PacketReader

STALL_S = 60.0
SETTLE_S = 90.0
CLIENT_ID = "haai-drill-p0"
HEARTBEAT = "ha-ai/internal/heartbeat"


@dataclass(frozen=True, slots=True)
class Row:
    """A drill's line in the table."""

    drill: str
    load: str
    faults: str
    audit: Audit
    seconds: float
    problems: Sequence[str] = ()

    @property
    def is_passed(self) -> bool:
        """Whether nothing was lost, counted twice or otherwise wrong."""
        return self.audit.is_exact and not self.problems

    def __str__(self) -> str:
        exact = "yes" if self.audit.is_exact else "no"
        counts = f"{self.audit.missing} | {self.audit.over_counted}"
        return f"| {self.drill} | {self.load} | {self.faults} | {counts} | {exact} | {self.seconds:.0f} |"


HEADER = (
    "| drill | load | faults | missing | over-counted | days, aggregates, patterns exact | seconds |\n"
    "|---|---|---|---|---|---|---|"
)


@dataclass
class Trial:
    """A broker, one or more workers over one store, and a publisher of exactly known events.

    Parameters
    ----------
    load
        What is published.
    per_second
        How fast, at most.
    seed
        Of the moments at which faults come.
    workers
        How many would own the home.
    command
        What the workers run.
    settings
        Their settings.
    folder
        Where the store is, if it has a place of its own.
    broker_settings
        What else the broker is told.
    retained
        What the store may let go of meanwhile.
    """

    load: Load
    per_second: float = 1e9
    seed: int = 1
    workers: int = 1
    command: Sequence[str] = HA_AI
    settings: dict[str, object] = field(default_factory=dict)
    folder: Path | None = None
    broker_settings: dict[str, object] = field(default_factory=dict)
    retained: Retained = EVERYTHING
    problems: list[str] = field(default_factory=list, init=False)

    async def __aenter__(self) -> Self:
        self.rng = random.Random(self.seed)
        self.started = asyncio.Event()
        self._stack = AsyncExitStack()
        base = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="haai-drill-")))
        self.logs = base
        self.folder = self.folder or base
        self.broker = Mosquitto(base, **self.broker_settings)
        self._stack.push_async_callback(self.broker.stop)
        await self.broker.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def worker(self) -> Worker:
        """The only worker, or the first of them."""
        return self.all_workers[0]

    async def run(
        self, drill: str, fault: Callable[["Trial"], Awaitable[str]], *, worker_port: int | None = None
    ) -> Row:
        """Publish, let `fault` do its work meanwhile, wait for the end, stop and audit."""
        started_s = time.monotonic()
        await self._start_workers(worker_port or self.broker.port)
        self.publisher = Publisher(self.broker.port)
        self.started.set()
        publishing = asyncio.create_task(
            self.publisher.publish(self.load.messages, per_second=self.per_second)
        )
        faults = await fault(self)
        await publishing
        if await self.drained():
            await self._settled()
        await self._one_ready()
        for worker in self.all_workers:
            await worker.stop()
        if self.publisher.unheard:
            self.problems.append(f"{self.publisher.unheard} messages reached no session")
        self.problems += await self._left_at_broker()
        found = audit(self.worker.database, self.load.events, self.retained)
        seconds = time.monotonic() - started_s
        return Row(drill, f"{len(self.load.messages):,} messages", faults, found, seconds, self.problems)

    async def run_live(
        self,
        drill: str,
        live: LiveLoad,
        fault: Callable[["Trial"], Awaitable[str]],
        *,
        first: int = 200,
        worker_port: int | None = None,
    ) -> Row:
        """Publish what happens while `fault` does its work; what lies in no gap has to be there then."""
        started_s = time.monotonic()
        await self._start_workers(worker_port or self.broker.port)
        self.publisher = Publisher(self.broker.port)
        publishing = asyncio.create_task(self.publisher.publish(live, per_second=self.per_second))
        await wait_until(lambda: self.last_place() >= first, STALL_S, "the first events")
        faults = await fault(self)
        live.end_after(first)
        await publishing
        await self._last_kept(live)
        await self._one_ready()
        for worker in self.all_workers:
            await worker.stop()
        unseen = unseen_of(self.worker.database, live.events)
        expected = [event for event in live.events if event.key not in unseen]
        self.problems += await self._left_at_broker()
        found = audit(self.worker.database, expected)
        seconds, words = time.monotonic() - started_s, f"{faults}, {len(unseen)} events lost, all in gaps"
        return Row(drill, f"{len(live.events):,} events live", words, found, seconds, self.problems)

    async def _last_kept(self, live: LiveLoad) -> None:
        """Wait for the last event, and for the outbox."""
        last = live.events[-1].at_us
        query = f"SELECT (SELECT count(*) FROM journal WHERE at_us = {last}) - (SELECT count(*) FROM outbox)"  # noqa: S608 our own number
        try:
            await wait_until(lambda: count_of(self.worker.database, query) == 1, STALL_S, "the last event")
        except TimeoutError as error:
            self.problems.append(f"{error}: {self.worker.log_end()}")

    async def drained(self) -> bool:
        """Wait until the journal holds all events, or grows no more."""
        wanted, held, since_s = len(self.load.events), -1, time.monotonic()
        while held < wanted and time.monotonic() - since_s < STALL_S:
            now = self.last_place()
            if now != held:
                held, since_s = now, time.monotonic()
            await asyncio.sleep(0.1)
        if held < wanted:
            self.problems.append(f"the journal stays at {held} of {wanted}: {self.worker.log_end()}")
        return held >= wanted

    def let_out(self, number: int, times: int) -> None:
        """Let the messages be published up to those that are for one fault of so many.

        Else all would be published while the first faults last, and the others would meet a quiet home.
        """
        share = len(self.load.messages) * (number + 1) // times + DUPLICATES_WITHIN
        self.publisher.allowed = share if number + 1 < times else None

    async def among(self, number: int, times: int) -> None:
        """Wait for a random moment among the messages that are for one fault of so many."""
        self.let_out(number, times)
        await self.progressed((number + self.rng.random()) / times)

    async def progressed(self, share: float) -> None:
        """Wait until a share of the events is in the journal; what stalls is seen at the end."""
        place = share * len(self.load.events)
        with contextlib.suppress(TimeoutError):
            await wait_until(lambda: self.last_place() >= place, STALL_S, "progress", every_s=0.01)

    def last_place(self) -> int:
        """The last place in the journal, which stays when older entries leave."""
        return count_of(self.worker.database, "SELECT coalesce(max(seq), 0) FROM journal")

    async def _start_workers(self, port: int) -> None:
        assert self.folder is not None  # noqa: S101 for the type checker
        self.all_workers = [
            Worker(
                self.folder / "ha-ai.db",
                self.logs / f"worker{number}.log",
                port,
                command=self.command,
                **self._all_settings(),
            )
            for number in range(self.workers)
        ]
        for worker in self.all_workers:
            self._stack.push_async_callback(worker.stop)
            await worker.start()
        await self._one_ready()

    def _all_settings(self) -> dict[str, object]:
        place = {"tz": HOME.tz, "lat": HOME.lat, "lon": HOME.lon}
        return {**place, "mqtt_client_id": CLIENT_ID, **self.settings}

    async def _one_ready(self) -> None:
        waiting = [asyncio.create_task(worker.ready()) for worker in self.all_workers]
        done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()
        for task in done:
            task.result()

    async def _settled(self) -> None:
        """Wait for the last judgement and the outbox; what never comes is the audit's to say."""
        try:
            with difference_to_come(self.worker.database, self.load.events, self.retained) as is_wrong:
                await wait_until(lambda: not is_wrong(), SETTLE_S, "a store that settles", every_s=0.5)
        except TimeoutError as error:
            self.problems.append(str(error))

    async def _left_at_broker(self) -> list[str]:
        """What the broker still holds for the session: messages that were never acknowledged."""
        reader, writer = await asyncio.open_connection(HOST, self.broker.port)
        writer.write(mqtt5.ConnectPacket(CLIENT_ID, clean_start=False).write())
        writer.write(mqtt5.PingReqPacket().write())
        packets, left = PacketReader(max_packet_size=2_000_000), 0
        while True:
            received = await asyncio.wait_for(reader.read(65_536), STALL_S)
            for packet in packets.feed(received):
                left += isinstance(packet, mqtt5.PublishPacket) and packet.topic != HEARTBEAT
                if isinstance(packet, mqtt5.PingRespPacket):
                    writer.close()
                    return [f"{left} messages were not acknowledged"] if left else []
            if not received:
                return ["the broker refused the session"]
