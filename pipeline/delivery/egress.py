"""The outbox's way out: publish at QoS 1, wait for the acknowledgement, mark as sent."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import structlog
import zmqtt
from faststream import BaseMiddleware, PublishCommand
from faststream.mqtt import MQTTBroker, QoS

from pipeline.delivery.health import Metrics
from schemas.outgoing import Outgoing
from sinks.store import SqlStore, StoreUnavailableError

log = structlog.get_logger()

PAGE = 100
POLL_S = 1.0
BACKOFF_S = 1.0
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
    await broker.publish(
        message.payload, message.topic, qos=QoS.AT_LEAST_ONCE, retain=message.retain, headers=headers
    )


class Egress:
    """Publishes the outbox in order; a message is marked after its acknowledgement, so one may go twice."""

    def __init__(
        self,
        store: SqlStore,
        broker: MQTTBroker,
        *,
        executor: ThreadPoolExecutor,
        metrics: Metrics,
        filled: asyncio.Event,
    ) -> None:
        self._store = store
        self._broker = broker
        self._executor = executor
        self._metrics = metrics
        self._filled = filled

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            # Before the look into the outbox: what fills it meanwhile is not waited for.
            self._filled.clear()
            try:
                sent = await self.publish_page()
            except (zmqtt.MQTTError, OSError, StoreUnavailableError) as error:
                log.debug("outbox waits", error=str(error))
                await asyncio.sleep(BACKOFF_S)
                continue
            if not sent:
                await self._wait()

    async def _wait(self) -> None:
        """Until the outbox is filled here, or a moment later, since another process may have filled it."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._filled.wait(), POLL_S)

    async def publish_page(self) -> int:
        """Publish a page of the outbox; return how many messages that were."""
        loop = asyncio.get_running_loop()
        page = await loop.run_in_executor(self._executor, self._store.pending, PAGE)
        if not page:
            return 0
        for message in page:
            await publish(self._broker, message)
            log.debug("published", topic=message.topic, correlation_id=message.id)
        now_us = time.time_ns() // 1000
        await loop.run_in_executor(self._executor, self._store.sent, [message.id for message in page], now_us)
        self._metrics.published.inc(len(page))
        return len(page)
