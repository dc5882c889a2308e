"""``python -m benchmarks.flooding [NAME ...]``: what a stranger who publishes costs, and who has to wait."""

import argparse
import asyncio
import contextlib
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from benchmarks.memory import SAMPLE_S, Peaks
from benchmarks.processes import HA_AI, Mosquitto, Worker, wait_until
from benchmarks.publisher import Published, Publisher
from benchmarks.results import write_section
from benchmarks.review_desk import ReviewDesk, a_suggestion, button, show
from pipeline.commands.signing import new_command
from pipeline.ingest.eventstream import as_eventstream
from pipeline.runtime.nonces import new_nonce
from pipeline.settings import Settings
from schemas.commands import Press, PressVerb, Verb
from schemas.events import StateChange
from schemas.suggestions import Status, Suggestion
from schemas.topics import Topics
from tests.sinks.fake_home_assistant import READER_ID, FakeHomeAssistant

TOPIC, STATUS = "homeassistant_events", "homeassistant/status"
JUNK = bytes(range(256)) * 14
PATIENCE_S = 900.0
SECONDS = "s until "
SAMPLE = "light.sample"
KEPT_SINCE = "SELECT count(*) FROM journal WHERE entity_id = 'light.sample' AND at_us >= "
HEADER = "| flood | to reach | reached | seconds |\n|---|---|---|---|"


class Limit(NamedTuple):
    """A figure of one flood, and what it may be at most."""

    what: str
    at_most: float
    reached: float

    def __str__(self) -> str:
        return f"{self.reached:,.2f}".rstrip("0").rstrip(".") + f" {self.what}"

    @property
    def is_held(self) -> bool:
        """Whether it is within its bound."""
        return self.reached <= self.at_most


@dataclass(slots=True)
class Site:
    """A broker, a worker at it, and what a stranger sends."""

    folder: Path
    broker: Mosquitto
    worker: Worker
    peaks: Peaks = field(default_factory=Peaks)

    async def send(self, messages: Iterator[Published]) -> None:
        """Publish as fast as the broker takes it."""
        await Publisher(self.broker.port, window=1_000).publish(messages)

    async def delay_s(self) -> float:
        """How long it takes from now until a change that happens then is kept."""
        started_s, since = time.monotonic(), f"{KEPT_SINCE}{time.time_ns() // 1000}"
        while not self.value(since):
            if time.monotonic() - started_s > PATIENCE_S:
                raise TimeoutError("expected a change to be kept")
            change = StateChange(time.time_ns() // 1000, SAMPLE, "off", "on", "sample")
            await self.send(iter([Published(TOPIC, as_eventstream(change))]))
            await asyncio.sleep(SAMPLE_S)
        return time.monotonic() - started_s

    def value(self, query: str) -> int:
        """A number in the store."""
        with contextlib.closing(sqlite3.connect(self.worker.database, timeout=10.0)) as connection:
            return int(connection.execute(query).fetchone()[0])

    def bytes(self) -> int:
        """What the store takes, with its log."""
        return sum(each.stat().st_size for each in self.folder.glob("ha-ai.db*"))


@contextlib.asynccontextmanager
async def site(*consumers: str, home: FakeHomeAssistant | None = None) -> AsyncIterator[Site]:
    """A worker that is ready, with further consumers and perhaps a Home Assistant."""
    with tempfile.TemporaryDirectory(prefix="haai-flood-") as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        settings = {"command_key_file": folder / "ha-ai.key", "mqtt_client_id": "haai-flood-p0"}
        if home is not None:
            settings |= {"home_assistant_url": home.url, "home_assistant_token": home.reader_token}
        log = folder / "worker.log"
        command = (*HA_AI, *consumers)
        worker = Worker(folder / "ha-ai.db", log, broker.port, command=command, **settings)
        await broker.start()
        made = Site(folder, broker, worker)
        watching = asyncio.create_task(_watch(made))
        try:
            await worker.start()
            await worker.ready()
            yield made
        finally:
            watching.cancel()
            await worker.stop()
            await broker.stop()


async def _watch(watched: Site) -> None:
    while True:
        with contextlib.suppress(OSError, StopIteration):
            if watched.worker.pid:
                watched.peaks.take(watched.worker.pid)
        await asyncio.sleep(SAMPLE_S)


async def junk(number: int) -> list[Limit]:
    """Messages of 3.5 kB of which nothing can be made."""
    async with site() as here:
        before = here.bytes()
        await here.send(Published(TOPIC, place.to_bytes(8, "big") + JUNK) for place in range(number))
        delay_s = await here.delay_s()
        return [
            Limit("MB of store", 2, (here.bytes() - before) / 1e6),
            Limit(f"{SECONDS}a change is kept", 1 + number / 10_000, delay_s),
            Limit("MB", 150, here.peaks.peak),
        ]


async def switches(number: int) -> list[Limit]:
    """The learning switch, off and on."""
    return await _toggled(number, Topics().learning_set, (b"OFF", b"ON"))


async def statuses(number: int) -> list[Limit]:
    """Home Assistant's status, offline and online."""
    return await _toggled(number, STATUS, (b"offline", b"online"))


async def _toggled(number: int, topic: str, payloads: tuple[bytes, bytes]) -> list[Limit]:
    async with site() as here:
        await here.send(Published(topic, payloads[place % 2]) for place in range(number + number % 2))
        delay_s = await here.delay_s()
        gaps = here.value("SELECT count(*) FROM gaps")
        return [Limit(f"{SECONDS}a change is kept", 1, delay_s), Limit("gaps", 60, gaps)]


async def ids(number: int) -> list[Limit]:
    """Changes of entities that nobody has."""

    def changes() -> Iterator[Published]:
        for place in range(number):
            change = StateChange(time.time_ns() // 1000, f"light.spoof_{place}", "off", "on", f"c{place}")
            yield Published(TOPIC, as_eventstream(change))

    return await _learned(changes())


async def changes(number: int) -> list[Limit]:
    """Changes of one entity, of ten states, and of numbers."""

    def made() -> Iterator[Published]:
        for place in range(number):
            names = (
                ("light.hall", str(place % 2)),
                ("select.mode", str(place)),
                ("sensor.power", f"{place}.5"),
            )
            entity_id, state = names[place % 3]
            change = StateChange(time.time_ns() // 1000, entity_id, "before", str(state), f"c{place}")
            yield Published(TOPIC, as_eventstream(change))

    return await _learned(made())


async def _learned(messages: Iterator[Published]) -> list[Limit]:
    async with site() as here:
        # Known before: after a flood of ids a new entity has to wait for a place, which comes each 90 s.
        await here.delay_s()
        before = here.bytes()
        await here.send(messages)
        await here.delay_s()
        growth_mb = (here.bytes() - before) / 1e6
        return [Limit("MB of memory", 150, here.peaks.peak), Limit("MB of store", 50, growth_mb)]


async def approvals(number: int) -> list[Limit]:
    """Approvals that are signed with another key, before a true one."""
    async with reviewed() as (here, desk, (lamp, *_)):
        now_ms = time.time_ns() // 1_000_000
        forged = [
            new_command(new_nonce(), Verb.APPROVE, lamp, "Mallory", bytes(32), now_ms)
            .model_dump_json()
            .encode()
            for _ in range(number)
        ]
        topic = desk.topics.suggestion_command(Verb.APPROVE.value)
        await here.send(Published(topic, payload) for payload in forged)
        true = desk.command(Verb.APPROVE, lamp).model_dump_json().encode()
        delay_s = await _approved(here, desk, lamp, Published(topic, true))
        await wait_until(lambda: desk.refused() == number, PATIENCE_S, "all refused")
        return [
            Limit(f"{SECONDS}a true one counts", 2, delay_s),
            Limit("not in the audit log", 0, number - desk.refused()),
        ]


async def presses(number: int) -> list[Limit]:
    """Presses of buttons that nobody pressed, before a true one."""
    async with FakeHomeAssistant() as home, reviewed(home) as (here, desk, suggestions):
        lamp = suggestions[0]
        for each in suggestions:
            show(home, each)
        await here.send(_forged_press(desk, suggestions, place) for place in range(number))
        home.press(button(PressVerb.APPROVE, lamp), READER_ID)
        delay_s = await _approved(here, desk, lamp, _press(desk, lamp.id, PressVerb.APPROVE, lamp))
        return [Limit(f"{SECONDS}a true one counts", 2, delay_s)]


def _forged_press(desk: ReviewDesk, suggestions: list[Suggestion], place: int) -> Published:
    suggestion = suggestions[place % len(suggestions)]
    named = suggestion.id if place % 2 else f"{place:016x}"
    return _press(desk, named, list(PressVerb)[place // 2 % len(PressVerb)], suggestion)


def _press(desk: ReviewDesk, named: str, verb: PressVerb, suggestion: Suggestion) -> Published:
    press = Press(suggestion_id=named, verb=verb, content_hash=suggestion.content_hash)
    return Published(desk.topics.press, press.exact().encode())


@contextlib.asynccontextmanager
async def reviewed(
    home: FakeHomeAssistant | None = None,
) -> AsyncIterator[tuple[Site, ReviewDesk, list[Suggestion]]]:
    """A worker that reviews suggestions, and what signs commands that count."""
    async with site("review", home=home) as here:
        settings = Settings(
            _env_file=None,
            database_url=SecretStr(f"sqlite:///{here.worker.database}"),
            command_key_file=here.folder / "ha-ai.key",
        )
        desk = ReviewDesk(settings)
        suggestions = [a_suggestion(place) for place in range(10)]
        desk.add(*suggestions)
        try:
            yield here, desk, suggestions
        finally:
            desk.close()


async def _approved(here: Site, desk: ReviewDesk, suggestion: Suggestion, message: Published) -> float:
    started_s = time.monotonic()
    await here.send(iter([message]))

    def is_approved() -> bool:
        found = desk.store.suggestions.get(suggestion.id)
        return found is not None and found.status is Status.APPROVED

    await wait_until(is_approved, PATIENCE_S, "an approval that counts", 0.02)
    return time.monotonic() - started_s


FLOODS: dict[str, tuple[Callable[[int], Awaitable[list[Limit]]], int, int]] = {
    "junk": (junk, 20_000, 2_000),
    "switches": (switches, 20_000, 2_000),
    "statuses": (statuses, 20_000, 2_000),
    "ids": (ids, 100_000, 7_000),
    "changes": (changes, 1_000_000, 10_000),
    "approvals": (approvals, 8_000, 800),
    "presses": (presses, 8_000, 800),
}


async def _measured(names: list[str], *, small: bool) -> tuple[str, bool]:
    rows, is_held = [HEADER], True
    for name in names or FLOODS:
        flood, large, little = FLOODS[name]
        number, started_s = little if small else large, time.monotonic()
        limits = await flood(number)
        seconds = time.monotonic() - started_s
        is_held = is_held and all(limit.is_held for limit in limits)
        wanted = ", ".join(f"{limit.at_most:g} {limit.what}" for limit in limits)
        words = str(flood.__doc__).rstrip(".")
        reached = ", ".join(map(str, limits))
        row = f"| {number:,} {words[0].lower()}{words[1:]} | {wanted} | {reached} | {seconds:.0f} |"
        print(row, flush=True)
        rows.append(row)
    return "\n".join(rows), is_held


def main() -> int:
    """Measure, print, and write where asked to; 1 if a bound was passed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flooding", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*FLOODS, []], metavar="NAME", help=", ".join(FLOODS))
    parser.add_argument("--small", action="store_true", help="some seconds each")
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    arguments = parser.parse_args()
    table, is_held = asyncio.run(_measured(arguments.names, small=arguments.small))
    if arguments.write:
        write_section("Floods", table)
    return int(not is_held)


if __name__ == "__main__":
    sys.exit(main())
