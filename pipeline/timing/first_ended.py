"""The first of several tasks to end."""

import asyncio
from collections.abc import Collection
from typing import Any


async def first_ended(
    tasks: Collection["asyncio.Task[Any]"], *events: asyncio.Event
) -> "list[asyncio.Task[Any]]":
    """Wait until a task ends or an event is set; return the tasks that have ended, in their order.

    The others go on, and what an ended one raised is raised where its result is asked for.

    Examples
    --------
    >>> async def wait():
    ...     tasks = [asyncio.create_task(asyncio.sleep(s, s)) for s in (0, 60)]
    ...     ended = await first_ended(tasks, asyncio.Event())
    ...     tasks[1].cancel()
    ...     return [task.result() for task in ended]
    >>> asyncio.run(wait())
    [0]
    """
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait({*tasks, *waits}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return [task for task in tasks if task.done()]
