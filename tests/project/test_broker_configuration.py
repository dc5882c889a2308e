"""The broker of compose.yaml starts, keeps what it must keep, and lets nobody speak for another."""

import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from schemas.messages import Party, Row
from schemas.topics import TABLE, Outside, Topics

pytestmark = [
    pytest.mark.mosquitto,
    pytest.mark.timeout(60),
]

Mosquitto = Callable[..., Any]

# What mosquitto does where a configuration is silent; the fixture's own brokers are set otherwise.
SILENT = {
    "allow_anonymous": "false",
    "persistence": "false",
    "max_queued_messages": "1000",
    "queue_qos0_messages": "false",
}

NOT_AUTHORIZED = 0x87


def settings(configuration: str) -> dict[str, str]:
    """Return the lines of a configuration but for those that say where it runs."""
    lines = [line.partition(" ") for line in configuration.splitlines() if line and not line.startswith("#")]
    given = {name: value for name, _, value in lines if name not in {"listener", "persistence_location"}}
    return SILENT | given


@pytest.fixture
def configuration(root: Path) -> str:
    """Return the broker's configuration."""
    return (root / "compose" / "mosquitto.conf").read_text()


@pytest.fixture
def health_check(root: Path) -> str:
    """Return the shell command by which compose.yaml asks whether the broker is healthy."""
    content = yaml.safe_load((root / "compose.yaml").read_text())
    return str(content["services"]["mosquitto"]["healthcheck"]["test"]).replace("$$", "$")


@contextmanager
def client(port: int, name: str, session_expiry_s: int = 0, **handlers: Any) -> Iterator[mqtt.Client]:
    """Connect an MQTT 5 client until the block ends; its name is its user and its password too."""
    connection = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5)
    connection.username_pw_set(name, name)
    connected = threading.Event()
    connection.on_connect = lambda *_: connected.set()
    for event, handler in handlers.items():
        setattr(connection, event, handler)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho types only a part
    properties.SessionExpiryInterval = session_expiry_s
    connection.connect("127.0.0.1", port, clean_start=not session_expiry_s, properties=properties)
    connection.loop_start()
    try:
        assert connected.wait(10)
        yield connection
    finally:
        connection.disconnect()
        connection.loop_stop()


def publish(port: int, name: str, topic: str) -> int:
    """Return the broker's reason code for a message of that user."""
    codes: list[int] = []
    answered = threading.Event()

    def on_publish(_client: mqtt.Client, _userdata: object, _mid: int, code: Any, _: object) -> None:
        codes.append(code.value)
        answered.set()

    with client(port, name, on_publish=on_publish) as connection:
        connection.publish(topic, "on", qos=1)
        assert answered.wait(10)
    return codes[0]


def exit_code(health_check: str, port: int) -> int:
    """Return the health check's verdict on the broker at that port."""
    command = health_check.replace("mosquitto_sub ", f"mosquitto_sub -p {port} ")
    return subprocess.run(["/bin/sh", "-c", command], capture_output=True, timeout=20, check=False).returncode


def test_the_health_check_tells_a_broker_from_none(
    mosquitto: Mosquitto, configuration: str, health_check: str, free_port: int
) -> None:
    """A real broker accepts every line of the configuration and is healthy; an absent one is not."""
    assert exit_code(health_check, mosquitto(**settings(configuration)).port) == 0
    assert exit_code(health_check, free_port) != 0


def test_what_arrives_while_we_are_away_outlives_a_restart(mosquitto: Mosquitto, configuration: str) -> None:
    """More than the default queue, and what was published at QoS 0, waits for a durable session."""
    subscribed, arrived, done = threading.Event(), [], threading.Event()

    def on_message(_client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        arrived.append(message.payload)
        if message.payload == b"1500":
            done.set()

    broker = mosquitto(**settings(configuration))
    with client(broker.port, "ha-ai", 3600, on_subscribe=lambda *_: subscribed.set()) as consumer:
        consumer.subscribe("homeassistant_events", qos=1)
        assert subscribed.wait(10)
    with client(broker.port, "homeassistant") as publisher:
        publisher.publish("homeassistant_events", "0", qos=0)
        for number in range(1, 1501):
            last = publisher.publish("homeassistant_events", str(number), qos=1)
        last.wait_for_publish(30)
    broker.stop()
    broker.start()
    with client(broker.port, "ha-ai", 3600, on_message=on_message):
        assert done.wait(30)
    assert arrived == [b"%d" % number for number in range(1501)]


@pytest.fixture
def secured(configuration: str, root: Path, tmp_path: Path) -> dict[str, str]:
    """Return the settings after the swap of comments that the configuration describes, its users made."""
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    for name in ("homeassistant", "ha-ai", "asker", "zigbee2mqtt"):
        command = ["mosquitto_passwd", "-b", str(passwords), name, name]
        subprocess.run(command, check=True, capture_output=True)
    swapped = configuration.replace("\nallow_anonymous true", "")
    swapped = re.sub(r"^# (?=(allow_anonymous|password_file|acl_file) )", "", swapped, flags=re.MULTILINE)
    swapped = swapped.replace("/mosquitto/data/passwords", str(passwords))
    return settings(swapped.replace("/mosquitto/config/acl", str(root / "compose" / "acl.example")))


def test_with_passwords_the_broker_stays_healthy(
    mosquitto: Mosquitto, secured: dict[str, str], health_check: str
) -> None:
    """The health check needs no account."""
    assert secured["allow_anonymous"] == "false"
    assert exit_code(health_check, mosquitto(**secured).port) == 0


@pytest.mark.parametrize(
    ("name", "topic", "allowed"),
    [
        ("homeassistant", "homeassistant_events", True),
        ("homeassistant", "ha-ai/commands/automation/deploy", True),
        ("ha-ai", "ha-ai/events/pattern/detected", True),
        ("ha-ai", "homeassistant/device/haai/hub/config", True),
        ("ha-ai", "homeassistant/light/lamp/config", False),
        ("ha-ai", "homeassistant_events", False),
        ("ha-ai", "zigbee2mqtt/lamp/set", False),
        ("asker", "ha-ai/query/ask", True),
        ("asker", "ha-ai/commands/suggestion/approve", True),
        ("asker", "ha-ai/commands/suggestion/press", False),
        ("asker", "ha-ai/commands/learning/set", False),
        ("asker", "ha-ai/query/answer/other", False),
        ("asker", "ha-ai/events/pattern/detected", False),
        ("asker", "homeassistant_events", False),
        ("zigbee2mqtt", "zigbee2mqtt/lamp", True),
        ("zigbee2mqtt", "homeassistant/light/lamp/config", True),
        ("zigbee2mqtt", "homeassistant/light/0x01/lamp/config", True),
        ("zigbee2mqtt", "homeassistant/device/haai/hub/config", False),
        ("zigbee2mqtt", "homeassistant/button/haai/decoy/config", False),
        ("zigbee2mqtt", "ha-ai/status/suggestion/0123456789abcdef", False),
        ("zigbee2mqtt", "homeassistant_events", False),
        ("zigbee2mqtt", "ha-ai/commands/automation/deploy", False),
    ],
)
def test_rights_keep_devices_from_speaking_for_others(
    mosquitto: Mosquitto, secured: dict[str, str], name: str, topic: str, *, allowed: bool
) -> None:
    """A device reaches its own topics; Home Assistant's and ha-ai's are theirs."""
    assert (publish(mosquitto(**secured).port, name, topic) != NOT_AUTHORIZED) == allowed


TOPICS = {
    topic_filter.replace("+", "x7").replace("#", "light/hall/state"): row
    for row in TABLE
    for topic_filter in row.filters(Topics())
}
USERS: dict[str, Callable[[Party], bool]] = {
    "homeassistant": lambda _: True,
    "ha-ai": lambda party: party.is_role or party is Outside.DOCTOR,
    "asker": lambda party: party is Outside.ASKER,
}


def may(user: str, row: Row[Any], parties: tuple[Party, ...]) -> bool:
    """Return whether the table lets a user do it; the service may do all below its own name."""
    return any(map(USERS[user], parties)) or (user == "ha-ai" and row.is_own)


@pytest.mark.parametrize("user", USERS)
def test_each_may_publish_what_the_table_says(
    mosquitto: Mosquitto, secured: dict[str, str], user: str
) -> None:
    """Every message of the table is allowed to those that say it, and refused to the others."""
    numbers: dict[int, str] = {}
    codes: dict[int, int] = {}
    done = threading.Event()

    def on_publish(_client: mqtt.Client, _userdata: object, mid: int, code: Any, _: object) -> None:
        codes[mid] = code.value
        if len(codes) == len(TOPICS):
            done.set()

    with client(mosquitto(**secured).port, user, on_publish=on_publish) as connection:
        for topic in TOPICS:
            numbers[connection.publish(topic, "on", qos=1).mid] = topic
        assert done.wait(20)
    allowed = {numbers[mid] for mid, code in codes.items() if code != NOT_AUTHORIZED}
    assert allowed == {topic for topic, row in TOPICS.items() if may(user, row, row.writers)}
    assert bool(TOPICS.keys() - allowed) == (user != "homeassistant")


def _publisher(port: int, reader: mqtt.Client, user: str) -> AbstractContextManager[mqtt.Client]:
    """Connect Home Assistant, where it is not the reader itself."""
    return nullcontext(reader) if user == "homeassistant" else client(port, "homeassistant")


@pytest.mark.parametrize("user", USERS)
def test_each_may_read_what_the_table_says(mosquitto: Mosquitto, secured: dict[str, str], user: str) -> None:
    """Of all messages each gets those that it is to read, and no other; the last one ends the wait."""
    subscribed, done = threading.Event(), threading.Event()
    arrived: set[str] = set()
    last = Topics().service

    def on_message(_client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        arrived.add(message.topic)
        if message.payload == b"last":
            done.set()

    port = mosquitto(**secured).port
    handlers: dict[str, Any] = {"on_message": on_message, "on_subscribe": lambda *_: subscribed.set()}
    with client(port, user, **handlers) as reader, _publisher(port, reader, user) as publisher:
        reader.subscribe("#", qos=1)
        assert subscribed.wait(10)
        for topic in TOPICS:
            publisher.publish(topic, "on", qos=1)
        publisher.publish(last, "last", qos=1)
        assert done.wait(20)
    assert arrived == {topic for topic, row in TOPICS.items() if may(user, row, row.readers)}
    assert last in arrived
