"""Remedies where events are published and do not come to us: a new process, then a new session."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import structlog

from pipeline.health import Health
from pipeline.learn.committer import Committer
from pipeline.learn.witness import Witness
from pipeline.mqtt.connections import discard_session
from pipeline.mqtt.durable_session import DurableBroker
from pipeline.mqtt.intake import Intake, Sight
from pipeline.runtime.errors import FatalError
from pipeline.settings.sections import LearnSettings
from pipeline.timing.clock import wall_us
from sinks.store import Held, SqlStore, StoreThread

log = structlog.get_logger(__name__)

SUBJECT = "receipt"
SNAPSHOT = "deaf"
# A new process hears within minutes whether it is deaf, too.
AGAIN_US = 3_600_000_000
PATIENCE_S = 10.0
WORDS = (
    "the home is published, but not received: another client gets its events from the broker, this one none "
    "although it is connected. It is started anew"
)
WITH_A_NEW_SESSION = (
    f"{WORDS}, for the second time, so with a new session at the broker: what was published meanwhile is in "
    "a gap. If it comes again, look at the broker's log and its access rules, or update the broker"
)


@dataclass(frozen=True)
class Deafness:
    """Ends a process that hears nothing of what is published; the second time in a row its session, too."""

    settings: LearnSettings
    witness: Witness
    store: SqlStore
    thread: StoreThread
    held: Held
    committer: Committer
    intake: Intake
    ingest: DurableBroker
    health: Health

    async def run(self) -> None:
        """Wait until it is so; then say it, keep since when, and raise `FatalError`."""
        await self.witness.wait_until_deaf()
        again = await self.thread.call(self._is_again)
        self.health.faults[SUBJECT] = words = WITH_A_NEW_SESSION if again else WORDS
        log.error("published, but not received", new_session=again)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._keep_since_when()
                if again:
                    await self.ingest.stop()
                    await discard_session(self.settings)
        raise FatalError(words)

    async def _keep_since_when(self) -> None:
        self.committer.sight_noted.clear()
        self.intake.put_sight(Sight(wall_us(), stands=False, is_deaf=True))
        await self.committer.sight_noted.wait()

    def _is_again(self) -> bool:
        """Note that this process is deaf; True where the one before was, and this one never heard."""
        now_us, before = wall_us(), self.store.snapshot(SNAPSHOT)
        never = not self.witness.doubt.received
        again = before is not None and never and 0 <= now_us - int(before.payload) < AGAIN_US
        noted = b"0" if again else str(now_us).encode()
        with self.store.begin(holder=self.held) as transaction:
            transaction.save_snapshot(SNAPSHOT, noted, version=1, applied_seq=0)
        return again
