"""``python -m benchmarks.throughput``: CPU an event of draining a backlog, beside a bare handler's."""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import mqtt5
import psutil

from benchmarks.drills.audit import count_of
from benchmarks.payloads import TOPIC, home_payloads
from benchmarks.processes import HA_AI, HOST, Mosquitto, Worker, wait_until
from benchmarks.publisher import Published, Publisher
from benchmarks.results import write_section

CLIENT_ID = "haai-bench-p0"
KINDS = ("ha-ai", "plain", "bare")
DRAIN_S = 300.0


async def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    arguments = parser.parse_args()
    payloads = home_payloads(arguments.events)
    figures: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    for _ in range(arguments.rounds):
        for kind in KINDS:
            figures[kind].append(await _drain(kind, payloads))
            print(kind, *(f"{figure * 1e6:.0f}" for figure in figures[kind][-1]), file=sys.stderr, flush=True)
    table = _table(figures, len(payloads))
    print(table)
    if arguments.write:
        write_section("Throughput", table)


def _table(figures: dict[str, list[tuple[float, float]]], events: int) -> str:
    names = {
        "ha-ai": "`ha-ai run`, durable store",
        "plain": "FastStream handler, `json.loads`, as documented",
        "bare": "FastStream handler, `json.loads`, neither types nor decoder",
    }
    cpu = {kind: statistics.median(figure[0] for figure in rounds) for kind, rounds in figures.items()}
    wall = {kind: statistics.median(figure[1] for figure in rounds) for kind, rounds in figures.items()}
    lines = [
        f"| drain of {events:,} messages | CPU µs an event | ours by it | events a CPU second | a second |",
        "|---|---|---|---|---|",
    ]
    for kind, name in names.items():
        ratio = cpu["ha-ai"] / cpu[kind]
        lines.append(
            f"| {name} | {cpu[kind] * 1e6:.0f} | {ratio:.2f} | {1 / cpu[kind]:,.0f} | {1 / wall[kind]:,.0f} |"
        )
    return "\n".join(lines)


async def _drain(kind: str, payloads: Sequence[Published]) -> tuple[float, float]:
    """CPU and wall-clock seconds an event, without what the process takes to start."""
    idle_cpu_s, idle_s = await _measured(kind, payloads[:0])
    cpu_s, wall_s = await _measured(kind, payloads)
    return (cpu_s - idle_cpu_s) / len(payloads), (wall_s - idle_s) / len(payloads)


async def _measured(kind: str, payloads: Sequence[Published]) -> tuple[float, float]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haai-bench-")))
        broker = Mosquitto(folder)
        stack.push_async_callback(broker.stop)
        await broker.start()
        await _make_session(broker.port)
        await Publisher(broker.port, window=500).publish(payloads)
        began_s = time.monotonic()
        if kind == "ha-ai":
            drain = _drain_ours(folder, broker.port, len(payloads))
        else:
            drain = _drain_handler(kind, broker.port, len(payloads))
        return await drain, time.monotonic() - began_s


async def _drain_ours(folder: Path, port: int, number: int) -> float:
    settings = {"mqtt_client_id": CLIENT_ID, "heartbeat_s": 30}
    worker = Worker(folder / "ha-ai.db", folder / "worker.log", port, command=HA_AI, **settings)
    await worker.start()
    try:
        await worker.ready()
        query = "SELECT coalesce(max(seq), 0) FROM journal"
        await wait_until(
            lambda: count_of(worker.database, query) >= number, DRAIN_S, "all events", every_s=0.02
        )
        return _cpu_s(worker.pid)
    finally:
        await worker.stop()


async def _drain_handler(kind: str, port: int, number: int) -> float:
    words = ("-m", "benchmarks.bare_handler", kind, f"mqtt://{HOST}:{port}", CLIENT_ID, TOPIC)
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None  # noqa: S101 for the type checker
        while int(await asyncio.wait_for(process.stdout.readline(), DRAIN_S)) < number:
            pass
        return _cpu_s(process.pid)
    finally:
        process.terminate()
        await process.wait()


def _cpu_s(pid: int | None) -> float:
    """User and system time of all threads of a process and its children."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


async def _make_session(port: int) -> None:
    """Subscribe as the worker will, and leave: what comes then waits at the broker."""
    reader, writer = await asyncio.open_connection(HOST, port)
    packets: list[Any] = [
        mqtt5.ConnectPacket(CLIENT_ID, clean_start=True, session_expiry_interval=3_600),
        mqtt5.SubscribePacket(1, [mqtt5.TopicFilter(TOPIC, max_qos=mqtt5.QoS.AT_LEAST_ONCE)]),
        mqtt5.DisconnectPacket(),
    ]
    for packet in packets:
        writer.write(packet.write())
        await writer.drain()
    await reader.read()
    writer.close()


if __name__ == "__main__":
    asyncio.run(main())
