"""The one loop that writes: batches from the intake, learned, committed, and only then acknowledged."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import structlog

from pipeline.health import Health, Metrics
from pipeline.ingest.decoding import DecodedBatch
from pipeline.learn.allowance import SUBJECT as ALL_REFUSED
from pipeline.learn.allowance import Refusing
from pipeline.learn.learner import HomeLearner
from pipeline.learn.work import Work
from pipeline.mqtt.intake import Intake, Pending, Sight
from pipeline.runtime.clock import HomeTime, waiting_in_words
from pipeline.runtime.heap import give_back
from pipeline.timing.clock import monotonic_s, wall_us
from schemas.events import StateChange
from schemas.patterns import PatternType
from sinks.store import Held, StoreThread, StoreUnavailableError

log = structlog.get_logger(__name__)
T = TypeVar("T")

PATIENCE_S = 0.25
THINK_S = 0.02
STEADY_S = 10.0
TAKE_BACK_S = 60.0
QUARANTINE = "quarantine"
AHEAD = "days ahead"
# Longer than a machine without a clock of its own takes to learn the time after it started.
AGREED_S = 3_600.0
BACKOFF_S = (0.1, 0.25, 0.5, 1.0, 2.0)


class Committer:
    """Group commit of one home.

    Parameters
    ----------
    intake
        Where messages wait.
    learner
        What learns and writes them.
    held
        The lease that fences every transaction; None where nobody else can be there.
    thread
        The store's one thread: what runs in it never overlaps.
    batch_size, linger_s
        Messages a commit at most, and how long the first waits for others.
    """

    def __init__(
        self,
        intake: Intake,
        learner: HomeLearner,
        *,
        held: Held | None,
        thread: StoreThread,
        health: Health,
        metrics: Metrics,
        outbox_filled: asyncio.Event,
        batch_size: int = 200,
        linger_s: float = 0.02,
        home_time: HomeTime | None = None,
    ) -> None:
        self._intake = intake
        self._learner = learner
        self._held = held
        self._thread = thread
        self._health = health
        self._metrics = metrics
        self._outbox_filled = outbox_filled
        self._batch_size = batch_size
        self._linger_s = linger_s
        self._time = home_time or HomeTime()
        self._take_back_at_s = monotonic_s() + STEADY_S
        self._agreed_since_s: float | None = None
        self._stopping = False
        self.sight_noted = asyncio.Event()
        self._refusing = Refusing()

    async def run(self) -> None:
        """Commit until `stop`; raises `LeaseLostError` when the home is somebody else's."""
        while not self._stopping or len(self._intake):
            sight = self._intake.take_sight()
            if sight is not None:
                await self._note(sight)
            patience_s = 0.0 if self._learner.thinking or self._stopping else PATIENCE_S
            batch = await self._intake.take(
                self._batch_size, patience_s=patience_s, linger_s=0.0 if self._stopping else self._linger_s
            )
            if batch:
                await self._commit(batch)
            if self._learner.thinking:
                await self._write(await self._retry(lambda: self._learner.judge_for(THINK_S)))
                if not self._learner.thinking:
                    self._count_patterns()
                    await self._thread.call(give_back)
            if self._learner.late:
                await self._write(await self._retry(self._learner.settle))
            if monotonic_s() >= self._take_back_at_s:
                await self._take_back()
        await self._write(self._learner.checkpoint())

    def stop(self) -> None:
        """Commit what is taken in, and return from `run`."""
        self._stopping = True

    def clock_was_set(self) -> None:
        """Tell that the clock jumped: what waits for it is looked at again once it is steady."""
        self._take_back_at_s = monotonic_s() + STEADY_S

    async def _note(self, sight: Sight) -> None:
        """Note what became of the connection, at the home's time."""
        sight = sight._replace(at_us=sight.at_us + self._time.now_us() - wall_us())
        work = await self._retry(lambda: self._learner.note_sight(sight))
        await self._write(work)
        self._count_gaps(work)
        self.sight_noted.set()

    async def _commit(self, batch: list[Pending]) -> None:
        messages = [pending.message for pending in batch]
        decoded = await self._retry(lambda: self._learner.decode(messages))
        if decoded.heard_us:
            self._time.hear(decoded.heard_us)
        work = await self._retry(lambda: self._learner.prepare(decoded))
        await self._write(work)
        self._health.last_taken_s = monotonic_s()
        await self._intake.acknowledge(batch)
        self._count(work, len(batch))

    async def _take_back(self) -> None:
        """Take what waited and the clock now lets pass, a part at a time; say what goes on waiting."""
        moved_us = self._time.moved_us()
        await self._write(
            await self._thread.call(lambda: self._learner.clip_gaps(self._time.now_us(), moved_us))
        )
        work = await self._retry(lambda: self._learner.take_back(self._time.now_us()))
        await self._write(work)
        self._metrics.entries.inc(len(work.unseen))
        self._metrics.entries_total += len(work.unseen)
        await self._look_ahead()
        if work.released:
            log.info("events taken whose time the clock did not believe before", count=len(work.released))
            return
        self._take_back_at_s = monotonic_s() + TAKE_BACK_S
        extent = await self._retry(self._learner.waiting)
        self._health.notices.pop(QUARANTINE, None)
        if extent.total:
            self._health.notices[QUARANTINE] = waiting_in_words(extent.reasons, self._learner.pushed_out)

    async def _look_ahead(self) -> None:
        """Go on from now where later events were learned, once all clocks have agreed on it for an hour."""
        now_us, now_s = self._time.now_us(), monotonic_s()
        self._health.notices.pop(AHEAD, None)
        if not self._learner.is_ahead(now_us):
            self._agreed_since_s = None
            return
        self._health.notices[AHEAD] = (
            "events of days to come were learned: a clock was wrong then, or is now. Set up NTP; once Home "
            "Assistant's clock and this machine's agree for an hour, it goes on from today by itself"
        )
        if not self._time.agrees():
            self._agreed_since_s = None
        elif self._agreed_since_s is None:
            self._agreed_since_s = now_s
        elif now_s - self._agreed_since_s >= AGREED_S:
            log.warning("events of days to come were learned, going on from now")
            await self._write(await self._thread.call(lambda: self._learner.turn_back(now_us)))

    async def _write(self, work: Work) -> None:
        if not work:
            return
        started_s = monotonic_s()
        now_us = self._time.now_us()
        await self._retry(lambda: self._learner.write(work, holder=self._held, now_us=now_us))
        committed_s = monotonic_s()
        self._metrics.commit.observe(committed_s - started_s)
        self._metrics.days.inc(len(work.closed))
        if work.outgoing or work.decoded.letters:
            self._outbox_filled.set()
        if work.decoded.heartbeat_us:
            self._health.last_heartbeat_s = committed_s

    async def _retry(self, call: Callable[[], T]) -> T:
        """Run in the store's thread, again while the store is away; messages stay unacknowledged."""
        attempt = 0
        while True:
            try:
                result = await self._thread.call(call)
            except StoreUnavailableError as error:
                self._metrics.store_errors.inc()
                if not self._health.degraded:
                    log.warning("store unavailable, messages wait unacknowledged", error=str(error))
                self._health.degraded = str(error)
                await asyncio.sleep(BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)])
                attempt += 1
            else:
                if self._health.degraded:
                    log.info("store available again", after_attempts=attempt)
                    self._health.degraded = ""
                return result

    def _count(self, work: Work, messages: int) -> None:
        metrics, decoded = self._metrics, work.decoded
        metrics.messages.inc(messages)
        metrics.entries.inc(len(work.unseen))
        metrics.entries_total += len(work.unseen)
        metrics.duplicates.inc(len(decoded.entries) - len(work.unseen))
        for letter in decoded.letters:
            metrics.dead_letters.labels(letter.reason).inc(letter.count)
        self._say_floods()
        self._say_refusing(decoded)
        for each in work.waiting:
            metrics.quarantined.labels(each.reason).inc()
        if decoded.letters:
            first = decoded.letters[0]
            log.warning(
                "messages could not be taken",
                count=sum(letter.count for letter in decoded.letters),
                correlation_id=first.message_id,
                topic=first.topic,
                reason=first.reason,
                detail=first.detail,
            )
        self._count_gaps(work)
        self._health.waiting = len(self._intake)
        metrics.waiting.set(self._health.waiting)
        latest_us = max(
            (entry.at_us for entry in decoded.entries.values() if isinstance(entry, StateChange)), default=0
        )
        if latest_us:
            self._health.lag_s = max(0.0, (self._time.now_us() - latest_us) / 1e6)
            metrics.lag.set(self._health.lag_s)

    def _count_gaps(self, work: Work) -> None:
        for gap in work.gaps:
            self._metrics.gaps.labels(gap.reason).inc()
            log.info("gap recorded", reason=gap.reason, seconds=round((gap.to_us - gap.from_us) / 1e6, 1))

    def _say_refusing(self, decoded: DecodedBatch) -> None:
        """Say where everything that comes is refused."""
        refused = Counter(each.reason for each in decoded.untimely)
        for letter in decoded.letters:
            refused[letter.reason] += letter.count
        topics = [each.topic for each in decoded.letters] + [each.topic for each in decoded.untimely]
        self._refusing.note(len(decoded.entries), refused, topics[-1] if topics else "", monotonic_s())
        words = self._refusing.words()
        # While a clock that was set is not believed yet, what comes waits, and that is said of the clock.
        if words and not self._time.is_doubted:
            self._health.faults[ALL_REFUSED] = words
        else:
            self._health.faults.pop(ALL_REFUSED, None)

    def _say_floods(self) -> None:
        """Say what is flooded, for as long as it is."""
        notices, floods = self._health.notices, self._learner.floods()
        for subject in [each for each in notices if each.startswith("flood: ") and each not in floods]:
            del notices[subject]
        notices.update(floods)

    def _count_patterns(self) -> None:
        kinds = Counter(pattern.pattern_type.value for pattern in self._learner.core.ledger.active.values())
        for kind in PatternType:
            self._metrics.patterns.labels(kind.value).set(kinds[kind.value])
