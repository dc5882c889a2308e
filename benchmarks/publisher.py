"""A publisher that forgets nothing: QoS 1, in order, resent in order after every broken connection."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import mqtt5

from benchmarks.processes import HOST
from pipeline.mqtt.broker.packets import PacketReader

PACKET_IDS = 65_535
TICK_S = 0.01
RECONNECT_S = 0.1


class Published(NamedTuple):
    """One message to publish."""

    topic: str
    payload: bytes
    retain: bool = False


class Publisher:
    """Publishes messages and waits for each one's acknowledgement.

    Parameters
    ----------
    port
        Where the broker listens.
    window
        Messages unacknowledged at most.
    """

    def __init__(self, port: int, *, window: int = 100) -> None:
        self.acknowledged = 0
        self.unheard = 0
        self.reconnects = -1
        # How many it may publish so far; None for all.
        self.allowed: int | None = None
        self._port = port
        self._window = window
        self._taken = 0
        self._messages: Iterator[Published] = iter(())
        self._is_more = False
        self._waiting: deque[tuple[int, Published]] = deque()
        self._packet_id = 0

    async def publish(self, messages: Iterable[Published], *, per_second: float = 1e9) -> None:
        """Publish all of them, at most so many a second; return when the broker has them.

        Each is asked for only when it is due.
        """
        self._messages, self._is_more = iter(messages), True
        while self._is_more or self._waiting:
            try:
                await self._session(per_second)
            except (OSError, EOFError):
                await asyncio.sleep(RECONNECT_S)

    async def _session(self, per_second: float) -> None:
        reader, writer = await asyncio.open_connection(HOST, self._port)
        try:
            writer.write(mqtt5.ConnectPacket("", clean_start=True).write())
            packets = PacketReader(max_packet_size=1_000_000)
            await self._receive(reader, packets)
            self.reconnects += 1
            self._waiting = deque((self._send(writer, message), message) for _, message in self._waiting)
            receiving = asyncio.create_task(self._receive_all(reader, packets))
            try:
                await self._send_all(writer, per_second, receiving)
            finally:
                receiving.cancel()
                await asyncio.gather(receiving, return_exceptions=True)
            writer.write(mqtt5.DisconnectPacket().write())
            await writer.drain()
        finally:
            writer.transport.abort() if self._waiting else writer.close()

    async def _send_all(
        self, writer: asyncio.StreamWriter, per_second: float, receiving: asyncio.Task[None]
    ) -> None:
        began_s, sent = time.monotonic(), 0
        while self._is_more or self._waiting:
            due = int((time.monotonic() - began_s) * per_second) - sent
            allowed = due if self.allowed is None else min(due, self.allowed - self._taken)
            # What may be published only later is not made up for then.
            sent += due - allowed
            wanted = max(0, min(allowed, self._window - len(self._waiting)))
            taken = [(self._send(writer, message), message) for message in islice(self._messages, wanted)]
            self._waiting.extend(taken)
            self._is_more = len(taken) == wanted
            sent += len(taken)
            self._taken += len(taken)
            await writer.drain()
            await asyncio.wait([receiving], timeout=TICK_S)
            if receiving.done():
                receiving.result()

    def _send(self, writer: asyncio.StreamWriter, message: Published) -> int:
        self._packet_id = self._packet_id % PACKET_IDS + 1
        packet = mqtt5.PublishPacket(
            message.topic,
            message.payload,
            qos=mqtt5.QoS.AT_LEAST_ONCE,
            packet_id=self._packet_id,
            retain=message.retain,
        )
        writer.write(packet.write())
        return self._packet_id

    async def _receive_all(self, reader: asyncio.StreamReader, packets: PacketReader) -> None:
        while True:
            await self._receive(reader, packets)

    async def _receive(self, reader: asyncio.StreamReader, packets: PacketReader) -> None:
        received = await reader.read(65_536)
        if not received:
            raise EOFError
        for packet in packets.feed(received):
            if isinstance(packet, mqtt5.PubAckPacket):
                self._acknowledge(packet)

    def _acknowledge(self, packet: mqtt5.PubAckPacket) -> None:
        for place, (packet_id, _) in enumerate(self._waiting):
            if packet_id == packet.packet_id:
                del self._waiting[place]
                self.acknowledged += 1
                self.unheard += packet.reason_code != mqtt5.PubAckReasonCode.SUCCESS
                return
