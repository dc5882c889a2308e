"""Queue of messages between the broker and the store: taken in order, acknowledged after commit."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from faststream.mqtt import MQTTMessage
from zmqtt import MQTTDisconnectedError

from pipeline.ingest.messages import Message
from pipeline.timing.clock import monotonic_s, wall_us


class Sight(NamedTuple):
    """The connection was lost, or stands again: then all topic filters are subscribed.

    `resumed` says whether the broker still had our session. It need not be the one that we left: mosquitto,
    killed, comes back with the one that it saved last. `is_deaf` says of a loss that the connection stood,
    and that events did not come through it: then no heartbeat proves anything.
    """

    at_us: int
    stands: bool
    resumed: bool = False
    is_deaf: bool = False


COMING_S = 0.003
# A thousand of the largest messages would be a gigabyte.
LARGEST_WAITING_BYTES = 16_777_216

Acknowledge = Callable[[], Awaitable[None]]


class Pending(NamedTuple):
    """A received message and the way to acknowledge it."""

    message: Message
    acknowledge: Acknowledge


class Intake:
    """A queue of unacknowledged messages, bounded by their number and their bytes.

    `room` waits while it is full: the connection reads on only then. `put` itself never waits, so that what
    was read before always finds its place.
    """

    def __init__(
        self,
        limit: int = 1_000,
        limit_bytes: int = LARGEST_WAITING_BYTES,
        *,
        now_us: Callable[[], int] = wall_us,
    ) -> None:
        self._now_us = now_us
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._waiting: deque[Pending | Sight] = deque()
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self.lost_acknowledgements = 0

    def __len__(self) -> int:
        return len(self._waiting)

    async def put(self, message: MQTTMessage) -> None:
        """Take a message from the subscriber."""
        raw = message.raw_message
        received_us = self._now_us()
        self._bytes += len(raw.payload)
        self._waiting.append(
            Pending(Message(raw.topic, raw.payload, received_us, retain=raw.retain), message.ack)
        )
        self._filled.set()

    def put_sight(self, sight: Sight) -> None:
        """Take what became of the connection, behind the messages that came before it."""
        self._waiting.append(sight)
        self._filled.set()

    def take_sight(self) -> Sight | None:
        """Return the news of the connection, where that is what comes next."""
        if self._waiting and isinstance(self._waiting[0], Sight):
            sight = self._waiting[0]
            self._waiting.popleft()
            return sight
        return None

    async def room(self) -> None:
        """Wait until there is room."""
        while len(self._waiting) >= self._limit or self._bytes >= self._limit_bytes:
            self._drained.clear()
            await self._drained.wait()

    async def take(self, limit: int, *, patience_s: float, linger_s: float) -> list[Pending]:
        """Up to `limit` messages in order; waits `patience_s` for the first and `linger_s` for company.

        None comes from behind a `Sight`. It lingers only while more are coming: a broker with a window of
        twenty sends no more until these are acknowledged.
        """
        if not self._waiting:
            self._filled.clear()
            try:
                async with asyncio.timeout(patience_s):
                    await self._filled.wait()
            except TimeoutError:
                return []
        until_s, before = monotonic_s() + linger_s, 0
        while before < len(self._waiting) < limit and monotonic_s() < until_s:
            before = len(self._waiting)
            await asyncio.sleep(min(COMING_S, linger_s))
        taken: list[Pending] = []
        while self._waiting and len(taken) < limit and isinstance(self._waiting[0], Pending):
            taken.append(self._waiting[0])
            self._waiting.popleft()
        self._bytes -= sum(len(pending.message.payload) for pending in taken)
        self._drained.set()
        return taken

    async def acknowledge(self, batch: list[Pending]) -> None:
        """Acknowledge committed messages in order; those of a lost connection the broker will send again."""
        for pending in batch:
            try:
                await pending.acknowledge()
            except (MQTTDisconnectedError, OSError):
                self.lost_acknowledgements += 1
