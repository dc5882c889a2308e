"""``python -m benchmarks.latency``: from an event to its commit and to the message that follows from it."""

import argparse
import asyncio
import sqlite3
import tempfile
import time
from base64 import b64decode
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, closing
from itertools import islice
from pathlib import Path

import aiomqtt

from benchmarks.payloads import TOPIC, live_payloads
from benchmarks.processes import HOST, Mosquitto, Worker
from benchmarks.publisher import Published, Publisher
from benchmarks.results import write_section
from schemas.statuses import DeadLetter
from schemas.topics import Topics

POISON_EVERY = 20
DRAIN_S = 5.0
WATCH_S = 0.002


async def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--rate", type=int, default=200, help="events a second (%(default)s)")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    arguments = parser.parse_args()
    commits, messages = await _measured(arguments.rate, arguments.seconds)
    lines = [
        f"| at {arguments.rate} events a second for {arguments.seconds} s | p50, ms | p99, ms | samples |",
        "|---|---|---|---|",
        _line("event to commit", commits),
        _line("event to published message", messages),
    ]
    table = "\n".join(lines)
    print(table)
    if arguments.write:
        write_section("Latency", table)


def _line(what: str, seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    p50, p99 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99))
    return f"| {what} | {p50:.0f} | {p99:.0f} | {len(ordered):,} |"


async def _measured(rate: int, seconds: int) -> tuple[list[float], list[float]]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haai-bench-")))
        broker = Mosquitto(folder)
        stack.push_async_callback(broker.stop)
        await broker.start()
        worker = Worker(folder / "ha-ai.db", folder / "log", broker.port, mqtt_client_id="haai-bench-p0")
        await worker.start()
        stack.push_async_callback(worker.stop)
        await worker.ready()
        letters: list[float] = []
        commits: list[tuple[int, float]] = []
        beside = [
            asyncio.create_task(_hear(broker.port, letters)),
            asyncio.create_task(_watch(worker.database, commits)),
        ]
        await Publisher(broker.port).publish(islice(_messages(), rate * seconds), per_second=rate)
        await asyncio.sleep(DRAIN_S)
        for task in beside:
            task.cancel()
        return _commit_s(worker.database, commits), letters


def _messages() -> Iterator[Published]:
    """Live state changes, and now and then what a dead letter answers; it says when it was made."""
    for number, payload in enumerate(live_payloads()):
        yield Published(TOPIC, str(time.time()).encode() + b"?" if number % POISON_EVERY == 0 else payload)


async def _hear(port: int, letters: list[float]) -> None:
    """Note how old each dead letter's message is when the letter comes."""
    async with aiomqtt.Client(HOST, port) as client:
        await client.subscribe(Topics().dead_letter)
        async for message in client.messages:
            letter = DeadLetter.model_validate_json(message.payload)
            letters.append(time.time() - float(b64decode(letter.payload_base64).rstrip(b"?")))


async def _watch(database: Path, commits: list[tuple[int, float]]) -> None:
    """Note when the journal is seen to have grown, and how far."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        while True:
            (last,) = connection.execute("SELECT max(seq) FROM journal").fetchone()
            if last and (not commits or last > commits[-1][0]):
                commits.append((last, time.time()))
            await asyncio.sleep(WATCH_S)


def _commit_s(database: Path, commits: Sequence[tuple[int, float]]) -> list[float]:
    """How old each event was when its commit was seen."""
    with closing(sqlite3.connect(database)) as connection:
        events = connection.execute("SELECT seq, at_us FROM journal ORDER BY seq").fetchall()
    places = [last for last, _ in commits]
    seen = [(bisect_left(places, seq), at_us) for seq, at_us in events]
    return [commits[place][1] - at_us / 1e6 for place, at_us in seen if place < len(commits)]


if __name__ == "__main__":
    asyncio.run(main())
