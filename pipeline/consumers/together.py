"""One call for all who ask at once: what a transaction costs is paid by hundreds together."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Generic, TypeVar

from sinks.store import StoreUnavailableError

AT_MOST = 200

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Run = Callable[[Callable[[], Sequence[Answer]]], Awaitable[Sequence[Answer]]]


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Item, Answer]):
    """Somebody who waits for an answer, or for the reason why there is none."""

    item: Item
    answers: Sequence[Answer] = ()
    error: StoreUnavailableError | None = None


class Together(Generic[Item, Answer]):
    """Asks for several items at once: while one call is under way, those who come gather for the next.

    Who comes alone waits for nobody. Answers are given in the order of the items, and so are the calls.

    Parameters
    ----------
    run
        Runs a call where it may block, such as on the store's thread.
    call
        Takes some items and gives an answer for each.
    at_most
        Items of one call.

    Examples
    --------
    >>> async def run(call):
    ...     await asyncio.sleep(0)
    ...     return call()
    >>> async def ask():
    ...     calls = []
    ...     double = Together(run, lambda items: calls.append(len(items)) or [2 * item for item in items])
    ...     return await asyncio.gather(*map(double, range(5))), calls
    >>> asyncio.run(ask())
    ([0, 2, 4, 6, 8], [1, 4])
    """

    def __init__(
        self, run: Run[Answer], call: Callable[[Sequence[Item]], Sequence[Answer]], at_most: int = AT_MOST
    ) -> None:
        self._run = run
        self._call = call
        self._at_most = at_most
        self._waiting: deque[_Waiting[Item, Answer]] = deque()
        self._turn = asyncio.Lock()

    async def __call__(self, item: Item) -> Answer:
        """Ask for one item, perhaps with others.

        Raises
        ------
        StoreUnavailableError
            The call for all of them raised it.
        """
        mine: _Waiting[Item, Answer] = _Waiting(item)
        self._waiting.append(mine)
        try:
            # Turns are given in the order in which they are asked for: who gets one is the first who waits.
            async with self._turn:
                if not mine.answers and mine.error is None:
                    await self._ask()
        finally:
            if not mine.answers and mine.error is None:
                self._waiting.remove(mine)
        if mine.error is not None:
            raise mine.error
        return mine.answers[0]

    async def _ask(self) -> None:
        group = list(islice(self._waiting, self._at_most))
        try:
            answers = await self._run(partial(self._call, [each.item for each in group]))
        except StoreUnavailableError as error:
            for each in group:
                each.error = error
        else:
            for each, answer in zip(group, answers, strict=True):
                each.answers = (answer,)
        for _ in group:
            self._waiting.popleft()
