"""Runs stateless consumers: a connection each, their messages one by one, their loops beside."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from pipeline.health import Health, State
from pipeline.mqtt.connections import AsPublishedBroker, connect, connection_id, egress_broker, subscribe
from pipeline.mqtt.names import Broker, Message, MQTTDisconnectedError
from pipeline.mqtt.outbox import MessageExpiry
from pipeline.runtime.role import IncomingMessage, Loop, RoleContext, StatelessConsumer, Subscriber
from pipeline.settings import Settings
from pipeline.timing.clock import monotonic_s, wall_us
from pipeline.timing.waiting import first_ended
from schemas.home import Home
from schemas.topics import Role
from sinks.store import SqlStore, StoreDamagedError, StoreThread, StoreUnavailableError

log = structlog.get_logger(__name__)

RETRY_S = 0.5
PATIENCE_S = 60.0
LOOP_AGAIN_S = 5.0
LOOK_S = 0.5
Take = Callable[[Message], Awaitable[None]]
Factory = Callable[[RoleContext], StatelessConsumer]


class ConsumerHost:
    """The stateless consumers of one process.

    Parameters
    ----------
    settings, home
        What was set, and where the home is.
    factories
        What makes each consumer that is to run, of a context with all settings.
    outbox_filled
        Set after commits that enqueued messages: what a publisher in this process waits for.
    health
        Where it is told how each of them is, and what the broker refuses, if somebody shows that.
    """

    def __init__(
        self,
        settings: Settings,
        home: Home,
        factories: Mapping[Role, Factory],
        *,
        outbox_filled: asyncio.Event | None = None,
        health: Health | None = None,
    ) -> None:
        self._settings = settings
        self._store = SqlStore(settings.store_url, home=home.id)
        self._thread = StoreThread("consumers-store")
        self._stopping = asyncio.Event()
        self._failed = asyncio.Event()
        self._damage: StoreDamagedError | None = None
        self._under_way: set[asyncio.Future[None]] = set()
        filled = outbox_filled or asyncio.Event()
        self._health = health or Health(learns=False, publishes=False)
        self._consumers: list[tuple[StatelessConsumer, Broker]] = []
        for name, factory in factories.items():
            broker = egress_broker(settings, self._connection_failed, None, name=name, kind=AsPublishedBroker)
            broker.add_middleware(MessageExpiry)
            context = RoleContext(settings, home, self._store, self._thread, broker, filled, self._health)
            self._consumers.append((factory(context), broker))
            self._health.roles[name.value] = State.WAITS

    async def run(self) -> None:
        """Run until `stop`.

        Raises
        ------
        ConnectionError
            A connection to the broker cannot be recovered.
        sinks.store.StoreError
            The store cannot be brought up to date, or is damaged: the next start mends it.
        """
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._thread.call(self._store.migrate)
            tasks = [asyncio.create_task(self._serve(*each)) for each in self._consumers]
            tasks.append(asyncio.create_task(self._note_states()))
            await self._until_one_ends(tasks)
        finally:
            ending = [*tasks, *self._under_way]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            for _, broker in self._consumers:
                await broker.stop()
            self._thread.stop()
            self._store.close()

    def stop(self) -> None:
        """Return from `run`."""
        self._stopping.set()

    async def _until_one_ends(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in await first_ended(tasks, self._stopping, self._failed):
            task.result()
        if self._damage is not None:
            raise self._damage
        if self._failed.is_set() and not self._stopping.is_set():
            raise ConnectionError("a connection to the broker cannot be recovered")

    async def _serve(self, consumer: StatelessConsumer, broker: Broker) -> None:
        """Take messages and run the consumer's loops."""
        for subscriber in consumer.subscribers():
            _subscribe(broker, consumer.name, subscriber, self._under_way, self._store_damaged)
        await connect(broker)
        log.info("consumer runs", consumer=consumer.name.value)
        await asyncio.gather(*(_keep_going(consumer.name, loop) for loop in consumer.loops()))
        await asyncio.Event().wait()

    async def _note_states(self) -> None:
        """Say of each consumer whether its connection stands."""
        while True:
            for consumer, broker in self._consumers:
                state = State.WAITS if connection_id(broker) is None else State.RUNS
                self._health.roles[consumer.name.value] = state
            await asyncio.sleep(LOOK_S)

    async def _connection_failed(self) -> None:
        self._failed.set()

    def _store_damaged(self, error: StoreDamagedError) -> None:
        self._damage = error
        self._failed.set()


async def _keep_going(name: Role, loop: Loop) -> None:
    """Run a loop; one that fails is begun anew a moment later, and ends nothing else."""
    while True:
        try:
            await loop()
        except StoreUnavailableError as error:
            log.warning("loop begun anew, the store is away", consumer=name.value, error=str(error))
        except StoreDamagedError:
            raise
        except Exception:
            log.exception("loop failed, begun anew", consumer=name.value, again_s=LOOP_AGAIN_S)
        else:
            return
        await asyncio.sleep(LOOP_AGAIN_S)


def _subscribe(
    broker: Broker,
    name: Role,
    subscriber: Subscriber,
    under_way: set[asyncio.Future[None]],
    on_damage: Callable[[StoreDamagedError], None],
) -> None:
    """Subscribe; a message is acknowledged when it was handled."""

    async def take(message: Message) -> None:
        try:
            await _handle(name, subscriber, _received(message))
        except StoreDamagedError as error:
            # Not acknowledged: it comes again, once the next start has mended the store.
            on_damage(error)
            return
        try:
            await message.ack()
        except (MQTTDisconnectedError, OSError) as error:
            log.debug("not acknowledged, it may come again", topic=subscriber.topic_filter, error=str(error))

    taking = take if subscriber.at_once == 1 else _several(take, subscriber.at_once, under_way)
    subscribe(broker, subscriber.topic_filter, taking, shared=f"haai-{name}" if subscriber.shared else None)


def _several(take: Take, at_once: int, under_way: set[asyncio.Future[None]]) -> Take:
    """Begin each without waiting for those before it, while fewer than so many are under way."""
    room = asyncio.Semaphore(at_once)

    def end(task: asyncio.Future[None]) -> None:
        room.release()
        under_way.discard(task)

    async def begin(message: Message) -> None:
        await room.acquire()
        task = asyncio.ensure_future(take(message))
        under_way.add(task)
        task.add_done_callback(end)

    return begin


async def _handle(name: Role, subscriber: Subscriber, received: IncomingMessage) -> None:
    """Handle a message; a store that is away is asked again, what fails otherwise is logged and over."""
    deadline_s = monotonic_s() + PATIENCE_S
    while True:
        try:
            await subscriber.handle(received)
        except StoreUnavailableError as error:
            if monotonic_s() < deadline_s:
                await asyncio.sleep(RETRY_S)
                continue
            log.error("message given up, the store is away", consumer=name.value, error=str(error))  # noqa: TRY400 the error says it
        except StoreDamagedError:
            raise
        except Exception:
            log.exception("message could not be handled", consumer=name.value, topic=received.topic)
        return


def _received(message: Message) -> IncomingMessage:
    raw = message.raw_message
    properties = raw.properties
    return IncomingMessage(
        raw.topic,
        raw.payload,
        raw.retain,
        (properties.response_topic or "") if properties else "",
        (properties.correlation_data or b"") if properties else b"",
        wall_us(),
    )
