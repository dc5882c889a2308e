"""Who asks at once is answered together, each with their own answer or with the reason why there is none."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pipeline.runtime.batching import Together
from pipeline.runtime.nonces import Taken
from sinks.store import StoreUnavailableError


class Desk:
    """Runs calls one after the other, each when it may, and notes what was asked for."""

    def __init__(self, *failures: Exception) -> None:
        self.asked: list[list[int]] = []
        self.may_go_on = asyncio.Event()
        self._failures = list(failures)

    async def run(self, call: Callable[[], Sequence[int]]) -> Sequence[int]:
        await self.may_go_on.wait()
        return call()

    def call(self, items: Sequence[int]) -> list[int]:
        self.asked.append(list(items))
        if self._failures:
            raise self._failures.pop(0)
        return [10 * item for item in items]

    def begin(self, number: int, at_most: int = 200) -> list[asyncio.Task[int]]:
        """Let so many ask at once."""
        together = Together(self.run, self.call, at_most)
        return [asyncio.create_task(together(item)) for item in range(number)]


async def outcomes(tasks: list[asyncio.Task[int]]) -> list[Any]:
    """What came of each."""
    return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5.0)


async def test_who_comes_while_others_are_asked_for_waits_for_the_next_call() -> None:
    """In order, no more at once than may be."""
    desk = Desk()
    tasks = desk.begin(8, at_most=3)
    await asyncio.sleep(0)
    desk.may_go_on.set()
    assert await outcomes(tasks) == [10 * item for item in range(8)]
    assert desk.asked == [[0, 1, 2], [3, 4, 5], [6, 7]]


async def test_a_store_that_is_away_is_away_for_all_who_asked() -> None:
    """And asked again for those who come then."""
    desk = Desk(StoreUnavailableError("away"))
    tasks = desk.begin(3)
    desk.may_go_on.set()
    assert [type(each) for each in await outcomes(tasks)] == 3 * [StoreUnavailableError]
    assert await outcomes(desk.begin(2)) == [0, 10]


async def test_a_fault_is_that_of_one() -> None:
    """The others are asked for without it."""
    desk = Desk(ValueError("fault"))
    tasks = desk.begin(3)
    desk.may_go_on.set()
    first, *others = await outcomes(tasks)
    assert isinstance(first, ValueError)
    assert others == [10, 20]


async def test_who_goes_away_holds_up_nobody() -> None:
    """Whether they were asked for or waited."""
    desk = Desk()
    tasks = desk.begin(4)
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[2].cancel()
    desk.may_go_on.set()
    found = await outcomes(tasks)
    assert [found[1], found[3]] == [10, 30]


def test_what_was_taken_is_known_until_others_took_its_place() -> None:
    """What failed was not taken."""
    taken = Taken(at_most=2)
    with pytest.raises(ValueError, match="fails"), taken.once("a"):
        raise ValueError("fails")
    firsts = []
    for nonce in ("a", "a", "b", "c", "a"):
        with taken.once(nonce) as is_first:
            firsts.append(is_first)
    assert firsts == [True, False, True, True, True]
