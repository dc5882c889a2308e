"""Publishing in order, a bounded number at a time, over broken connections too."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from pipeline.mqtt.terminal_client import MqttError, TerminalClient
from pipeline.settings.groups import BrokerSettings
from pipeline.simulation.playback.publications import Publication
from pipeline.timing.clock import monotonic_s

IN_FLIGHT = 200
PATIENCE_S = 60.0
RETRY_S = 0.5


class RefusedError(Exception):
    """The broker does not let us publish."""


class Player:
    """Publishes chunks of messages, each chunk once the one before it was acknowledged.

    What was not acknowledged when the connection broke goes again, before anything after it: so at QoS 1
    nothing is lost, some messages go twice, and the order stays.

    Parameters
    ----------
    settings
        The broker.
    qos
        0 or 1.
    patience_s
        How long a broker that was there may be away.

    Attributes
    ----------
    published
        Messages that the broker has taken.
    outages
        Times that the connection broke.
    """

    def __init__(self, settings: BrokerSettings, *, qos: int = 1, patience_s: float = PATIENCE_S) -> None:
        self.published = 0
        self.outages = 0
        self._settings = settings
        self._qos = qos
        self._patience_s = patience_s
        self._waiting: Sequence[Publication] = ()
        self._last_sign_s: float | None = None

    async def play(self, chunks: AsyncIterator[Sequence[Publication]]) -> None:
        """Publish to the end.

        Raises
        ------
        MqttError
            The broker is not there at the start, or stays away longer than `patience_s`.
        RefusedError
            The broker refuses a message.
        """
        while True:
            try:
                async with TerminalClient(self._settings, in_flight=IN_FLIGHT) as client:
                    await self._publish(client, chunks)
            except MqttError:
                if self._last_sign_s is None or monotonic_s() - self._last_sign_s > self._patience_s:
                    raise
                self.outages += 1
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def _publish(self, client: TerminalClient, chunks: AsyncIterator[Sequence[Publication]]) -> None:
        while True:
            self._waiting = self._waiting or await anext(chunks, [])
            self._last_sign_s = monotonic_s()
            if not self._waiting:
                return
            calls = [client.publish(topic, payload, self._qos) for topic, payload in self._waiting]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            if client.refusal is not None:
                raise RefusedError(str(client.refusal))
            failed = [
                (publication, outcome)
                for publication, outcome in zip(self._waiting, outcomes, strict=True)
                if outcome is not None
            ]
            self.published += len(outcomes) - len(failed)
            self._waiting = [publication for publication, _ in failed]
            for _, outcome in failed:
                raise outcome
