"""Test of the topics that the broker lets us publish to, without anybody receiving anything.

A message of QoS 2 is refused, or taken, by the answer to its first packet, and handed on only after a second:
that one is never sent.
"""

import asyncio
import contextlib
import secrets
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import mqtt5

from pipeline.mqtt.broker.packets import PacketError, PacketReader
from pipeline.mqtt.terminal_client import PORTS
from pipeline.settings.groups import BrokerSettings

__all__ = ["PacketError", "refused_topics"]

LARGEST_BYTES = 65_536
FAILURE = 0x80


async def refused_topics(settings: BrokerSettings, topics: list[str]) -> Mapping[str, str] | None:
    """Return the topics that the broker refuses, and why; None where it takes no QoS 2."""
    address = urlsplit(settings.broker_url)
    context = None
    if address.scheme == "mqtts":
        context = ssl.create_default_context(cafile=settings.mqtt_ca_file)
    reader, writer = await asyncio.open_connection(
        address.hostname, address.port or PORTS[address.scheme], ssl=context
    )
    try:
        wire = _Wire(reader, writer)
        connack = await wire.connect(settings)
        if connack.max_qos != mqtt5.QoS.EXACTLY_ONCE:
            return None
        return await wire.refused(topics)
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


class _Wire:
    """A connection on which the second packet of QoS 2 is never sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._packets = PacketReader(LARGEST_BYTES)
        self._waiting: list[mqtt5.Packet] = []

    async def connect(self, settings: BrokerSettings) -> mqtt5.ConnAckPacket:
        """Connect with a session that ends with the connection."""
        password = settings.mqtt_password
        packet = mqtt5.ConnectPacket(
            f"{settings.mqtt_client_id}-rights-{secrets.token_hex(4)}",
            clean_start=True,
            username=settings.mqtt_username,
            password=password.get_secret_value().encode() if password else None,
        )
        self._writer.write(packet.write())
        answer = await self._next()
        if not isinstance(answer, mqtt5.ConnAckPacket) or int(answer.reason_code) >= FAILURE:
            raise ConnectionRefusedError("the broker refused the connection")
        return answer

    async def refused(self, topics: list[str]) -> Mapping[str, str]:
        """Topics that are refused, and why."""
        found: dict[str, str] = {}
        for number, topic in enumerate(topics, 1):
            message = mqtt5.PublishPacket(
                topic, b"", qos=mqtt5.QoS.EXACTLY_ONCE, packet_id=number, message_expiry_interval=1
            )
            self._writer.write(message.write())
            answer = await self._next()
            if isinstance(answer, mqtt5.PubRecPacket) and int(answer.reason_code) >= FAILURE:
                found[topic] = answer.reason_code.name
        return found

    async def _next(self) -> mqtt5.Packet:
        while not self._waiting:
            received = await self._reader.read(LARGEST_BYTES)
            if not received:
                raise EOFError("it closed the connection")
            self._waiting.extend(self._packets.feed(received))
        return self._waiting.pop(0)
