"""While much that waited at the broker is handed on, everything else in the process goes on too."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
import zmqtt

from pipeline.delivery.durable import DurableSubscription
from pipeline.delivery.steady import HANDED_ON, take_turns

ROUNDS = 10


class Others:
    """What else runs in the loop, and how often it had its turn."""

    def __init__(self) -> None:
        self.turns = 0

    async def run(self) -> None:
        """Take turns for ever."""
        while True:
            self.turns += 1
            await asyncio.sleep(0)


@pytest.fixture
async def others() -> AsyncIterator[Others]:
    """Others, who run until the test ends."""
    made = Others()
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_replay_lets_others_run(others: Others) -> None:
    """Of what a broker sent before the SUBACK not all is handed on in one go, and none is left out."""
    handed_on: list[int] = []

    class Inbound:
        async def deliver_replay(self, publish: Any, recipient: Any) -> None:
            del recipient
            handed_on.append(publish)

    protocol: Any = SimpleNamespace(inbound=Inbound())
    take_turns(protocol)
    for number in range(ROUNDS * HANDED_ON):
        await protocol.inbound.deliver_replay(number, None)
    assert handed_on == list(range(ROUNDS * HANDED_ON))
    assert others.turns >= ROUNDS


async def test_a_full_queue_lets_others_run(others: Others, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes one waiting message after the other waits for none of them, and yet is not alone."""

    async def at_once(_: object) -> object:
        return object()

    monkeypatch.setattr(zmqtt.Subscription, "get_message", at_once)
    client: Any = SimpleNamespace()
    subscription = DurableSubscription(client, ["home"], zmqtt.QoS.AT_LEAST_ONCE, False, 0)
    for _ in range(ROUNDS * HANDED_ON):
        await subscription.get_message()
    assert others.turns >= ROUNDS
