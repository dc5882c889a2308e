"""Whatever a broker does, a connection comes back, says so once, and ends when it is asked to."""

import asyncio
import logging
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
import zmqtt
from faststream.exceptions import IncorrectState
from faststream.mqtt import MQTTMessage, QoS
from structlog.testing import capture_logs

from benchmarks.processes import wait_until
from pipeline.mqtt import client as steady
from pipeline.mqtt import disconnects as peers
from pipeline.mqtt.client import SteadyBroker
from pipeline.mqtt.connections import AsPublishedBroker, durable_broker, egress_broker, subscribe
from pipeline.mqtt.intake import Intake
from pipeline.settings import Settings
from tests.hostile_broker import BEHAVIOURS, HostileBroker, Peer, good, sized

FILTER = "ha-ai/test/#"
PATIENCE_S = 10.0
HOSTILE_S = 0.4
STOP_S = 5.0
LINES = 12
NUMBERS = range(1, 1_001)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of seconds take a fraction of one."""
    for name in ("FIRST_S", "LONGEST_AWAY_S", "LONGEST_REFUSED_S"):
        monkeypatch.setattr(peers, name, 0.02)
    for name in ("REACH_S", "SUBACK_S", "PUBACK_S", "GOODBYE_S"):
        monkeypatch.setattr(steady, name, 0.2)


async def _nothing() -> None:
    return


async def _yes() -> bool:
    return True


def _intake(settings: Settings) -> SteadyBroker:
    intake = Intake()
    made = durable_broker(settings, _nothing, permission=_yes, room=intake.room)

    async def put(message: MQTTMessage) -> None:
        await intake.put(message)
        await intake.acknowledge(await intake.take(10, patience_s=0.0, linger_s=0.0))

    subscribe(made, FILTER, put)
    return made


def _outbox(settings: Settings) -> SteadyBroker:
    return egress_broker(settings, _nothing, None)


def _consumer(settings: Settings) -> SteadyBroker:
    made = egress_broker(settings, _nothing, None, name="answer", kind=AsPublishedBroker)

    async def put(message: MQTTMessage) -> None:
        with suppress(zmqtt.MQTTDisconnectedError):
            await message.ack()

    subscribe(made, FILTER, put, shared="haai-answer")
    return made


@asynccontextmanager
async def facing(broker: HostileBroker, made: SteadyBroker) -> AsyncIterator[asyncio.Task[None]]:
    """A connection to a broker that starts; at its end it stops, in time."""
    starting = asyncio.create_task(made.start())
    try:
        yield starting
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        async with asyncio.timeout(STOP_S):
            await made.stop()
        broker.hang_up()


async def _publishes(made: SteadyBroker) -> bool:
    try:
        await made.publish(b"", "ha-ai/test/said", qos=QoS.AT_LEAST_ONCE)
    except (zmqtt.MQTTError, IncorrectState):
        return False
    return True


async def _comes_back(starting: asyncio.Task[None], made: SteadyBroker) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await starting
        published = False
        while not published:
            published = await _publishes(made)
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
async def test_connections_outlive_what_a_broker_does(
    behaviour: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Intake, outbox and consumer start, publish and end once the broker is one; few lines tell of it."""
    caplog.set_level(logging.INFO)
    async with HostileBroker(behaviour) as broker, AsyncExitStack() as stack:
        settings = Settings(_env_file=None, mqtt_url=broker.url)
        connections = [make(settings) for make in (_intake, _outbox, _consumer)]
        said = stack.enter_context(capture_logs())
        starting = [await stack.enter_async_context(facing(broker, made)) for made in connections]
        await asyncio.sleep(HOSTILE_S)
        early = [made for task, made in zip(starting, connections, strict=True) if task.done()]
        await asyncio.gather(*(_publishes(made) for made in early))
        broker.behaviour = good
        broker.hang_up()
        await asyncio.gather(*map(_comes_back, starting, connections))
        assert broker.heard.count("ha-ai/test/said") >= len(connections)
        assert {FILTER, f"$share/haai-answer/{FILTER}"} <= set(broker.heard)
    warned = [each for each in said if each["log_level"] != "debug"]
    assert len(warned) <= LINES
    assert not [each for each in warned if "exc_info" in each]
    ours = [each for each in caplog.records if not each.name.startswith("zmqtt")]
    assert not [each for each in ours if each.exc_info or "socket.send" in each.getMessage()]


async def test_acknowledgements_of_a_connection_that_was_cut_are_not_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A thousand of them cost one line at most."""
    waiting: list[MQTTMessage] = []

    async def put(message: MQTTMessage) -> None:
        waiting.append(message)

    async def thousand(peer: Peer) -> None:
        await peer.greet()
        sent = b"".join(sized(0x32, b"\x00\x0cha-ai/test/x" + bytes(divmod(n, 256)) + b"\0") for n in NUMBERS)
        await peer.serve(after_suback=sent)

    async with HostileBroker() as broker:
        broker.behaviour = thousand
        made = durable_broker(
            Settings(_env_file=None, mqtt_url=broker.url), _nothing, permission=_yes, room=_nothing
        )
        subscribe(made, FILTER, put)
        async with facing(broker, made):
            await wait_until(lambda: len(waiting) == len(NUMBERS), PATIENCE_S, "all messages", every_s=0.01)
            broker.behaviour = BEHAVIOURS["closes at once"]
            broker.hang_up()
            refused = []
            for message in waiting:
                await asyncio.sleep(0)
                refused.append(await _refused(message))
    assert sum(refused) > len(NUMBERS) - 10
    assert len([each for each in caplog.records if each.name == "asyncio"]) <= 1


async def _refused(message: MQTTMessage) -> bool:
    try:
        await message.ack()
    except zmqtt.MQTTDisconnectedError:
        return True
    return False


@pytest.mark.parametrize("behaviour", [each for each in BEHAVIOURS if "flood" in each])
async def test_a_flood_takes_little_memory_and_lets_others_run(behaviour: str) -> None:
    """Other tasks have a turn many times a second, and memory stays small."""
    async with HostileBroker(behaviour) as broker:
        made = _intake(Settings(_env_file=None, mqtt_url=broker.url))
        async with facing(broker, made):
            tracemalloc.start()
            try:
                turns = 0
                async with asyncio.timeout(PATIENCE_S):
                    while turns < 20:
                        await asyncio.sleep(0.01)
                        turns += 1
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
    assert peak < 30_000_000
