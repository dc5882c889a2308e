"""One call for all who ask at once: what a transaction costs is paid by hundreds together."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

from sinks.store import StoreUnavailableError

AT_MOST = 200

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Run = Callable[[Callable[[], Sequence[Answer]]], Awaitable[Sequence[Answer]]]


class Together(Generic[Item, Answer]):
    """Asks for several items at once: while one call is under way, those who come gather for the next.

    Who comes alone waits for nobody. Answers are given in the order of the items, and so are the calls: those
    of one call at one turn of the loop, so that what each does with it is done together as well.

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
    ([0, 2, 4, 6, 8], [5])
    """

    def __init__(
        self, run: Run[Answer], call: Callable[[Sequence[Item]], Sequence[Answer]], at_most: int = AT_MOST
    ) -> None:
        self._run = run
        self._call = call
        self._at_most = at_most
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Answer:
        """Ask for one item, perhaps with others.

        Raises
        ------
        StoreUnavailableError
            The call for all of them raised it.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_for_all())
        return await answer

    async def _ask_for_all(self) -> None:
        try:
            while self._waiting:
                await self._ask()
        finally:
            # Empty but where we were cancelled, in a loop that ends.
            for _, answer in self._waiting:
                answer.cancel()
            self._waiting.clear()

    async def _ask(self) -> None:
        """Ask for those who wait, and have not gone away."""
        group = self._next()
        if not group:
            return
        try:
            answers = await self._run(partial(self._call, [item for item, _ in group]))
        except StoreUnavailableError as error:
            for _, answer in group:
                _fail(answer, error)
        except Exception as error:  # noqa: BLE001 whoever asked raises it
            # Perhaps the fault of one: the others are asked for without it.
            _fail(group[0][1], error)
            self._waiting.extendleft(reversed(group[1:]))
        except BaseException:
            self._waiting.extendleft(reversed(group))
            raise
        else:
            for (_, answer), found in zip(group, answers, strict=True):
                if not answer.done():
                    answer.set_result(found)

    def _next(self) -> list[tuple[Item, "asyncio.Future[Answer]"]]:
        group: list[tuple[Item, asyncio.Future[Answer]]] = []
        while self._waiting and len(group) < self._at_most:
            item, answer = self._waiting.popleft()
            if not answer.done():
                group.append((item, answer))
        return group


def _fail(answer: "asyncio.Future[Answer]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
