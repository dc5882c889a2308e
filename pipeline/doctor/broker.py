"""Checks of the MQTT broker: reaching it, its version, our rights, and what it does with a session."""

import asyncio
import re
import ssl
import uuid
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from pipeline.doctor.discovery import check_discovery
from pipeline.doctor.durability import check_session
from pipeline.doctor.finding import Finding, Verdict, ok, warning, wrong
from pipeline.doctor.store import read_only_url
from pipeline.mqtt.rights import PacketError, refused_topics
from pipeline.mqtt.terminal_client import MqttError, TerminalClient
from pipeline.runtime.belongings import home_id
from pipeline.runtime.rival import SIGN_S, kept_mark, read_sign, words_of_rival
from pipeline.settings import Settings
from schemas.topics import TABLE
from sinks.store import SqlStore, StoreError

UNSUPPORTED_VERSION = 0x84
BAD_CREDENTIALS = (0x86, 0x87)
FIXED_VERSION = (2, 0, 13)
ANSWER_S = 3.0
EVENTS_S = 5.0
VERSION_TOPIC = "$SYS/broker/version"

EVENTSTREAM_ADVICE = """\
If the home is not merely quiet: put this into Home Assistant's configuration.yaml, and restart it.
  mqtt_eventstream:
    publish_topic: {topic}
    ignore_event:
      - service_registered
      - component_loaded
      - panels_updated
      - core_config_updated"""
STATESTREAM_ADVICE = """\
If the home is not merely quiet: put this into Home Assistant's configuration.yaml, and restart it.
  mqtt_statestream:
    base_topic: {topic}
    publish_timestamps: true
    publish_attributes: false"""


async def check_broker(settings: Settings) -> AsyncIterator[Finding]:
    """Reach the broker and, where that succeeds, try out all that ha-ai needs of it."""
    unreadable = _certificates(settings)
    if unreadable is not None:
        yield unreadable
        return
    try:
        async with TerminalClient(settings) as client:
            yield ok("broker", f"{settings.broker_url} answers, with MQTT 5")
            yield await _version(client)
            rights = await _rights(settings, client)
            yield rights
            if rights.verdict is Verdict.OK:
                yield await _retained(settings, client)
                yield await check_rights(settings)
                yield await check_rival(settings, client)
            yield await _events(settings, client)
        yield await check_discovery(settings)
        if rights.verdict is Verdict.OK:
            async for finding in check_session(settings):
                yield finding
    except MqttError as error:
        yield _unreachable(settings, error)


def _certificates(settings: Settings) -> Finding | None:
    try:
        ssl.create_default_context(cafile=settings.mqtt_ca_file)
    except OSError as error:
        return wrong(
            "broker",
            f"the CA certificates in {settings.mqtt_ca_file} cannot be read: {error.strerror or error}",
            "Let HA_AI_MQTT_CA_FILE name a PEM file that this user can read, or unset it.",
        )
    return None


def _unreachable(settings: Settings, error: MqttError) -> Finding:
    code = getattr(getattr(error, "rc", None), "value", None)
    if code == UNSUPPORTED_VERSION:
        return wrong(
            "broker",
            f"{settings.broker_url} does not speak MQTT 5",
            "Use a broker that does: mosquitto 2.0.13 or newer is advised. Home Assistant needs one, too.",
        )
    if code in BAD_CREDENTIALS:
        who = f"user {settings.mqtt_username}" if settings.mqtt_username else "a client without a name"
        return wrong(
            "broker",
            f"{settings.broker_url} refuses {who}: {error}",
            "Set HA_AI_MQTT_USERNAME and HA_AI_MQTT_PASSWORD to a user that the broker knows.",
        )
    return wrong(
        "broker",
        f"{settings.broker_url} cannot be reached: {error}",
        "Is the broker running, are host and port in HA_AI_MQTT_URL right, does a firewall stand between? "
        "A broker that answers nothing may know MQTT 3 only.",
    )


async def _version(client: TerminalClient) -> Finding:
    await client.subscribe(VERSION_TOPIC)
    message = await client.next_message(VERSION_TOPIC, timeout_s=1.0)
    said = bytes(message.payload or b"").decode(errors="replace") if message else ""
    numbers = re.search(r"mosquitto version (\d+)\.(\d+)\.(\d+)", said)
    if numbers is None:
        return ok("broker version", said or "the broker does not tell")
    if tuple(map(int, numbers.groups())) < FIXED_VERSION:
        return warning(
            "broker version",
            said,
            "Before 2.0.13 mosquitto exceeds a receive maximum and sends more at once than a client buffers. "
            "ha-ai works around both (leave HA_AI_MQTT_RECEIVE_MAXIMUM unset); upgrade when you can.",
        )
    return ok("broker version", said)


async def _rights(settings: Settings, client: TerminalClient) -> Finding:
    """Publish to a topic of ours and receive it; a broker may grant a subscription and deliver nothing."""
    topics = settings.topics
    advice = (
        f"Let this user read and write {topics.everything}. "
        f"With mosquitto: `topic readwrite {topics.everything}` under its `user` line in the ACL file."
    )
    granted = await client.subscribe(topics.everything, 1)
    if any(getattr(code, "is_failure", False) for code in granted):
        return wrong("rights", f"may not subscribe to {topics.everything}: {granted[0]}", advice)
    mark = uuid.uuid4().hex.encode()
    await client.publish(topics.probe, mark, 1)
    if client.refusal is not None:
        return wrong("rights", f"may not publish to {topics.everything}: {client.refusal}", advice)
    received = await client.next_message(topics.probe, mark, timeout_s=ANSWER_S)
    await client.unsubscribe(topics.everything)
    if received is None:
        return wrong("rights", f"what is published to {topics.probe} does not come back", advice)
    return ok("rights", f"may publish to and read {topics.everything}")


async def _retained(settings: Settings, client: TerminalClient) -> Finding:
    probe, mark = settings.topics.probe, uuid.uuid4().hex.encode()
    await client.publish(probe, mark, 1, retain=True)
    await client.subscribe(probe, 1)
    received = await client.next_message(probe, mark, timeout_s=ANSWER_S)
    await client.unsubscribe(probe)
    await client.publish(probe, b"", 1, retain=True)
    if received is None:
        return warning(
            "retained messages",
            "the broker keeps none",
            f"Allow them: who looks at {settings.topics.service} learns nothing until the state changes.",
        )
    return ok("retained messages", "the broker keeps them for late readers")


async def _events(settings: Settings, client: TerminalClient) -> Finding:
    """Wait a few seconds for what Home Assistant publishes."""
    is_states = settings.input == "statestream"
    topic = settings.statestream_topic if is_states else settings.eventstream_topic
    topic_filter = f"{topic}/#" if is_states else topic
    granted = await client.subscribe(topic_filter, 1)
    if any(getattr(code, "is_failure", False) for code in granted):
        return wrong("events", f"may not subscribe to {topic_filter}", f"Let this user read {topic_filter}.")
    message = await client.next_message(topic_filter, timeout_s=EVENTS_S, live=True)
    if message is None:
        advice = STATESTREAM_ADVICE if is_states else EVENTSTREAM_ADVICE
        return warning("events", f"nothing on {topic_filter} in {EVENTS_S:.0f} s", advice.format(topic=topic))
    return ok("events", f"Home Assistant's events arrive on {topic_filter}")


PATIENCE_S = 5.0
CHECK = "rights by topic"
CHECKED_ID = "doctor"


async def check_rights(settings: Settings) -> Finding:
    """Try every topic that we publish to."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            refused = await refused_topics(settings, published(settings))
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
    """The topics of our own that we publish to; of those with an id in them one of each kind."""
    topics = settings.topics
    return [
        topic.replace("+", CHECKED_ID)
        for row in TABLE
        if row.is_said and row.is_own
        for topic in row.filters(topics)
    ]


RETAINED_S = 1.0
SIGNS_WAITED = 1.5


async def check_rival(settings: Settings, client: TerminalClient) -> Finding:
    """Hear whether another installation says that the session under our client id is its own."""
    await client.subscribe(settings.topics.session, 1)
    try:
        return await _heard(settings, client)
    finally:
        await client.unsubscribe(settings.topics.session)


async def _heard(settings: Settings, client: TerminalClient) -> Finding:
    client_id, topic = settings.mqtt_client_id, settings.topics.session
    message = await client.next_message(topic, timeout_s=RETAINED_S)
    sign = read_sign(bytes(message.payload or b""), client_id) if message else None
    ours = await asyncio.to_thread(_our_mark, settings)
    if sign is None or sign.store == ours:
        return ok("client id", f"nobody else uses {client_id}")
    live = await client.next_message(topic, timeout_s=SIGNS_WAITED * SIGN_S, live=True)
    now = read_sign(bytes(live.payload or b""), client_id) if live else None
    if now is None or now.store == ours:
        return ok("client id", f"nobody uses {client_id} now; host {sign.host} did")
    return wrong(
        "client id",
        words_of_rival(client_id, now),
        "Set HA_AI_MQTT_CLIENT_ID for one of them, or stop one; or run the doctor where the other runs.",
    )


def _our_mark(settings: Settings) -> str | None:
    """The mark of our own store; None where there is none yet, or it cannot be read, which its check says."""
    url = make_url(settings.store_url)
    is_file = url.get_backend_name() == "sqlite" and url.database
    try:
        address = read_only_url(Path(url.database or "")) if is_file else settings.store_url
        with closing(SqlStore(address, home=home_id(settings))) as store:
            return kept_mark(store)
    except (StoreError, SQLAlchemyError):
        return None
