"""A broker that does not let us publish where we report what could not be taken."""

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiomqtt

from benchmarks.drills.audit import count_of
from benchmarks.drills.drill import Drill, Size
from benchmarks.drills.load import make_load
from benchmarks.drills.poisoning import poisoned
from benchmarks.drills.trial import Row, Trial
from benchmarks.processes import HOST, wait_until
from benchmarks.publisher import Published

FORBIDDEN = "ha-ai/dead-letter"
RIGHTS = f"topic readwrite #\ntopic deny {FORBIDDEN}\n"
SETTLE_S = 20.0
REFUSED = f"SELECT count(*) FROM outbox WHERE topic = '{FORBIDDEN}'"  # noqa: S608 our own words
WAITING = "SELECT count(*) FROM outbox WHERE sent_us IS NULL"


async def _refused(size: Size, seed: int, command: Sequence[str]) -> Row:
    load, poisons = poisoned(make_load(size.events, seed=seed), seed=seed)
    with tempfile.TemporaryDirectory(prefix="haai-rights-") as folder:
        told: dict[str, object] = {"acl_file": _rights(Path(folder))}
        async with Trial(load, seed=seed, command=command, broker_settings=told) as trial:
            return await trial.run("refused", lambda running: _others_arrive(running, poisons))


def _rights(folder: Path) -> Path:
    rights = folder / "acl"
    rights.write_text(RIGHTS)
    return rights


async def _others_arrive(trial: Trial, poisons: Sequence[Published]) -> str:
    """Every other message has to arrive, and none to wait; what is refused makes no further letter."""
    async with _reading(trial.broker.port) as received:
        await trial.drained()
        try:
            await wait_until(
                lambda: not count_of(trial.worker.database, WAITING), SETTLE_S, "an empty outbox"
            )
            await wait_until(lambda: _others(trial) <= received.keys(), SETTLE_S, "all other messages")
        except TimeoutError as error:
            trial.problems.append(str(error))
    if not _others(trial):
        trial.problems.append("expected other messages than letters")
    if FORBIDDEN in received.values() or not count_of(trial.worker.database, REFUSED):
        trial.problems.append(f"expected letters, and a broker that forbids {FORBIDDEN}")
    letters = count_of(trial.worker.database, "SELECT count(*) FROM dead_letters")
    if letters > len(poisons):
        trial.problems.append(f"expected {len(poisons)} letters at most, got {letters}")
    if trial.worker.starts != 1:
        trial.problems.append(f"expected the worker to live, it exited: {trial.worker.exit_codes}")
    return f"{FORBIDDEN} forbidden, {len(poisons)} poison messages"


def _others(trial: Trial) -> set[str]:
    with closing(sqlite3.connect(trial.worker.database)) as connection:
        rows = connection.execute("SELECT id FROM outbox WHERE topic != ?", (FORBIDDEN,))
        return {str(row[0]) for row in rows}


@asynccontextmanager
async def _reading(port: int) -> AsyncIterator[dict[str, str]]:
    """Topics of what an independent client receives, by the ids of the messages."""
    received: dict[str, str] = {}

    async def read(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            properties = dict(getattr(message.properties, "UserProperty", []))
            received[properties.get("message-id", "")] = str(message.topic)

    async with aiomqtt.Client(HOST, port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("ha-ai/#", qos=1)
        task = asyncio.create_task(read(client))
        yield received
        task.cancel()


DRILLS = {
    "refused": Drill(Size(2_000, 300), Size(20_000, 300), _refused),
}
