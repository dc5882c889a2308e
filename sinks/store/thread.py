"""The one thread in which a process works on its store, so that its event loop never waits for a disk."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

T = TypeVar("T")


class StoreThread:
    """Thread that runs one piece of work on the store after the other, in the order in which they came.

    Parameters
    ----------
    name
        How the thread is called, where threads are listed.

    Examples
    --------
    >>> with StoreThread() as thread:
    ...     asyncio.run(thread.call(lambda: 6 * 7))
    42
    """

    def __init__(self, name: str = "store") -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def call(self, work: Callable[[], T]) -> T:
        """Return what some work returns, or raise what it raises.

        Who is cancelled meanwhile goes on at once; the work that has begun is done to its end.
        """
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def stop(self) -> None:
        """Return when all work is done; there can be no more."""
        self._executor.shutdown(wait=True)
