"""The outbox's way out: publish at QoS 1, wait for the acknowledgement, mark as sent."""

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC
from typing import NamedTuple, TypeVar

import structlog
import zmqtt
from faststream import BaseMiddleware, PublishCommand
from faststream.mqtt import MQTTBroker, QoS

from pipeline.health import Health, Metrics
from pipeline.ingest.letters import EXCERPT_BYTES
from pipeline.mqtt.client import SteadyBroker
from pipeline.mqtt.outbox_bounds import OutboxBounds, Standstill
from pipeline.mqtt.outbox_lanes import Lanes
from pipeline.mqtt.refusals import Kind, Refusals, kind_of
from pipeline.timing.clock import monotonic_s, wall_datetime, wall_us
from schemas.messages import QOS
from schemas.outgoing import Outgoing
from schemas.statuses import DeadLetter
from sinks.store import SqlStore, StoreThread, StoreUnavailableError

log = structlog.get_logger(__name__)
T = TypeVar("T")

PAGE = 100
POLL_S = 1.0
BACKOFF_S = 1.0
PROBE_S = 30.0
PROBES = 16
REFUSED = "refused"
EXPIRY_HEADER = "haai-expiry-s"


class MessageExpiry(BaseMiddleware):
    """Gives a message its MQTT message expiry interval, which FastStream's publish has no parameter for."""

    async def publish_scope(
        self, call_next: Callable[[PublishCommand], Awaitable[object]], cmd: PublishCommand
    ) -> object:
        expiry_s = cmd.headers.pop(EXPIRY_HEADER, None)
        if expiry_s is not None:
            cmd.message_expiry_interval = int(expiry_s)  # type: ignore[attr-defined]
        return await call_next(cmd)


async def publish(broker: MQTTBroker, message: Outgoing) -> None:
    """Publish at QoS 1 and wait for the PUBACK; readers insert or ignore by the message id."""
    headers = {"message-id": message.id}
    if message.expiry_s is not None:
        headers[EXPIRY_HEADER] = str(message.expiry_s)
    await broker.publish(message.payload, message.topic, qos=QoS(QOS), retain=message.retain, headers=headers)


class Result(NamedTuple):
    """Result of sending a page: what went out, what never will, and what was under way when all ended."""

    sent: list[Outgoing]
    aside: dict[str, DeadLetter]
    lost: list[Outgoing]


class Egress:
    """Publishes the outbox, each topic in order; what is acknowledged and not yet marked may go twice.

    A message that the broker refuses for good becomes a dead letter, one that it refuses for now holds back
    its topic alone. What waits is bounded.
    """

    def __init__(
        self,
        store: SqlStore,
        broker: SteadyBroker,
        *,
        thread: StoreThread,
        health: Health,
        metrics: Metrics,
        filled: asyncio.Event,
        refusals: Refusals,
    ) -> None:
        self._store = store
        self._broker = broker
        self._thread = thread
        self._metrics = metrics
        self._filled = filled
        self._refusals = refusals
        self._lanes = Lanes()
        self._probes: dict[str, tuple[Outgoing, float]] = {}
        self._bounds = OutboxBounds(store, health, metrics)
        self._standstill = Standstill(health)
        self._probed_s = monotonic_s()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            # Before the look into the outbox: what fills it meanwhile is not waited for.
            self._filled.clear()
            try:
                await self._thread.call(self._bounds.keep)
                settled = await self.publish_page()
                await self._probe()
            except StoreUnavailableError as error:
                log.debug("outbox waits", error=str(error))
                await asyncio.sleep(BACKOFF_S)
                continue
            if not settled:
                await self._wait()

    async def _wait(self) -> None:
        """Until the outbox is filled here, or a moment later, since another process may have filled it."""
        # wait_for would swallow a cancellation that comes together with the event, and this loop never end.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_S):
                await self._filled.wait()

    async def publish_page(self) -> int:
        """Publish a page of the outbox; return how many messages went out or were set aside."""
        held = self._lanes.held()
        page = await self._thread.call(lambda: self._store.pending(PAGE, without=held))
        client = self._broker.client
        self._standstill.look(client, is_waiting=bool(page or held))
        if not page or client is None or not client.is_connected:
            return 0
        result = Result([], {}, [])
        try:
            await self._publish_in_order(page, result)
        finally:
            for message in result.lost:
                if self._lanes.lost(message, client.acknowledged):
                    self._set_aside(message, self._refusals.closed_upon(message.topic), result)
            await self._keep(result)
        return len(result.sent) + len(result.aside)

    async def _publish_in_order(self, page: Sequence[Outgoing], result: Result) -> None:
        """Publish one after the other, until the connection is lost; behind one that waits its topic does.

        More at once are slower where a broker holds back small packets until the last one has arrived.
        """
        waiting: set[str] = set()
        for message in page:
            if message.topic in waiting:
                continue
            try:
                await publish(self._broker, message)
            # Whatever a message or a broker makes go wrong is said, counted, and stops this message alone.
            except Exception as error:  # noqa: BLE001
                if not self._go_on_after(message, error, result):
                    waiting.add(message.topic)
                if result.lost:
                    return
            else:
                result.sent.append(message)
                self._lanes.sent(message.topic)
                self._probes.pop(message.topic, None)
                self._refusals.accepted(message.topic)
                log.debug("published", topic=message.topic, correlation_id=message.id)

    def _go_on_after(self, message: Outgoing, error: Exception, result: Result) -> bool:
        """Note why a message did not go out; whether the next of its topic is tried."""
        kind = kind_of(error)
        if kind is Kind.LOST:
            result.lost.append(message)
            return False
        words = self._refusals.refused(message.topic, len(message.payload), error)
        if kind is Kind.PASSING and not self._lanes.refused(message):
            return False
        self._lanes.sent(message.topic)
        if len(self._probes) < PROBES:
            self._probes[message.topic] = (message, monotonic_s())
        self._set_aside(message, words, result)
        return True

    def _set_aside(self, message: Outgoing, words: str, result: Result) -> None:
        """Make a dead letter of a message: of one that tells of a letter it is that letter, known already."""
        result.aside[message.id] = DeadLetter(
            message_id=message.id,
            reason=REFUSED,
            detail=words,
            topic=message.topic,
            received_at=wall_datetime(UTC),
            size_bytes=len(message.payload),
            payload_base64=b64encode(message.payload[:EXCERPT_BYTES]).decode(),
        )
        self._metrics.dead_letters.labels(REFUSED).inc()

    async def _keep(self, result: Result) -> None:
        """Note in the store what need not be sent again."""
        now_us = wall_us()
        if result.sent:
            await self._thread.call(lambda: self._store.sent([message.id for message in result.sent], now_us))
            self._metrics.published.inc(len(result.sent))
        if result.aside:
            await self._thread.call(lambda: self._store.set_aside(result.aside, now_us))

    async def _probe(self) -> None:
        """Try again, now and then, what was refused last on each topic: its right may have been given."""
        now_s = monotonic_s()
        if not self._probes or now_s - self._probed_s < PROBE_S:
            return
        self._probed_s = now_s
        for topic, (message, refused_s) in list(self._probes.items()):
            if message.expiry_s is not None and now_s - refused_s > message.expiry_s:
                continue
            with contextlib.suppress(zmqtt.MQTTError, OSError):
                await publish(self._broker, message)
                del self._probes[topic]
                self._refusals.accepted(topic)
