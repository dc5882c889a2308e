"""``python -m benchmarks.approve_path``: the files that one press of Approve runs through.

A press goes the whole way: broker, reviewer, store, outbox, deployer, Home Assistant (one that is not there),
until it is said that the automation is deployed; with the pages, until that is shown. A file counts where a
function of it ran meanwhile; code that runs when a module is loaded does not.

Every file
    All of ours, but the embedded broker, which stands for one of somebody else's.
Files of the path
    Those that a reader has to open to follow one approval: every file of the rooms in `PATH`, and of the
    libraries below them (what an automation is, Home Assistant's API, the store) those that the path itself
    calls; what these call in turn is theirs. Not the models (`schemas`), what people read (`wording`), and
    what every message passes: `mqtt`, `runtime`, and what runs as well for a message of another consumer,
    which writes one audit entry and says so.
"""

import argparse
import asyncio
import inspect
import logging
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType
from typing import Any, NamedTuple

import aiomqtt
import structlog
from pydantic import SecretStr

from benchmarks.ports import claim_port
from benchmarks.processes import HOST, wait_until
from benchmarks.review_desk import a_suggestion, button, show
from pipeline.mqtt.broker import EmbeddedBroker
from pipeline.roles import factories
from pipeline.runtime.host import ConsumerHost
from pipeline.runtime.role import IncomingMessage, Loop, RoleContext, Subscriber
from pipeline.settings import Settings
from schemas.commands import Press, PressVerb
from schemas.home import Home
from schemas.outgoing import Outgoing
from schemas.suggestions import Suggestion
from schemas.topics import Role, Topics
from sinks.store import SqlStore, Transaction
from tests.fixtures.hosting import Publisher
from tests.sinks.fake_home_assistant import READER_ID, FakeHomeAssistant

ROOT = Path(__file__).parents[1]
OURS = ("schemas", "detectors", "sinks", "pipeline")
PATH = frozenset(
    f"pipeline/{room}" for room in ("review", "deploy", "commands", "suggestions", "discovery", "show")
)
PASSED = frozenset({"schemas", "pipeline/wording", "pipeline/mqtt", "pipeline/runtime"})
OUTSIDE = "pipeline/mqtt/broker/"
GOAL = 22
PATIENCE_S = 30.0
TOPICS = Topics()
PROBE = "ha-ai/commands/probe"
PROBED = "ha-ai/events/probed"
ROLES = (Role.REVIEW, Role.DEPLOY)


class Ran(NamedTuple):
    """Files in which functions ran, and those of them that the path's own rooms called."""

    files: set[str]
    called: set[str]


class Followed(NamedTuple):
    """Files that one approval ran through, and those that any message runs through."""

    ran: Ran
    plumbing: Ran

    @property
    def every(self) -> list[str]:
        """Every file that ran."""
        return sorted(self.ran.files)

    @property
    def path(self) -> list[str]:
        """Files of the path: those of its rooms, and those that they call in the libraries."""
        called = {each for each in self.ran.called - self.plumbing.files if room_of(each) not in PASSED}
        return sorted(called | {each for each in self.ran.files if room_of(each) in PATH})


def room_of(file: str) -> str:
    """Return the room of a file.

    Examples
    --------
    >>> room_of("pipeline/mqtt/broker/session.py"), room_of("schemas/topics.py")
    ('pipeline/mqtt', 'schemas')
    """
    parts = file.split("/")
    return "/".join(parts[: min(2, len(parts) - 1)])


class Tracer:
    """Notes in which files of ours functions run while it is on, on every thread that began after it."""

    def __init__(self) -> None:
        self._files: dict[CodeType, str] = {}
        self._ran: Ran | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """See all calls of this thread and those that begin."""
        threading.setprofile(self._see)
        sys.setprofile(self._see)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    @contextmanager
    def watching(self) -> Iterator[Ran]:
        """Note the files of what runs."""
        self._ran = ran = Ran(set(), set())
        try:
            yield ran
        finally:
            self._ran = None

    def _see(self, frame: FrameType, event: str, _argument: object) -> None:
        if self._ran is None or event != "call":
            return
        file = self._file(frame.f_code)
        if file:
            self._ran.files.add(file)
            caller = self._caller(frame)
            if room_of(caller) in PATH:
                self._ran.called.add(file)

    def _caller(self, frame: FrameType) -> str:
        """Return the file of ours that called this, whatever lies between."""
        above = frame.f_back
        while above is not None:
            if file := self._file(above.f_code):
                return file
            above = above.f_back
        return ""

    def _file(self, code: CodeType) -> str:
        """Return the file of a function of ours, from the root of the repository; empty for all else."""
        if code not in self._files:
            self._files[code] = _own_file(code)
        return self._files[code]


def _own_file(code: CodeType) -> str:
    # Bodies of modules and classes run when they are loaded.
    if not code.co_flags & inspect.CO_OPTIMIZED or not code.co_filename.startswith(str(ROOT)):
        return ""
    relative = Path(code.co_filename).relative_to(ROOT)
    is_ours = relative.parts[0] in OURS and not relative.as_posix().startswith(OUTSIDE)
    return relative.as_posix() if is_ours else ""


class Probe:
    """A consumer like any other: it writes one audit entry for each message, and says so."""

    name = Role.ANSWER

    def __init__(self, desk: RoleContext) -> None:
        self._desk = desk

    def subscribers(self) -> Sequence[Subscriber]:
        """One topic."""
        return [Subscriber(PROBE, self._take)]

    def loops(self) -> Sequence[Loop]:
        """None."""
        return []

    async def _take(self, received: IncomingMessage) -> None:
        now_us = self._desk.now_us()
        said = Outgoing(f"probe{now_us}", PROBED, received.payload)
        await self._desk.commit(partial(_write, self._desk.store, said, now_us))


def _write(store: SqlStore, said: Outgoing, now_us: int) -> None:
    with store.begin() as transaction:
        _enter(transaction, now_us)
        transaction.enqueue([said], now_us)


def _enter(transaction: Transaction, now_us: int) -> None:
    transaction.suggestions.audit(at_us=now_us, actor="probe", what="probed", subject="probe")


@dataclass
class Listener:
    """A client of its own: how often something came on each topic, and what came last."""

    client: aiomqtt.Client
    counts: dict[str, int] = field(default_factory=dict)
    last: dict[str, bytes] = field(default_factory=dict)

    async def listen(self) -> None:
        """Listen until cancelled."""
        async for message in self.client.messages:
            topic = message.topic.value
            self.last[topic] = bytes(message.payload)
            self.counts[topic] = self.counts.get(topic, 0) + 1

    def is_shown(self, suggestion: Suggestion) -> bool:
        """Return whether its device says that it is deployed."""
        return b'"status":"deployed"' in self.last.get(TOPICS.suggestion_state(suggestion.id), b"")


async def follow(tracer: Tracer, folder: Path, *, is_shown: bool = False) -> Followed:
    """Approve one suggestion to have all loaded, and another to see what runs."""
    async with FakeHomeAssistant() as home, _broker() as port:
        settings = _settings(folder, home, port)
        suggestions = [a_suggestion(number) for number in range(2)]
        _prepare(settings, home, suggestions)
        makers: dict[Role, Any] = {
            Role.PUBLISH: Publisher,
            Role.ANSWER: Probe,
            **factories({*ROLES, Role.SHOW} if is_shown else ROLES),
        }
        async with _hosted(settings, makers), _listening(port) as listener:
            first, second = suggestions
            await _probe(listener)
            await _approve(listener, home, first, is_shown=is_shown)
            with tracer.watching() as plumbing:
                await _probe(listener)
            with tracer.watching() as ran:
                await _approve(listener, home, second, is_shown=is_shown)
    return Followed(ran, plumbing)


async def _approve(
    listener: Listener, home: FakeHomeAssistant, suggestion: Suggestion, *, is_shown: bool
) -> None:
    before = listener.counts.get(TOPICS.automation_executed, 0)
    home.press(button(PressVerb.APPROVE, suggestion), READER_ID)
    press = Press(suggestion_id=suggestion.id, verb=PressVerb.APPROVE, content_hash=suggestion.content_hash)
    await listener.client.publish(TOPICS.press, press.model_dump_json(), qos=1)
    await wait_until(
        lambda: listener.counts.get(TOPICS.automation_executed, 0) > before, PATIENCE_S, "it to be said"
    )
    if is_shown:
        await wait_until(lambda: listener.is_shown(suggestion), PATIENCE_S, "it to be shown")


async def _probe(listener: Listener) -> None:
    before = listener.counts.get(PROBED, 0)
    await listener.client.publish(PROBE, b"", qos=1)
    await wait_until(lambda: listener.counts.get(PROBED, 0) > before, PATIENCE_S, "the probe's word")


def _settings(folder: Path, home: FakeHomeAssistant, port: int) -> Settings:
    token = folder / "token"
    token.touch(0o600)
    token.write_text(home.admin_token)
    return Settings(
        _env_file=None,
        mqtt_url=f"mqtt://{HOST}:{port}",
        database_path=folder / "ha-ai.db",
        command_key_file=folder / "key",
        deployer_token_file=token,
        home_assistant_url=home.url,
        home_assistant_token=SecretStr(home.reader_token),
    )


def _prepare(settings: Settings, home: FakeHomeAssistant, suggestions: Sequence[Suggestion]) -> None:
    home.add_entity("person.anna", "home", user_id=READER_ID, friendly_name="Anna")
    for suggestion in suggestions:
        home.add_entity(suggestion.automation.actions[0].entity_id)
        show(home, suggestion)
    store = SqlStore(settings.store_url, home=Home().id)
    store.migrate()
    with store.begin() as transaction:
        for suggestion in suggestions:
            transaction.suggestions.add(suggestion)
    store.close()


@asynccontextmanager
async def _broker() -> AsyncIterator[int]:
    broker, port = EmbeddedBroker(), claim_port()
    await broker.start(HOST, port)
    yield port
    await broker.stop()


@asynccontextmanager
async def _hosted(settings: Settings, makers: Mapping[Role, Any]) -> AsyncIterator[None]:
    host = ConsumerHost(settings, Home(), makers)
    task = asyncio.create_task(host.run())
    try:
        yield
    finally:
        host.stop()
        await asyncio.wait_for(task, PATIENCE_S)


@asynccontextmanager
async def _listening(port: int) -> AsyncIterator[Listener]:
    async with aiomqtt.Client(HOST, port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        listener = Listener(client)
        for topic in (TOPICS.automation_executed, PROBED, TOPICS.suggestion_state("+")):
            await client.subscribe(topic, qos=1)
        task = asyncio.create_task(listener.listen())
        await asyncio.sleep(2)
        yield listener
        task.cancel()


def measure(*, is_shown: bool = False) -> Followed:
    """Follow one approval."""
    tracer = Tracer()
    with TemporaryDirectory(prefix="haai-bench-") as folder, tracer.installed():
        return asyncio.run(follow(tracer, Path(folder), is_shown=is_shown))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.approve_path", description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the files of the path")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    lines = [
        f"To reach: at most {GOAL} files of the path until it is said.",
        "",
        "| from a press of Approve | files of the path | every file |",
        "|---|---|---|",
    ]
    for is_shown, until in ((False, "until it is said"), (True, "until it is shown")):
        found = measure(is_shown=is_shown)
        lines.append(f"| {until} | {len(found.path)} | {len(found.every)} |")
        if arguments.list:
            print(until, *found.path, sep="\n  ")
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
