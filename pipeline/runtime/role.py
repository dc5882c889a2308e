"""Protocol of a stateless consumer, and the context that it works with."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol

from typing_extensions import TypeVar

from pipeline.health import Health
from pipeline.mqtt.client import SteadyBroker
from pipeline.mqtt.names import MQTTError
from pipeline.mqtt.outbox import publish
from pipeline.mqtt.refusals import Kind, Refusals, kind_of
from pipeline.settings.sections import RoleSettings
from pipeline.timing.clock import wall_us
from schemas.home import Home
from schemas.outgoing import Outgoing
from schemas.topics import Role
from sinks.store import SqlStore, StoreThread

T = TypeVar("T")
Section_co = TypeVar("Section_co", bound=RoleSettings, covariant=True, default=Any)
Loop = Callable[[], Coroutine[object, object, None]]


# Enough for what a transaction costs to be shared by many, and little memory.
AT_ONCE = 400
STATEFUL = frozenset({Role.LEARN, Role.PUBLISH})


class IncomingMessage(NamedTuple):
    """An MQTT message as a consumer gets it."""

    topic: str
    payload: bytes
    retain: bool
    response_topic: str
    correlation: bytes
    received_us: int


class Subscriber(NamedTuple):
    """Topic filter that a consumer subscribes to, and how.

    Of the instances of a consumer one gets each message, unless it is not `shared`: then all do. Messages are
    handled one by one, or so many `at_once`, begun in their order.
    """

    topic_filter: str
    handle: Callable[[IncomingMessage], Awaitable[None]]
    shared: bool = True
    at_once: int = 1


class StatelessConsumer(Protocol):
    """Works on what it receives and on the store; holds nothing that another instance could miss."""

    name: Role

    def subscribers(self) -> Sequence[Subscriber]:
        """Return the consumer's subscriptions; no two filters match one topic."""

    def loops(self) -> Sequence[Loop]:
        """Return the loops that run beside its messages until they are cancelled."""


@dataclass(slots=True)
class RoleContext(Generic[Section_co]):
    """Context of a consumer: its section of the settings, the home, its store, and its own connection.

    `outbox_filled` is set after a commit that enqueued messages, so that they leave at once. `health` is the
    process's, where its service learns or publishes.
    """

    settings: Section_co
    home: Home
    store: SqlStore
    thread: StoreThread
    broker: SteadyBroker
    outbox_filled: asyncio.Event = field(default_factory=asyncio.Event)
    health: Health = field(default_factory=Health)
    refusals: Refusals = field(init=False)

    def __post_init__(self) -> None:
        self.refusals = Refusals(self.health, self.settings.topics.everything)

    async def ask(self, call: Callable[[], T]) -> T:
        """Call something on the store's thread.

        Raises
        ------
        sinks.store.StoreUnavailableError
            The store is locked, full or away; nothing was kept.
        """
        return await self.thread.call(call)

    async def commit(self, call: Callable[[], T]) -> T:
        """Call something that writes to the store and its outbox, and let the outbox know."""
        result = await self.ask(call)
        self.outbox_filled.set()
        return result

    async def publish(self, message: Outgoing) -> bool:
        """Publish past the outbox: what is retained and said again, or awaited for a moment only.

        False where the broker refuses it, which health tells.

        Raises
        ------
        MQTTError, OSError
            There is no connection.
        """
        try:
            await publish(self.broker, message)
        except (MQTTError, OSError) as error:
            if kind_of(error) is Kind.LOST:
                raise
            self.refusals.refused(message.topic, len(message.payload), error)
            return False
        self.refusals.accepted(message.topic)
        return True

    def now_us(self) -> int:
        """UTC microseconds."""
        return wall_us()
