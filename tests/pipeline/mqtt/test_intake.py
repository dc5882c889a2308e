"""The intake keeps order, is bounded, and gives up no message because of another's acknowledgement."""

import asyncio

import pytest
from zmqtt import MQTTDisconnectedError

from pipeline.mqtt.intake import Intake
from schemas.events import StateChange
from tests.fixtures.runs import Delivered

SHORT_S = 0.01


async def test_messages_are_taken_in_their_order(changes: list[StateChange]) -> None:
    """What was put first is taken first, at most as many as asked for."""
    intake = Intake()
    for change in changes[:5]:
        await intake.put(Delivered(change, []))  # type: ignore[arg-type]
    first = await intake.take(3, patience_s=SHORT_S, linger_s=0)
    second = await intake.take(3, patience_s=SHORT_S, linger_s=0)
    expected = [Delivered(change, []).raw_message.payload for change in changes[:5]]
    assert [pending.message.payload for pending in [*first, *second]] == expected
    assert (len(first), len(second)) == (3, 2)


async def test_an_empty_intake_is_waited_for_with_patience() -> None:
    """Nothing comes: an empty batch after the patience is over."""
    assert await Intake().take(3, patience_s=SHORT_S, linger_s=0) == []


async def test_a_message_ends_the_patience(changes: list[StateChange]) -> None:
    """Who waits for the first message gets it when it comes."""
    intake = Intake()
    taking = asyncio.create_task(intake.take(3, patience_s=30, linger_s=0))
    await asyncio.sleep(0)
    await intake.put(Delivered(changes[0], []))  # type: ignore[arg-type]
    assert len(await asyncio.wait_for(taking, 1.0)) == 1


async def test_there_is_room_again_once_messages_are_taken(changes: list[StateChange]) -> None:
    """A full intake has no room until something is taken out."""
    intake = Intake(limit=2)
    for change in changes[:2]:
        await intake.put(Delivered(change, []))  # type: ignore[arg-type]
    waiting = asyncio.create_task(intake.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await intake.take(1, patience_s=SHORT_S, linger_s=0)
    await asyncio.wait_for(waiting, 1.0)


@pytest.mark.parametrize("error", [MQTTDisconnectedError("gone"), ConnectionResetError()])
async def test_an_acknowledgement_on_a_lost_connection_stops_no_other(
    changes: list[StateChange], error: Exception
) -> None:
    """All others of the batch are acknowledged, in order; the lost one is counted."""
    acknowledged: list[bytes] = []
    intake = Intake()
    for number, change in enumerate(changes[:3]):
        await intake.put(Delivered(change, acknowledged, error if number == 1 else None))  # type: ignore[arg-type]
    await intake.acknowledge(await intake.take(3, patience_s=SHORT_S, linger_s=0))
    assert acknowledged == [Delivered(changes[place], []).raw_message.payload for place in (0, 2)]
    assert intake.lost_acknowledgements == 1
