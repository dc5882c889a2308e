"""Detects that the home is published and we do not receive it: a fault that looks like a quiet night."""

import asyncio
from collections.abc import Callable

import structlog

from pipeline.mqtt.connections import at_once, egress_broker, whole
from pipeline.mqtt.names import Message, QoS
from pipeline.settings.sections import LearnSettings
from pipeline.timing.clock import monotonic_s

log = structlog.get_logger(__name__)

# So long is silence nothing: a home at night is silent for hours, one in use seldom for a minute.
DOUBT_S = 60.0
# What is overheard reaches the intake within seconds, a backlog's beginning too.
PATIENCE_S = 10.0
# One may have been published before we were subscribed, or to the witness alone.
SEVERAL = 3
LOOK_S = 0.5


class Doubt:
    """Says when to listen, and when what is heard means that we are deaf. Times are monotonic seconds.

    Examples
    --------
    >>> doubt = Doubt(0.0)
    >>> doubt.is_due(59.0), doubt.is_due(61.0)
    (False, True)
    >>> for at_s in (62.0, 63.0, 64.0): doubt.overhear(at_s)
    >>> doubt.is_deaf(73.0), doubt.is_deaf(74.5)
    (False, True)
    >>> doubt.receive(75.0); doubt.is_due(76.0), doubt.is_deaf(90.0)
    (False, False)
    """

    def __init__(self, now_s: float) -> None:
        self.received = 0
        self._since_s = now_s
        self._overheard: list[float] = []

    def receive(self, now_s: float) -> None:
        """An event came: all is well."""
        self.received += 1
        self.begin_anew(now_s)

    def begin_anew(self, now_s: float) -> None:
        """Count silence from now on, as after a time when nothing could come."""
        self._since_s = now_s
        self._overheard.clear()

    def overhear(self, now_s: float) -> None:
        """Somebody else received an event."""
        if len(self._overheard) < SEVERAL:
            self._overheard.append(now_s)

    def is_due(self, now_s: float) -> bool:
        """Return whether it was silent for so long that somebody else should listen."""
        return now_s - self._since_s >= DOUBT_S

    def is_deaf(self, now_s: float) -> bool:
        """Return whether several were published, and none of them came to us since."""
        return len(self._overheard) == SEVERAL and now_s - self._overheard[-1] >= PATIENCE_S


class Witness:
    """Listens to the home's topic filter beside the durable session, only while that is silent.

    On a connection of its own, at QoS 0 and without a session: it costs nothing while events flow.

    Parameters
    ----------
    settings
        How to reach the broker.
    topic_filter
        Of the home's events.
    can_receive
        Whether events could come now: connected, subscribed, and the store takes them.
    """

    def __init__(self, settings: LearnSettings, topic_filter: str, can_receive: Callable[[], bool]) -> None:
        self._settings = settings
        self._topic_filter = topic_filter
        self._can_receive = can_receive
        self.doubt = Doubt(monotonic_s())

    def receive(self) -> None:
        """An event came through the durable session."""
        self.doubt.receive(monotonic_s())

    async def wait_until_deaf(self) -> None:
        """Return when events are published and do not come to us."""
        while True:
            await asyncio.sleep(LOOK_S)
            if not self._can_receive():
                self.doubt.begin_anew(monotonic_s())
            elif self.doubt.is_due(monotonic_s()) and await self._listen():
                return

    async def _listen(self) -> bool:
        """Listen until an event comes to us, False; or until it is plain that none does, True."""
        log.debug("no event for a while, listening beside", seconds=DOUBT_S)
        broker = egress_broker(self._settings, at_once, None, name="witness")

        @broker.subscriber(self._topic_filter, qos=QoS.AT_MOST_ONCE, decoder=whole, no_reply=True)
        async def overhear(message: Message) -> None:
            # What is retained was published at any time.
            if not message.raw_message.retain:
                self.doubt.overhear(monotonic_s())

        starting = asyncio.create_task(broker.start())
        try:
            while self._can_receive() and self.doubt.is_due(monotonic_s()):
                if self.doubt.is_deaf(monotonic_s()):
                    return True
                await asyncio.sleep(LOOK_S)
            return False
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await broker.stop()
