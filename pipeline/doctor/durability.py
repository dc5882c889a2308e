"""Check of what the broker keeps for a session that is away: ha-ai's own is, whenever it restarts."""

import asyncio
import uuid
from collections.abc import AsyncIterator

from pipeline.doctor.finding import Finding, ok, warning, wrong
from pipeline.mqtt.terminal_client import PacketTypes, Properties, TerminalClient
from pipeline.settings import Settings

# One more than mosquitto keeps by default, with what it has under way.
QUEUED = 1_500
IN_FLIGHT = 100
SILENCE_S = 2.0
EXPIRY_S = 60


async def check_session(settings: Settings) -> AsyncIterator[Finding]:
    """Leave a session of our own, publish to it meanwhile, and count what waits when it returns."""
    mark = uuid.uuid4().hex
    async with _session(settings, clean_start=True) as client:
        await client.subscribe(settings.topics.probe, 1)
    await _publish(settings, mark)
    async with _session(settings, clean_start=False) as client:
        kept_qos0, kept = await _collect(settings, client, mark)
    async with _session(settings, clean_start=True, expiry_s=0):
        pass
    if not kept:
        yield wrong(
            "durable session",
            "what is published while we are away does not wait for us",
            "Let the broker keep sessions, as long as HA_AI_MQTT_SESSION_EXPIRY_S says.",
        )
        return
    yield ok("durable session", "what is published while we are away waits for us")
    yield _limit(kept)
    yield _qos0(kept=kept_qos0)


def _limit(kept: int) -> Finding:
    if kept == QUEUED:
        return ok("queue", f"{QUEUED:,} messages wait for a session that is away; a day may need more")
    return warning(
        "queue",
        f"of {QUEUED:,} messages for a session that is away {kept:,} waited, the others are lost",
        "With mosquitto: max_queued_messages 100000",
    )


def _qos0(*, kept: bool) -> Finding:
    if kept:
        return ok("QoS 0", "it waits, too, which Home Assistant's eventstream needs")
    return warning(
        "QoS 0",
        "does not wait, and Home Assistant's eventstream is QoS 0: each restart of ha-ai is a gap",
        "With mosquitto: queue_qos0_messages true",
    )


def _session(settings: Settings, *, clean_start: bool, expiry_s: int = EXPIRY_S) -> TerminalClient:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = expiry_s
    identifier = f"{settings.mqtt_client_id}-doctor"
    return TerminalClient(settings, identifier=identifier, clean_start=clean_start, properties=properties)


async def _publish(settings: Settings, mark: str) -> None:
    probe = settings.topics.probe
    async with TerminalClient(settings, in_flight=IN_FLIGHT) as client:
        await client.publish(probe, f"{mark} qos0", 0)
        for start in range(0, QUEUED, IN_FLIGHT):
            numbers = range(start, min(start + IN_FLIGHT, QUEUED))
            await asyncio.gather(*(client.publish(probe, f"{mark} {number}", 1) for number in numbers))


async def _collect(settings: Settings, client: TerminalClient, mark: str) -> tuple[bool, int]:
    """Return whether the message of QoS 0 waited, and how many of QoS 1."""
    seen: set[bytes] = set()
    while len(seen) <= QUEUED:
        message = await client.next_message(settings.topics.probe, timeout_s=SILENCE_S)
        if message is None:
            break
        payload = bytes(message.payload or b"")
        if payload.startswith(mark.encode()):
            seen.add(payload)
    qos0 = f"{mark} qos0".encode()
    return qos0 in seen, len(seen - {qos0})
