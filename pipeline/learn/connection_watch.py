"""Readiness of the service by its connections to the broker: ready is who is subscribed."""

import asyncio
from dataclasses import dataclass

import structlog

from pipeline.health import Health
from pipeline.mqtt.client import SteadyBroker
from pipeline.mqtt.connections import connection_id, session_was_kept

log = structlog.get_logger(__name__)

WATCH_S = 0.1
BROKER = "broker"
READING = "reading"


def is_subscribed(broker: SteadyBroker) -> bool:
    """Return whether the broker has answered every SUBSCRIBE on this connection: before, nothing is ours."""
    client = broker.client
    return client is not None and client.is_connected and client.subscribed


@dataclass(frozen=True)
class ConnectionWatch:
    """Says in health how the connections are."""

    ingest: SteadyBroker
    egress: SteadyBroker
    health: Health
    broker_url: str

    async def run(self) -> None:
        """Look at them until cancelled."""
        known: int | None = None
        while True:
            self.health.publishing = connection_id(self.egress) is not None
            current = connection_id(self.ingest)
            self.health.connected = is_subscribed(self.ingest)
            self._tell_trouble()
            if current not in (known, None):
                log.info("connected to the broker", resumed=session_was_kept(self.ingest))
            known = current
            await asyncio.sleep(WATCH_S)

    def _tell_trouble(self) -> None:
        """Say why there is no connection, and which topics the broker does not let us read."""
        trouble = self.ingest.trouble or self.egress.trouble
        if trouble:
            self.health.notices[BROKER] = f"no connection to {self.broker_url}: {trouble}"
        else:
            self.health.notices.pop(BROKER, None)
        refused = self.ingest.client.refused_filters if self.ingest.client else {}
        if refused:
            self.health.faults[READING] = (
                f"the broker does not let us read {', '.join(sorted(refused))}: let this user read that"
            )
        else:
            self.health.faults.pop(READING, None)
