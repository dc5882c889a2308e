"""Which of our topics the broker lets us publish to, tried without anybody receiving anything.

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

from pipeline.doctor.finding import Finding, ok, warning, wrong
from pipeline.mqtt.broker.packets import PacketError, PacketReader
from pipeline.mqtt.terminal_client import PORTS
from pipeline.settings import Settings

PATIENCE_S = 5.0
LARGEST_BYTES = 65_536
FAILURE = 0x80
CHECK = "rights by topic"


async def check_rights(settings: Settings) -> Finding:
    """Try every topic that we publish to."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            refused = await _refused(settings)
    except (OSError, PacketError, EOFError) as error:
        why = str(error) or "it did not answer in time"
        return warning(CHECK, f"could not be tried: {why}", "`ha-ai run` says in its health what is refused.")
    if refused is None:
        return ok(CHECK, "not tried: the broker takes no messages of QoS 2")
    if not refused:
        return ok(CHECK, f"may publish to all {len(published(settings))} topics")
    everything = settings.topics.everything
    return wrong(
        CHECK,
        "may not publish to "
        + ", ".join(f"{topic} ({reason.replace('_', ' ').lower()})" for topic, reason in refused.items()),
        f"Let this user write {everything}. "
        f"With mosquitto: `topic readwrite {everything}` under its `user` line in the ACL file.",
    )


def published(settings: Settings) -> list[str]:
    """The topics that we publish to; of those with an id in them one of each kind."""
    topics = settings.topics
    return [
        topics.pattern_detected,
        topics.anomaly_detected,
        topics.suggestion_generated,
        topics.suggestion_changed,
        topics.feedback_given,
        topics.suggestion_answered,
        topics.automation_executed,
        topics.automation_failed,
        topics.automation_command("deploy"),
        topics.automation_command("rollback"),
        topics.query_answer("doctor"),
        topics.hub,
        topics.suggestion_state("doctor"),
        topics.analysis_complete,
        topics.service,
        topics.dead_letter,
        topics.heartbeat,
        topics.session,
    ]


async def _refused(settings: Settings) -> Mapping[str, str] | None:
    """Topics that the broker refuses, and why; None where it takes no QoS 2."""
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
        return await wire.refused(published(settings))
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

    async def connect(self, settings: Settings) -> mqtt5.ConnAckPacket:
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
