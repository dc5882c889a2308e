"""The running pipeline of one home: its connections and loops, from lease to release."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import structlog

from detectors.registry import detectors
from pipeline.core.core import LearningCore
from pipeline.core.messages import Announcer
from pipeline.health import Health, Metrics
from pipeline.history.damage import look_at_key, newest_copy, tell_damage
from pipeline.history.row_mending import mend_rows
from pipeline.ingest.bounds import Clock, WallClock
from pipeline.ingest.decoding import BatchDecoder
from pipeline.ingest.inputs import HomeAssistantInput, stream_of
from pipeline.learn.committer import Committer
from pipeline.learn.connection_watch import WATCH_S, ConnectionWatch
from pipeline.learn.deafness import Deafness
from pipeline.learn.learner import HomeLearner
from pipeline.learn.pruning import Pruner
from pipeline.learn.witness import Witness
from pipeline.mqtt.client import NotOwnerError
from pipeline.mqtt.connections import (
    connect,
    connection_id,
    detach,
    durable_broker,
    egress_broker,
    last_will,
    status_message,
    subscribe,
)
from pipeline.mqtt.intake import Intake
from pipeline.mqtt.names import Message, MQTTError
from pipeline.mqtt.outbox import Egress, MessageExpiry, publish
from pipeline.mqtt.refusals import Kind, Refusals, kind_of
from pipeline.runtime.clock import HomeTime
from pipeline.runtime.clock_watch import ClockWatch
from pipeline.runtime.errors import FatalError
from pipeline.runtime.ownership import Ownership
from pipeline.runtime.rival import Rival, store_mark
from pipeline.runtime.role import STATEFUL
from pipeline.settings.sections import LearnSettings
from pipeline.timing.clock import monotonic_s
from pipeline.timing.waiting import first_ended
from schemas.home import Home
from schemas.outgoing import Outgoing
from schemas.topics import Role, Topics
from sinks.store import Held, LeaseLostError, SqlStore, StoreThread, StoreUnavailableError

log = structlog.get_logger(__name__)

DRAIN_S = 10.0
GOODBYE_S = 3.0
SAY_AGAIN_S = 60.0
COMMIT_LOOP = 0
LEASE_LOST = "the lease was lost: another process owns the home"
T = TypeVar("T")
Loop = Callable[[], Coroutine[object, object, None]]


class Service:
    """One home's pipeline.

    Parameters
    ----------
    settings, home
        What was set, and where the home is.
    consumers
        Which of the two run in this process: learning, publishing.
    clock
        What event times are checked against; a replay into its own broker brings its own.
    health, metrics
        Those of the process, where others run in it.
    """

    def __init__(
        self,
        settings: LearnSettings,
        home: Home,
        *,
        consumers: frozenset[Role] = STATEFUL,
        clock: Clock | None = None,
        health: Health | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.settings = settings
        self.home = home
        self.consumers = consumers
        self._learns = Role.LEARN in consumers
        self.health = health or Health(learns=self._learns, publishes=Role.PUBLISH in consumers)
        self.metrics = metrics or Metrics()
        self.learner: HomeLearner | None = None
        self._committer: Committer | None = None
        self.outbox_filled = asyncio.Event()
        self._failed = asyncio.Event()
        self._stopping = asyncio.Event()
        self.store = SqlStore(settings.store_url, home=self.home.id)
        self._thread = StoreThread()
        self._ownership = Ownership(self.store.leases, "p0", ttl_s=settings.lease_s, thread=self._thread)
        self._time = HomeTime()
        self._intake = Intake(now_us=self._time.now_us)
        self._rival = Rival(settings, self.health)
        self._refusals = Refusals(self.health, settings.topics.everything)
        self.ingest = durable_broker(
            settings,
            self._connection_failed,
            permission=self._ownership.valid,
            room=self._intake.room,
            displaced=self._displaced,
            tell=self._intake.put_sight,
        )
        stream = stream_of(settings.input, settings.eventstream_topic, settings.statestream_topic)
        topics = settings.topics
        own = (settings.status_topic, topics.heartbeat, topics.learning_set)
        self._witness = Witness(settings, stream.topic_filter, self._can_receive)
        subscribe(self.ingest, stream.topic_filter, self._take_event)
        for topic_filter in own:
            subscribe(self.ingest, topic_filter, self._intake.put)
        subscribe(self._rival.ear, topics.analysis_run, self._take_request)
        self._decoder = BatchDecoder(
            HomeAssistantInput(stream, status_topic=settings.status_topic),
            clock or WallClock(),
            heartbeat_topic=topics.heartbeat,
            learning_topic=topics.learning_set,
        )
        goodbye = last_will(settings.topics) if self._learns else None
        self.egress = egress_broker(settings, self._connection_failed, goodbye)
        self.egress.add_middleware(MessageExpiry)

    async def run(self) -> None:
        """Run until `stop`.

        Raises
        ------
        FatalError
            A connection cannot be recovered, the lease is lost, or nothing is committed any more.
        """
        starting = asyncio.create_task(self._start())
        tasks: list[asyncio.Task[None]] = []
        try:
            if await self._unless_stopped({starting}):
                tasks = [asyncio.create_task(loop()) for loop in starting.result()]
                await self._unless_stopped({*tasks})
        finally:
            starting.cancel()
            await self._shut_down(tasks)

    def stop(self) -> None:
        """Commit what was received and return from `run`."""
        self._stopping.set()
        if self._committer is not None:
            self._committer.stop()

    async def _start(self) -> list[Loop]:
        await self._thread.call(self.store.migrate)
        watch = ConnectionWatch(self.ingest, self.egress, self.health, self.settings.broker_url)
        loops: list[Loop] = [self._watch_failure, watch.run, self._give_out]
        if self._learns:
            said = [self._heartbeat, self._say_status, self._say_session, self._listen]
            loops = [*await self._start_learning(), *loops, *said]
        return loops

    async def _start_learning(self) -> list[Loop]:
        """Own the home and recover it; the commit loop is the first of what to run."""
        held = await self._ownership.acquire()
        self.health.owner = True
        log.info("owner of the home", home=self.home.id, epoch=held.epoch)
        core = LearningCore(
            self.home,
            detectors(self.settings.of_kinds),
            entity_cap=self.settings.entity_cap,
            retain_days=self.settings.retain_days,
        )
        announcer = Announcer(self.home.id, self.settings.topics, self.home.zone)
        learner = HomeLearner(self.store, core, self._decoder, announcer)
        await self._thread.call(partial(mend_rows, self.store, self.home, newest_copy(self.settings)))
        await self._thread.call(partial(look_at_key, self.store, self.settings))
        await self._thread.call(learner.recover)
        self._rival.introduce(await self._thread.call(partial(store_mark, self.store)))
        self.learner = learner
        self._committer = Committer(
            self._intake,
            learner,
            held=held,
            thread=self._thread,
            health=self.health,
            metrics=self.metrics,
            outbox_filled=self.outbox_filled,
            batch_size=self.settings.batch_size,
            linger_s=self.settings.linger_ms / 1000,
            home_time=self._time,
        )
        watch = ClockWatch(
            self._time,
            self.health,
            address=self.settings.home_assistant_url,
            was_set=self._committer.clock_was_set,
        )
        return [
            self._commit,
            self._take_in,
            self._keep_lease,
            self._watchdog,
            self._deafness(held, self._committer).run,
            Pruner(self.store, self._thread, self._time, self.health).run,
            partial(tell_damage, self._thread.call, self.store, self.settings, self.health),
            watch.run,
        ]

    async def _take_in(self) -> None:
        """Connect. The commit loop runs already: a full intake would hold up the SUBACKs."""
        await self._rival.give_way()
        try:
            await connect(self.ingest)
        except NotOwnerError as error:
            raise self._no_owner(LEASE_LOST) from error
        await self._failed.wait()

    async def _give_out(self) -> None:
        await connect(self.egress)
        if Role.PUBLISH in self.consumers:
            egress = Egress(
                self.store,
                self.egress,
                thread=self._thread,
                health=self.health,
                metrics=self.metrics,
                filled=self.outbox_filled,
                refusals=self._refusals,
            )
            await egress.run()
        await self._failed.wait()

    async def _unless_stopped(self, tasks: set[asyncio.Task[Any]]) -> bool:
        """Wait for a task to end, and raise what it raises; False when `stop` came first."""
        for task in await first_ended(tasks, self._stopping):
            task.result()
        return not self._stopping.is_set()

    async def _shut_down(self, tasks: list[asyncio.Task[None]]) -> None:
        """Detach, commit what was taken, acknowledge it, say goodbye; the session stays at the broker."""
        await detach(self.ingest)
        if self._stopping.is_set() and self._committer is not None and tasks:
            await asyncio.wait([tasks[COMMIT_LOOP]], timeout=DRAIN_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._say_goodbye()
        await self.ingest.stop()
        await self.egress.stop()
        await self._rival.ear.stop()
        try:
            await self._ownership.release()
        except StoreUnavailableError as error:
            log.warning("lease not released, it will run out", error=str(error))
        self._thread.stop()
        self.store.close()

    async def _commit(self) -> None:
        if self._committer is None:
            return
        try:
            await self._committer.run()
        except LeaseLostError as error:
            raise self._no_owner(str(error)) from error

    async def _keep_lease(self) -> None:
        await self._ownership.keep()
        raise self._no_owner(LEASE_LOST)

    def _no_owner(self, reason: str) -> FatalError:
        """The end of a process whose home is another's: so is what is said of it."""
        self.health.owner = False
        return FatalError(reason)

    async def _watch_failure(self) -> None:
        await self._failed.wait()
        raise FatalError("a connection to the broker cannot be recovered")

    async def _connection_failed(self) -> None:
        self._failed.set()

    def _deafness(self, held: Held, committer: Committer) -> Deafness:
        session = (held, committer, self._intake, self.ingest)
        return Deafness(self.settings, self._witness, self.store, self._thread, *session, self.health)

    async def _take_event(self, message: Message) -> None:
        self._witness.receive()
        await self._intake.put(message)

    async def _take_request(self, message: Message) -> None:
        """Let the days be judged anew because a person asks for it; what was retained nobody asks now."""
        if self.learner is not None and not message.raw_message.retain:
            log.info("judging anew, as a person asks")
            self.learner.request_judgement(uuid.uuid4().hex)
        with suppress(MQTTError, OSError):
            await message.ack()

    def _can_receive(self) -> bool:
        """Return whether an event would come to the intake at once, were there one."""
        health = self.health
        return health.owner and health.connected and not health.degraded and not len(self._intake)

    async def _heartbeat(self) -> None:
        while True:
            now = str(self._time.now_us()).encode()
            beat = Topics.heartbeat.outgoing(self.settings.topics, uuid.uuid4().hex, now)
            if not await self._try_publish(beat) and self.settings.topics.heartbeat in self._refusals.topics:
                # Nothing can come back that does not go out; a new process would be refused, too.
                self.health.last_heartbeat_s = monotonic_s()
            await asyncio.sleep(self.settings.heartbeat_s)

    async def _watchdog(self) -> None:
        """Exit when no message comes through broker and store, not even our heartbeat, while both are there.

        Behind a large backlog the heartbeat is late, or expires; what is committed meanwhile is a sign too.
        A quiet home gives no other sign, so at least two heartbeats are waited for.
        """
        patience_s = max(self.settings.watchdog_s, 2 * self.settings.heartbeat_s)
        while True:
            await asyncio.sleep(min(5.0, patience_s / 4))
            if self.health.degraded or not (self.health.publishing and self.health.connected):
                self.health.last_heartbeat_s = monotonic_s()
            elif monotonic_s() - self.health.last_sign_s > patience_s:
                raise FatalError(f"no message was committed for {patience_s:.0f} s")

    async def _say_status(self) -> None:
        """Say how it goes when that changes, and now and then: a former owner's will may come after it."""
        said, known, said_s = "", None, 0.0
        while True:
            state = "degraded" if self.health.problems() else "online"
            current = connection_id(self.egress)
            due = (state, current) != (said, known) or monotonic_s() - said_s >= SAY_AGAIN_S
            if due and await self._try_publish(status_message(self.settings.topics, state)):
                said, known, said_s = state, current, monotonic_s()
            elif self.settings.topics.service in self._refusals.topics:
                await asyncio.sleep(self._rival.every_s)
            await asyncio.sleep(0.5)

    async def _displaced(self, was_taken: bool) -> None:  # noqa: FBT001 as `Displaced` is called
        await self._rival.stand_by(was_taken=was_taken)

    async def _listen(self) -> None:
        """Hear who else says that the session is theirs."""
        await connect(self._rival.ear)
        await self._failed.wait()

    async def _say_session(self) -> None:
        """Say that the session is ours, at once and every few seconds, as long as that is so."""
        known, said_s = None, 0.0
        while True:
            current = connection_id(self.ingest)
            is_due = current != known or monotonic_s() - said_s >= self._rival.every_s
            if current is not None and is_due and await self._try_publish(self._rival.sign()):
                known, said_s = current, monotonic_s()
            elif self.settings.topics.session in self._refusals.topics:
                await asyncio.sleep(self._rival.every_s)
            await asyncio.sleep(min(WATCH_S, self._rival.every_s))

    async def _say_goodbye(self) -> None:
        """Say offline, unless another process is there; a broker that does not answer is not waited for."""
        if self.health.owner:
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await self._try_publish(self._rival.farewell())
                    await self._try_publish(status_message(self.settings.topics, "offline"))

    async def _try_publish(self, message: Outgoing) -> bool:
        if connection_id(self.egress) is None:
            return False
        try:
            await publish(self.egress, message)
        except (MQTTError, OSError) as error:
            log.debug("not published", topic=message.topic, error=str(error))
            if kind_of(error) is not Kind.LOST:
                self._refusals.refused(message.topic, len(message.payload), error)
            return False
        self._refusals.accepted(message.topic)
        return True
