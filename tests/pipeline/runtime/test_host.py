import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from structlog.testing import capture_logs

from pipeline.mqtt.connections import connection_id
from pipeline.mqtt.transport import LARGEST_BYTES
from pipeline.runtime.host import ConsumerHost
from pipeline.runtime.role import IncomingMessage, Loop, RoleContext, Subscriber
from pipeline.settings import Settings
from schemas.home import Home
from schemas.outgoing import Outgoing
from schemas.topics import Role
from sinks.store import StoreDamagedError, StoreUnavailableError

TOPIC = "ha-ai/test/work"
FILTER = "ha-ai/test/#"
TIMEOUT_S = 20.0


class Running(Protocol):
    """A broker that listens."""

    host: str
    port: int
    url: str


class Restartable(Running, Protocol):
    """A broker that can be stopped and started again."""

    def start(self) -> None:
        """Listen."""

    def stop(self) -> None:
        """Listen no more."""


@dataclass
class Probe:
    """A consumer that notes what it gets and fails as it is told."""

    desk: RoleContext
    shared: bool = True
    failures: list[Exception] = field(default_factory=list)
    loop_failures: list[Exception] = field(default_factory=list)
    name: Role = Role.ANSWER
    handled: list[IncomingMessage] = field(default_factory=list)
    tried: int = 0
    looped: int = 0
    is_cancelled: bool = False

    def subscribers(self) -> Sequence[Subscriber]:
        return [Subscriber(FILTER, self.handle, shared=self.shared)]

    def loops(self) -> Sequence[Loop]:
        return [self.loop]

    async def handle(self, received: IncomingMessage) -> None:
        """Note a message, unless it is to fail."""
        self.tried += 1
        if self.failures:
            raise self.failures.pop(0)
        self.handled.append(received)

    async def loop(self) -> None:
        """Run until cancelled, unless it is to fail."""
        self.looped += 1
        if self.loop_failures:
            raise self.loop_failures.pop(0)
        try:
            await asyncio.Event().wait()
        finally:
            self.is_cancelled = True


@dataclass
class Hosted:
    """A host that runs, and its one consumer."""

    host: ConsumerHost
    task: asyncio.Task[None]
    probe: Probe

    async def end(self) -> None:
        """Ask it to end, and wait until it has."""
        self.host.stop()
        async with asyncio.timeout(TIMEOUT_S):
            await self.task


@pytest.fixture
def at_broker(settings: Settings, broker: Running) -> Settings:
    """Settings that name a broker which runs."""
    return settings.model_copy(update={"mqtt_url": broker.url})


@asynccontextmanager
async def hosting(settings: Settings, home: Home, **how: Any) -> AsyncIterator[Hosted]:
    """A host with a probe, which has subscribed."""
    probes: list[Probe] = []
    host = ConsumerHost(settings, home, {Role.ANSWER: _noting(probes, **how)})
    task = asyncio.create_task(host.run())
    await until(lambda: probes[0].looped > 0 or task.done())
    hosted = Hosted(host, task, probes[0])
    yield hosted
    await hosted.end()


def _noting(probes: list[Probe], **how: Any) -> Callable[[RoleContext], Probe]:
    def make(desk: RoleContext) -> Probe:
        probes.append(Probe(desk, **how))
        return probes[-1]

    return make


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(TIMEOUT_S):
        while not is_so():  # noqa: ASYNC110 what is waited for tells nobody
            await asyncio.sleep(0.01)


@asynccontextmanager
async def publishing(broker: Running) -> AsyncIterator[aiomqtt.Client]:
    """A client of somebody else."""
    async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        yield client


async def publish(broker: Running, *payloads: str, topic: str = TOPIC) -> None:
    """Publish at QoS 1."""
    async with publishing(broker) as client:
        for payload in payloads:
            await client.publish(topic, payload, qos=1)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried again at once."""
    monkeypatch.setattr("pipeline.runtime.host.RETRY_S", 0.01)
    monkeypatch.setattr("pipeline.runtime.host.LOOP_AGAIN_S", 0.01)


async def test_of_two_hosts_each_message_reaches_one(
    at_broker: Settings, home: Home, broker: Running
) -> None:
    """A shared subscription gives each of 100 messages to one of two hosts, and both get some."""
    payloads = [f"m{number}" for number in range(100)]
    async with AsyncExitStack() as stack:
        probes = [(await stack.enter_async_context(hosting(at_broker, home))).probe for _ in range(2)]
        await publish(broker, *payloads)
        await until(lambda: sum(len(probe.handled) for probe in probes) >= len(payloads))
        handled = [received.payload.decode() for probe in probes for received in probe.handled]
        assert sorted(handled) == sorted(payloads)
        assert all(probe.handled for probe in probes)


async def test_unshared_messages_reach_every_host(at_broker: Settings, home: Home, broker: Running) -> None:
    """What is not shared comes to each host, in the order in which it was published."""
    payloads = [f"m{number}" for number in range(20)]
    async with AsyncExitStack() as stack:
        probes = [
            (await stack.enter_async_context(hosting(at_broker, home, shared=False))).probe for _ in range(2)
        ]
        await publish(broker, *payloads)
        await until(lambda: all(len(probe.handled) >= len(payloads) for probe in probes))
        for probe in probes:
            assert [received.payload.decode() for received in probe.handled] == payloads


async def test_what_comes_with_a_message(at_broker: Settings, home: Home, broker: Running) -> None:
    """Topic, payload, response topic and correlation are told, and whether the broker had kept it."""
    async with publishing(broker) as client:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ResponseTopic, properties.CorrelationData = "ha-ai/query/answer/me", b"\x00\xff"
        await client.publish(TOPIC, b"\x00kept", qos=1, retain=True)
        async with hosting(at_broker, home, shared=False) as hosted:
            await until(lambda: bool(hosted.probe.handled))
            await client.publish(f"{TOPIC}/2", b"live", qos=1, properties=properties)
            await until(lambda: len(hosted.probe.handled) > 1)
        await client.publish(TOPIC, b"", qos=1, retain=True)
    kept, live = hosted.probe.handled
    assert kept[:5] == (TOPIC, b"\x00kept", True, "", b"")
    assert live[:5] == (f"{TOPIC}/2", b"live", False, "ha-ai/query/answer/me", b"\x00\xff")


async def test_a_store_that_is_away_is_asked_again(at_broker: Settings, home: Home, broker: Running) -> None:
    """A handler whose store is away gets its message again, until it is there; the next one waits."""
    away = [StoreUnavailableError("away") for _ in range(5)]
    async with hosting(at_broker, home, failures=away) as hosted:
        await publish(broker, "first", "second")
        await until(lambda: len(hosted.probe.handled) == 2)
    assert [received.payload for received in hosted.probe.handled] == [b"first", b"second"]
    assert hosted.probe.tried == 7


async def test_a_store_that_stays_away_is_given_up(
    at_broker: Settings, home: Home, broker: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its patience the message is given up with a word in the log, and the next one comes."""
    monkeypatch.setattr("pipeline.runtime.host.PATIENCE_S", 0.0)
    with capture_logs() as logs:
        async with hosting(at_broker, home, failures=[StoreUnavailableError("away")]) as hosted:
            await publish(broker, "first", "second")
            await until(lambda: bool(hosted.probe.handled))
    assert [received.payload for received in hosted.probe.handled] == [b"second"]
    given_up = [line for line in logs if line["event"] == "message given up, the store is away"]
    assert [line["consumer"] for line in given_up] == ["answer"]


async def test_a_message_that_cannot_be_handled_ends_nothing(
    at_broker: Settings, home: Home, broker: Running
) -> None:
    """A handler that fails is logged with its topic, and gets the next message."""
    with capture_logs() as logs:
        async with hosting(at_broker, home, failures=[ValueError("expected another")]) as hosted:
            await publish(broker, "bad", "good")
            await until(lambda: bool(hosted.probe.handled))
    assert [received.payload for received in hosted.probe.handled] == [b"good"]
    (failed,) = [line for line in logs if line["event"] == "message could not be handled"]
    assert (failed["consumer"], failed["topic"]) == ("answer", TOPIC)


@pytest.mark.parametrize("error", [StoreUnavailableError("away"), ValueError("a defect")])
async def test_a_loop_that_fails_is_begun_anew(
    at_broker: Settings, home: Home, broker: Running, error: Exception
) -> None:
    """A loop that fails is logged and begun anew, and messages are taken all the while."""
    with capture_logs() as logs:
        async with hosting(at_broker, home, loop_failures=[error, error]) as hosted:
            await until(lambda: hosted.probe.looped == 3)
            await publish(broker, "first")
            await until(lambda: bool(hosted.probe.handled))
    assert len([line for line in logs if "begun anew" in line["event"]]) == 2


@pytest.mark.parametrize("whence", ["failures", "loop_failures"])
async def test_a_damaged_store_ends_the_host(
    at_broker: Settings, home: Home, broker: Running, whence: str
) -> None:
    """The next start mends it: going on would fail again and again, and a message comes again then."""
    host = ConsumerHost(
        at_broker, home, {Role.ANSWER: _noting([], **{whence: [StoreDamagedError("a day's set")]})}
    )
    task = asyncio.create_task(host.run())
    if whence == "failures":
        await until(lambda: connection_id(host._consumers[0][1]) is not None)
        await publish(broker, "work")
    with pytest.raises(StoreDamagedError, match="a day's set"):
        await asyncio.wait_for(task, TIMEOUT_S)


async def test_a_clean_end(at_broker: Settings, home: Home, broker: Running) -> None:
    """Stopped, a host cancels its loops, leaves the broker, closes its store, and takes nothing any more."""
    async with hosting(at_broker, home) as first:
        pass
    assert first.probe.is_cancelled
    assert first.task.exception() is None
    async with hosting(at_broker, home) as second:
        await publish(broker, *(f"m{number}" for number in range(10)))
        await until(lambda: len(second.probe.handled) == 10)
    assert first.probe.handled == []
    with pytest.raises(RuntimeError, match="shutdown"):
        await first.probe.desk.ask(lambda: None)


async def test_a_broker_that_comes_later(
    settings: Settings, home: Home, embedded_broker: Restartable
) -> None:
    """A host that is started before its broker waits for it, and then runs; until then it can be stopped."""
    at_broker = settings.model_copy(update={"mqtt_url": embedded_broker.url})
    embedded_broker.stop()
    probes: list[Probe] = []
    hosts = [ConsumerHost(at_broker, home, {Role.ANSWER: _noting(probes)}) for _ in range(2)]
    with capture_logs() as said:
        first, second = (asyncio.create_task(host.run()) for host in hosts)
        await until(lambda: sum("no connection" in each["event"] for each in said) >= len(hosts))
    hosts[0].stop()
    await first
    embedded_broker.start()
    await until(lambda: probes[1].looped > 0)
    hosts[1].stop()
    await second
    assert probes[0].looped == 0


async def test_what_is_published_past_the_outbox(at_broker: Settings, home: Home, broker: Running) -> None:
    """A consumer publishes at QoS 1 with its id, and with an expiry where one is given."""
    async with publishing(broker) as client, hosting(at_broker, home) as hosted:
        await client.subscribe("ha-ai/said/#", qos=1)
        message = Outgoing("an-id", "ha-ai/said/this", b"text", expiry_s=300)
        await hosted.probe.desk.publish(message)
        async with asyncio.timeout(TIMEOUT_S):
            said: Any = await anext(aiter(client.messages))
    assert (said.payload, said.qos, said.retain) == (b"text", 1, False)
    assert dict(said.properties.UserProperty)["message-id"] == "an-id"
    assert 0 < said.properties.MessageExpiryInterval <= 300


@pytest.mark.parametrize("shared", [True, False])
async def test_what_is_published_to_be_retained_says_so(
    at_broker: Settings, home: Home, broker: Running, *, shared: bool
) -> None:
    """Also while somebody listens: a broker that hands it on at once does not hide it."""
    async with hosting(at_broker, home, shared=shared) as hosted, publishing(broker) as client:
        for retain in (True, False):
            await client.publish(TOPIC, b"1", qos=1, retain=retain)
        await until(lambda: len(hosted.probe.handled) == 2)
    assert [received.retain for received in hosted.probe.handled] == [True, False]


@pytest.mark.parametrize("shared", [True, False])
async def test_what_is_too_large_is_never_received(
    at_broker: Settings, home: Home, broker: Running, *, shared: bool
) -> None:
    """However many of whatever QoS: the others come, on the same connection, and so does what had waited."""
    large, small = b"x" * LARGEST_BYTES, [f"m{number}".encode() for number in range(100)]
    async with publishing(broker) as client:
        await client.publish(f"{TOPIC}/kept", large, qos=1, retain=True)
        async with hosting(at_broker, home, shared=shared) as hosted:
            connection = connection_id(hosted.probe.desk.broker)
            for number, payload in enumerate(small):
                await client.publish(TOPIC, large, qos=number % 2)
                await client.publish(TOPIC, payload, qos=1)
            await until(lambda: len(hosted.probe.handled) >= len(small))
            assert [received.payload for received in hosted.probe.handled] == small
            assert connection_id(hosted.probe.desk.broker) == connection
        await client.publish(f"{TOPIC}/kept", b"", qos=1, retain=True)
