"""Deleting once an hour what need not be kept, and saying what only a person may delete."""

import asyncio

import structlog

from pipeline.health import Health
from pipeline.runtime.clock import HomeTime
from pipeline.wording.sentences import counted
from sinks.store import SqlStore, StoreThread, StoreUnavailableError
from sinks.store.retention import Overdue

log = structlog.get_logger(__name__)

PRUNE_S = 3_600.0
OVERDUE = "days"


class Pruner:
    """Prunes a store while the pipeline runs."""

    def __init__(self, store: SqlStore, thread: StoreThread, home_time: HomeTime, health: Health) -> None:
        self._store = store
        self._thread = thread
        self._time = home_time
        self._health = health

    async def run(self) -> None:
        """Prune now, and every hour."""
        while True:
            try:
                self._say(await self._thread.call(self._prune))
            except StoreUnavailableError as error:
                log.warning("store not pruned, trying again later", error=str(error))
            await asyncio.sleep(PRUNE_S)

    def _prune(self) -> Overdue:
        self._store.prune(now_us=self._time.now_us())
        return self._store.overdue(now_us=self._time.now_us())

    def _say(self, overdue: Overdue) -> None:
        self._health.notices.pop(OVERDUE, None)
        if overdue.is_much:
            self._health.notices[OVERDUE] = (
                f"{counted(len(overdue.past), 'day')} up to {overdue.past[-1]} stay although past their age: "
                "`ha-ai prune` says why, `ha-ai prune --yes` deletes them"
            )
