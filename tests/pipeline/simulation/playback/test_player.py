import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiomqtt
import pytest

from pipeline.settings import Settings
from pipeline.simulation.playback.player import Player
from pipeline.simulation.playback.publications import Publication

Running = Any


def numbered(first: int, last: int) -> list[Publication]:
    """Messages whose payload is their number."""
    return [Publication("counted", str(number).encode()) for number in range(first, last)]


async def read(broker: Running, until: bytes, subscribed: asyncio.Event) -> list[bytes]:
    """Subscribe and collect payloads until one comes."""
    seen: list[bytes] = []
    async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("counted", 1)
        subscribed.set()
        async for message in client.messages:
            seen.append(bytes(message.payload))
            if message.payload == until:
                break
    return seen


async def test_survives_an_outage_of_the_broker(embedded_broker: Running) -> None:
    """Messages of a chunk that met a dead broker are published when it is back, in order and all."""
    player = Player(Settings(_env_file=None, mqtt_url=embedded_broker.url))
    subscribed = asyncio.Event()
    readers: list[asyncio.Task[list[bytes]]] = []

    async def chunks() -> AsyncIterator[list[Publication]]:
        yield numbered(0, 50)
        await asyncio.to_thread(embedded_broker.stop)
        embedded_broker.start()
        readers.append(asyncio.create_task(read(embedded_broker, b"99", subscribed)))
        await subscribed.wait()
        yield numbered(50, 100)

    await player.play(chunks())
    numbers = [int(payload) for payload in await asyncio.wait_for(readers[0], 10)]
    assert player.outages >= 1
    assert player.published == 100
    assert sorted(set(numbers)) == list(range(50, 100))
    assert numbers == sorted(numbers)


async def test_gives_a_broker_up_that_stays_away(embedded_broker: Running) -> None:
    """A broker that does not come back within the patience ends the replay with what was published."""
    player = Player(Settings(_env_file=None, mqtt_url=embedded_broker.url), patience_s=0.5)

    async def chunks() -> AsyncIterator[list[Publication]]:
        yield numbered(0, 10)
        await asyncio.to_thread(embedded_broker.stop)
        yield numbered(10, 20)

    with pytest.raises(aiomqtt.MqttError):
        await player.play(chunks())
    assert player.published == 10
