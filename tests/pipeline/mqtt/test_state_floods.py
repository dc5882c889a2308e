"""Of a flood on a topic whose last message alone counts, the last is handled; all are acknowledged."""

import asyncio
from dataclasses import dataclass
from typing import Any

import zmqtt

from pipeline.mqtt.durable_session import STATES_AT_ONCE, DurableSubscription

FLOOD = 500


@dataclass
class Said:
    """A message that notes whether it was acknowledged."""

    number: int
    acknowledged: list[int]
    retain: bool = False
    error: Exception | None = None

    async def ack(self) -> None:
        if self.error is not None:
            raise self.error
        self.acknowledged.append(self.number)


@dataclass
class NoClient:
    """A client that never fails."""

    _subscription_failure: asyncio.Future[Exception] | None = None
    _protocol: None = None


async def handled(waiting: list[Said], *, is_state: bool = True) -> list[int]:
    """Which of some messages that wait are handled."""
    client: Any = NoClient()
    subscription = DurableSubscription(client, ["t"], zmqtt.QoS.AT_LEAST_ONCE, False, 0)
    subscription.is_state = is_state
    queue: Any = subscription._queue
    for each in waiting:
        queue.put_nowait(each)
    found: Any = []
    while not queue.empty():
        found.append(await subscription.get_message())
    return [each.number for each in found]


async def test_the_last_ones_are_handled_and_the_others_acknowledged() -> None:
    """In their order, and nothing twice."""
    acknowledged: list[int] = []
    found = await handled([Said(number, acknowledged) for number in range(FLOOD)])
    assert found == list(range(FLOOD - STATES_AT_ONCE - 1, FLOOD))
    assert acknowledged == list(range(FLOOD - STATES_AT_ONCE - 1))


async def test_what_a_person_does_is_handled_one_by_one() -> None:
    """However fast they are; and so is all on any other topic."""
    acknowledged: list[int] = []
    assert len(await handled([Said(number, acknowledged) for number in range(STATES_AT_ONCE)])) == 20
    assert len(await handled([Said(k, acknowledged) for k in range(FLOOD)], is_state=False)) == FLOOD
    assert acknowledged == []


async def test_what_was_kept_at_the_broker_takes_the_place_of_no_act() -> None:
    """A flood of them leaves the act before it."""
    acknowledged: list[int] = []
    waiting = [Said(0, acknowledged), *(Said(k, acknowledged, retain=True) for k in range(1, FLOOD))]
    found = await handled(waiting)
    assert found[0] == 0
    assert 0 not in acknowledged


async def test_a_connection_that_is_lost_meanwhile_is_no_fault() -> None:
    """The broker sends them again."""
    gone = zmqtt.MQTTDisconnectedError("gone")
    found = await handled([Said(number, [], error=gone) for number in range(FLOOD)])
    assert found[-1] == FLOOD - 1
