"""The doctor is tried on what is wrong with real brokers, stores and a Home Assistant that speaks its API."""

import asyncio
import json
import os
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from benchmarks.ports import claim_port
from pipeline.doctor import broker as broker_checks
from pipeline.doctor import discovery, durability
from pipeline.runtime.ownership import process_name
from sinks.store import SqlStore
from tests.sinks.fake_home_assistant import Failure, FakeHomeAssistant, in_thread

Command = Any
Running = Any
Found = dict[str, dict[str, str]]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for what does not come."""
    monkeypatch.setattr(broker_checks, "EVENTS_S", 0.5)
    monkeypatch.setattr(durability, "SILENCE_S", 1.0)


@pytest.fixture
def examine(ha_ai: Command) -> Callable[[], tuple[int, Found]]:
    """Run the doctor; return its exit code and its findings by check."""

    def run() -> tuple[int, Found]:
        outcome = ha_ai("doctor", "--json")
        findings = [json.loads(line) for line in outcome.out.splitlines()]
        assert all(finding["advice"] for finding in findings if finding["verdict"] != "ok")
        return outcome.code, {finding["check"]: finding for finding in findings}

    return run


Examine = Callable[[], tuple[int, Found]]


def test_good_broker_has_nothing_wrong(examine: Examine, at_broker: Running) -> None:
    """On a broker that is configured right every check but that for events is ok, and the exit code 0."""
    del at_broker
    code, found = examine()
    checks = ("broker", "rights", "retained messages", "durable session", "queue", "QoS 0")
    assert {check: found[check]["verdict"] for check in checks} == dict.fromkeys(checks, "ok")
    assert found["events"]["verdict"] == "warning"
    assert "mqtt_eventstream:\n    publish_topic: homeassistant_events" in found["events"]["advice"]
    assert code == 0


def test_nothing_stays_at_the_broker(examine: Examine, at_broker: Running) -> None:
    """After the examination no retained message and no session of it is left."""
    examine()

    async def look() -> tuple[list[str], bool]:
        async with aiomqtt.Client(
            at_broker.host, at_broker.port, protocol=aiomqtt.ProtocolVersion.V5
        ) as client:
            await client.subscribe("ha-ai/#", 1)
            await client.publish("ha-ai/end", b"", 1)
            topics = []
            async for message in client.messages:
                topics.append(message.topic.value)
                if topics[-1] == "ha-ai/end":
                    break
        doctor = aiomqtt.Client(
            at_broker.host,
            at_broker.port,
            protocol=aiomqtt.ProtocolVersion.V5,
            identifier="haai-home-p0-doctor",
            clean_start=False,
        )
        flags: list[bool] = []
        accepted = doctor._client.on_connect
        assert accepted is not None

        def note(client: Any, userdata: Any, connect_flags: Any, *rest: Any) -> None:
            flags.append(connect_flags.session_present)
            accepted(client, userdata, connect_flags, *rest)

        doctor._client.on_connect = note
        async with doctor:
            pass
        return topics, flags[0]

    assert asyncio.run(look()) == (["ha-ai/end"], False)


def test_events_are_seen(examine: Examine, at_broker: Running) -> None:
    """Where Home Assistant's events arrive the doctor says so."""
    with publishing(at_broker, "homeassistant_events"):
        _, found = examine()
    assert found["events"]["verdict"] == "ok"


def test_states_are_looked_for_where_they_are_the_input(
    examine: Examine, at_broker: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With statestream as input its topics are waited for, and its YAML is the advice."""
    monkeypatch.setenv("HA_AI_INPUT", "statestream")
    assert "mqtt_statestream:" in examine()[1]["events"]["advice"]
    with publishing(at_broker, "homeassistant_state/light/hall/state"):
        assert examine()[1]["events"]["verdict"] == "ok"


def test_absent_broker_is_wrong(examine: Examine, monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    """A broker that cannot be reached is wrong, and nothing further is asked of it."""
    monkeypatch.setenv("HA_AI_MQTT_URL", f"mqtt://127.0.0.1:{free_port}")
    code, found = examine()
    assert (code, found["broker"]["verdict"]) == (1, "wrong")
    assert "cannot be reached" in found["broker"]["found"]
    assert "rights" not in found


@pytest.mark.parametrize("connack", [b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00"])
def test_broker_without_mqtt_5_is_wrong(
    examine: Examine, monkeypatch: pytest.MonkeyPatch, connack: bytes
) -> None:
    """A refusal of the protocol's version, in MQTT 3 or 5, is told from other refusals."""
    with answering(connack) as port:
        monkeypatch.setenv("HA_AI_MQTT_URL", f"mqtt://127.0.0.1:{port}")
        code, found = examine()
    assert (code, found["broker"]["verdict"]) == (1, "wrong")
    assert "does not speak MQTT 5" in found["broker"]["found"]


@pytest.mark.mosquitto
def test_wrong_password_is_wrong(
    examine: Examine, mosquitto: Callable[..., Running], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Refused credentials are said with the user's name and without the password."""
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "ha", "right"], check=True)
    at = mosquitto(password_file=passwords, allow_anonymous="false")
    monkeypatch.setenv("HA_AI_MQTT_URL", at.url)
    monkeypatch.setenv("HA_AI_MQTT_USERNAME", "ha")
    monkeypatch.setenv("HA_AI_MQTT_PASSWORD", "guessed")
    code, found = examine()
    assert (code, found["broker"]["verdict"]) == (1, "wrong")
    assert "refuses user ha" in found["broker"]["found"]
    assert "guessed" not in json.dumps(found)
    monkeypatch.setenv("HA_AI_MQTT_PASSWORD", "right")
    assert examine()[1]["broker"]["verdict"] == "ok"


@pytest.mark.mosquitto
def test_limits_of_a_broker_as_installed_are_warned_of(
    examine: Examine, mosquitto: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mosquitto with its own defaults keeps 1,000 messages and none of QoS 0: it works, with gaps."""
    at = mosquitto(queue_qos0_messages="false", max_queued_messages=1_000)
    monkeypatch.setenv("HA_AI_MQTT_URL", at.url)
    code, found = examine()
    assert code == 0
    assert found["durable session"]["verdict"] == "ok"
    assert found["queue"]["verdict"] == "warning"
    assert "max_queued_messages 100000" in found["queue"]["advice"]
    assert found["QoS 0"]["verdict"] == "warning"
    assert "queue_qos0_messages true" in found["QoS 0"]["advice"]
    assert found["broker version"]["found"].startswith("mosquitto version ")


@pytest.mark.mosquitto
@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("topic read homeassistant_events", "may not publish"),
        ("topic write ha-ai/#", "does not come back"),
    ],
)
def test_missing_rights_are_wrong(
    examine: Examine,
    mosquitto: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    rule: str,
    said: str,
) -> None:
    """An ACL that keeps us from our own topics is wrong, even where it grants the subscription."""
    monkeypatch.setattr(broker_checks, "ANSWER_S", 0.5)
    acl = tmp_path / "acl"
    acl.write_text(f"{rule}\n")
    acl.chmod(0o600)
    monkeypatch.setenv("HA_AI_MQTT_URL", mosquitto(acl_file=acl).url)
    code, found = examine()
    assert (code, found["rights"]["verdict"]) == (1, "wrong")
    assert said in found["rights"]["found"]
    assert "topic readwrite ha-ai/#" in found["rights"]["advice"]


def test_wrong_setting_is_wrong(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that does not validate is named as it is set, with what was expected."""
    monkeypatch.setenv("HA_AI_TZ", "Europe/Berlni")
    code, found = examine()
    assert code == 1
    assert "HA_AI_TZ: expected an IANA time zone" in found["settings"]["found"]


def test_certificates_that_cannot_be_read_are_wrong(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CA certificates that are missing, or none, are wrong, and the broker is not asked."""
    monkeypatch.setenv("HA_AI_MQTT_URL", "mqtts://127.0.0.1:1")
    Path("none.pem").write_text("hello")
    for name in ("missing.pem", "none.pem"):
        monkeypatch.setenv("HA_AI_MQTT_CA_FILE", name)
        code, found = examine()
        assert (code, found["broker"]["verdict"]) == (1, "wrong")
        assert f"the CA certificates in {name} cannot be read" in found["broker"]["found"]


def test_zone_that_was_not_set_is_warned_of(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """UTC by default is nobody's time zone; one that is set is ok."""
    monkeypatch.setenv("HA_AI_MQTT_URL", "mqtt://127.0.0.1:1")
    assert examine()[1]["time zone"]["verdict"] == "warning"
    monkeypatch.setenv("HA_AI_TZ", "Europe/Berlin")
    assert examine()[1]["time zone"]["verdict"] == "ok"


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHomeAssistant]:
    """A Home Assistant, which the settings name with a reader's token."""
    fake = FakeHomeAssistant()
    with in_thread(fake):
        monkeypatch.setenv("HA_AI_HOME_ASSISTANT_URL", fake.url)
        monkeypatch.setenv("HA_AI_HOME_ASSISTANT_TOKEN", fake.reader_token)
        yield fake


@pytest.fixture
def _no_broker(monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    monkeypatch.setenv("HA_AI_MQTT_URL", f"mqtt://127.0.0.1:{free_port}")


@pytest.mark.usefixtures("_no_broker")
class TestStore:
    """What is said of a store, while no broker is there."""

    def test_absent_store_can_be_made(self, examine: Examine) -> None:
        """A store that does not exist yet is no fault, and is not made."""
        assert examine()[1]["store"]["verdict"] == "ok"
        assert not Path("ha-ai.db").exists()

    @pytest.mark.parametrize("path", ["missing/ha-ai.db", "/proc/ha-ai.db"])
    def test_place_that_cannot_be_written_is_wrong(
        self, examine: Examine, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        """A directory that is missing, or into which nothing can be written, is wrong."""
        monkeypatch.setenv("HA_AI_DATABASE_PATH", path)
        assert examine()[1]["store"]["verdict"] == "wrong"

    @pytest.mark.parametrize("url", ["nonsense", "sqlite:/ha-ai.db", "oracel://localhost"])
    def test_address_of_no_database_is_wrong(
        self, examine: Examine, monkeypatch: pytest.MonkeyPatch, url: str
    ) -> None:
        """An address that names no database that is known is wrong, and all else is examined."""
        monkeypatch.setenv("HA_AI_DATABASE_URL", url)
        found = examine()[1]
        assert found["store"]["verdict"] == "wrong"
        assert "HA_AI_DATABASE_URL" in found["store"]["found"]
        assert "broker" in found

    def test_store_in_order_is_whole(self, examine: Examine) -> None:
        """A store of this version is ok, beside a transaction that is writing."""
        make_store()
        with closing(sqlite3.connect("ha-ai.db", isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            assert "is whole" in examine()[1]["store"]["found"]

    @pytest.mark.parametrize(
        ("owner", "ahead_us", "verdict", "said"),
        [
            ("{ours}", 0, "ok", "of this machine, which is alive"),
            ("{ours}0", 0, "ok", "which is gone; whoever starts next takes over at once"),
            (
                "another-machine/1/7/2",
                -5_000_000,
                "ok",
                "process 7 of another machine or container, heard of",
            ),
            ("another-machine/1/7/2", -10_800_000_000, "warning", "silent for 3 h"),
            ("another-machine/1/7/2", 30 * 86_400_000_000, "warning", "its clock is 29 days ahead of ours"),
        ],
    )
    def test_owner_is_told(
        self, examine: Examine, owner: str, ahead_us: int, verdict: str, said: str
    ) -> None:
        """Who owns the home, where, and whether it is alive, gone or of another time."""
        make_store()
        store = SqlStore("sqlite:///ha-ai.db")
        name = owner.format(ours=process_name())
        assert store.leases.acquire("p0", name, now_us=time.time_ns() // 1000 + ahead_us, ttl_us=10_000_000)
        store.close()
        found = examine()[1]["owner"]
        assert found["verdict"] == verdict
        assert said in found["found"]

    def test_newer_store_is_wrong(self, examine: Examine) -> None:
        """A store that a newer version wrote is not touched."""
        make_store()
        with closing(sqlite3.connect("ha-ai.db")) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        found = examine()[1]["store"]
        assert (found["verdict"], "newer version" in found["found"]) == ("wrong", True)

    def test_damaged_store_is_wrong(self, examine: Examine) -> None:
        """Pages that hold nonsense are noticed, and all that belongs to the file is named."""
        make_store()
        content = bytearray(Path("ha-ai.db").read_bytes())
        content[4096:] = b"\xa5" * (len(content) - 4096)
        Path("ha-ai.db").write_bytes(content)
        found = examine()[1]["store"]
        assert found["verdict"] == "wrong"
        assert "move ha-ai.db away with what lies beside it" in found["advice"]
        assert "ha-ai.db-wal, ha-ai.db-shm, ha-ai.db.mark." in found["advice"]

    @pytest.mark.parametrize("name", ["ha-ai.db", "ha-ai.db.mark"])
    def test_a_file_of_another_user_is_wrong(
        self, examine: Examine, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        """As after a run as root: the next start would end at it."""
        make_store()
        access = os.access
        monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != name and access(path, mode))
        found = examine()[1]["store"]
        assert (found["verdict"], f"/{name}" in found["found"]) == ("wrong", True)

    def test_a_server_that_is_away_has_its_own_backups(
        self, examine: Examine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No file of ours is there that could be moved away."""
        pytest.importorskip("psycopg")
        monkeypatch.setenv("HA_AI_DATABASE_URL", "postgresql+psycopg://me@127.0.0.1:1/homes")
        found = examine()[1]["store"]
        assert (found["verdict"], "`ha-ai backup` says how" in found["advice"]) == ("wrong", True)

    def test_little_room_is_told(self, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
        """Little free space is warned of, and too little is wrong."""
        for free, verdict in ((500 * 1024**2, "warning"), (1024**2, "wrong")):
            monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: type("Usage", (), {"free": free}))
            assert examine()[1]["space"]["verdict"] == verdict


@pytest.mark.usefixtures("_no_broker")
class TestHomeAssistant:
    """What is said of Home Assistant, while no broker is there."""

    def test_answers_with_zone_and_areas(
        self, examine: Examine, home: FakeHomeAssistant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Reached with its token, Home Assistant tells zone and areas."""
        home.add_entity("light.hall", area="Hall")
        monkeypatch.setenv("HA_AI_TZ", "Europe/Amsterdam")
        found = examine()[1]
        assert found["Home Assistant"]["found"] == f"2025.4.4 answers at {home.url}"
        assert found["time zone"]["verdict"] == "ok"
        assert found["areas"]["found"] == "1 entities in 1 areas"

    @pytest.mark.parametrize(
        ("version", "verdict", "said"),
        [
            ("2023.12.4", "warning", "older"),
            ("2024.3.0", "ok", ""),
            ("2026.11.2", "ok", ""),
            ("2026.12.0b1", "ok", "newer than 2026.11"),
        ],
    )
    def test_release_is_held_against_those_that_were_tried(
        self, examine: Examine, home: FakeHomeAssistant, version: str, verdict: str, said: str
    ) -> None:
        """One that is older than all that were tried is warned of, one that is newer is told."""
        home.version = version
        found = examine()[1]["Home Assistant"]
        assert (found["verdict"], said in found["found"]) == (verdict, True)

    def test_other_zone_is_warned_of(
        self, examine: Examine, home: FakeHomeAssistant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A zone that is not Home Assistant's is pointed out."""
        assert home.url
        monkeypatch.setenv("HA_AI_TZ", "Asia/Tokyo")
        found = examine()[1]["time zone"]
        assert found["verdict"] == "warning"
        assert "HA_AI_TZ=Europe/Amsterdam" in found["advice"]

    def test_wrong_token_is_wrong(
        self, examine: Examine, home: FakeHomeAssistant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A refused token is said as such, without the token."""
        assert home.url
        monkeypatch.setenv("HA_AI_HOME_ASSISTANT_TOKEN", "stolen")
        code, found = examine()
        assert (code, found["Home Assistant"]["verdict"]) == (1, "wrong")
        assert "token" in found["Home Assistant"]["found"]
        assert "stolen" not in json.dumps(found)

    @pytest.mark.parametrize("content", [None, "hello", '{"tz": "Mars"}'])
    def test_home_file_that_cannot_be_read_is_wrong(
        self, examine: Examine, monkeypatch: pytest.MonkeyPatch, content: str | None
    ) -> None:
        """A home.json that is missing, or none, is wrong: `run` would not start."""
        if content is not None:
            Path("home.json").write_text(content)
        monkeypatch.setenv("HA_AI_HOME_FILE", "home.json")
        found = examine()[1]["time zone"]
        assert (found["verdict"], "home.json cannot be read" in found["found"]) == ("wrong", True)

    def test_home_file_tells_the_zone(self, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
        """The zone of a home.json is said with where it comes from."""
        Path("home.json").write_text('{"tz": "Europe/Berlin"}')
        monkeypatch.setenv("HA_AI_HOME_FILE", "home.json")
        assert examine()[1]["time zone"]["found"] == "Europe/Berlin, from home.json"

    def test_address_without_token_is_wrong(self, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
        """One of the two settings alone is an oversight."""
        monkeypatch.setenv("HA_AI_HOME_ASSISTANT_URL", "http://127.0.0.1:1")
        found = examine()[1]["Home Assistant"]
        assert (found["verdict"], found["advice"]) == ("wrong", "Set HA_AI_HOME_ASSISTANT_TOKEN.")
        assert "presses of its buttons cannot be confirmed" in found["found"]


@pytest.mark.usefixtures("_no_broker")
class TestCommandKey:
    """What is said of the key that signs commands, while no broker is there."""

    def test_absent_key_is_made_later(self, examine: Examine) -> None:
        """Where there is none yet, that is in order, and none is made."""
        found = examine()[1]["command key"]
        assert (found["verdict"], found["found"]) == ("ok", "ha-ai.key is made at the first start")
        assert not Path("ha-ai.key").exists()

    def test_place_where_none_can_be_made_is_wrong(
        self, examine: Examine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A directory into which nothing can be written is wrong before the first start."""
        monkeypatch.setattr("os.access", lambda *_: False)
        found = examine()[1]["command key"]
        assert (found["verdict"], "cannot write into" in found["found"]) == ("wrong", True)

    @pytest.mark.parametrize(
        ("mode", "content", "verdict", "said"),
        [
            (0o600, "ab" * 32, "ok", "for its owner only"),
            (0o640, "ab" * 32, "wrong", "got mode 640"),
            (0o600, "no key", "wrong", "64 hexadecimal digits"),
        ],
    )
    def test_key_is_for_its_owner_only(
        self, examine: Examine, mode: int, content: str, verdict: str, said: str
    ) -> None:
        """One that others may read, or that is none, is wrong, and is not printed."""
        write_secret("ha-ai.key", content, mode)
        found = examine()[1]
        assert found["command key"]["verdict"] == verdict
        assert said in found["command key"]["found"]
        assert content not in json.dumps(found)


@pytest.mark.usefixtures("_no_broker")
class TestDeployment:
    """What is said of the deployer's token and of Home Assistant's automations, while no broker is there."""

    @pytest.fixture(autouse=True)
    def _set_up(self, home: FakeHomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
        write_secret("deployer.token", home.admin_token)
        monkeypatch.setenv("HA_AI_DEPLOYER_TOKEN_FILE", "deployer.token")

    def test_administrator_can_deploy(self, examine: Examine, home: FakeHomeAssistant) -> None:
        """An administrator's token is in order, and nothing is written with it or said of it."""
        home.add_automation("1700000000000", {"alias": "Night", "trigger": []})
        _, found = examine()
        assert found["deployer"]["verdict"] == "ok"
        assert found["automations"] == {
            "check": "automations",
            "verdict": "ok",
            "found": "Home Assistant loads automations.yaml",
            "advice": "",
        }
        assert {request.method for request in home.requests} == {"GET"}
        assert home.admin_token not in json.dumps(found)

    def test_without_a_token_nothing_is_deployed(
        self, examine: Examine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where Home Assistant is set up, the missing file is pointed out, and else it is in order."""
        monkeypatch.delenv("HA_AI_DEPLOYER_TOKEN_FILE")
        found = examine()[1]["deployer"]
        assert (found["verdict"], "nothing is deployed" in found["found"]) == ("warning", True)
        assert "HA_AI_DEPLOYER_TOKEN_FILE" in found["advice"]
        monkeypatch.delenv("HA_AI_HOME_ASSISTANT_URL")
        monkeypatch.delenv("HA_AI_HOME_ASSISTANT_TOKEN")
        found = examine()[1]["deployer"]
        assert (found["verdict"], "nothing is deployed" in found["found"]) == ("ok", True)

    def test_token_without_an_address_is_wrong(
        self, examine: Examine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A token's file alone is an oversight."""
        monkeypatch.delenv("HA_AI_HOME_ASSISTANT_URL")
        found = examine()[1]["deployer"]
        assert (found["verdict"], found["advice"]) == ("wrong", "Set HA_AI_HOME_ASSISTANT_URL, too.")

    @pytest.mark.parametrize(
        ("content", "mode", "said"),
        [(None, 0o600, "No such file"), ("a-token", 0o644, "got mode 644"), ("a b", 0o600, "of that form")],
    )
    def test_file_that_cannot_be_used_is_wrong(
        self, examine: Examine, home: FakeHomeAssistant, content: str | None, mode: int, said: str
    ) -> None:
        """A file that is missing, open to others, or no token's is wrong, and is not tried."""
        Path("deployer.token").unlink()
        if content is not None:
            write_secret("deployer.token", content, mode)
        code, found = examine()
        assert (code, found["deployer"]["verdict"]) == (1, "wrong")
        assert said in found["deployer"]["found"]
        assert "automations" not in found
        assert not [request for request in home.requests if "automation" in request.path]

    @pytest.mark.parametrize("whose", ["an ordinary user's", "nobody's"])
    def test_other_token_is_wrong(self, examine: Examine, home: FakeHomeAssistant, whose: str) -> None:
        """The token of an ordinary user, or none of Home Assistant's, is wrong, and is not printed."""
        token = home.reader_token if whose == "an ordinary user's" else "made-up"
        write_secret("deployer.token", token)
        code, found = examine()
        assert (code, found["deployer"]["verdict"]) == (1, "wrong")
        assert "of an administrator" in found["deployer"]["found"]
        assert token not in json.dumps(found)

    def test_file_of_automations_that_cannot_be_read_is_wrong(
        self, examine: Examine, home: FakeHomeAssistant
    ) -> None:
        """Where Home Assistant fails over automations.yaml, that is told, and not the token blamed."""
        home.fail("read", Failure.SERVER_ERROR)
        code, found = examine()
        assert (code, found["automations"]["verdict"]) == (1, "wrong")
        assert "failed over automations.yaml" in found["automations"]["found"]
        assert "deployer" not in found

    def test_missing_editor_is_wrong(self, examine: Examine, home: FakeHomeAssistant) -> None:
        """A Home Assistant without `config:` cannot be written to."""
        home.components.remove("config")
        found = examine()[1]["deployer"]
        assert (found["verdict"], "automation editor" in found["found"]) == ("wrong", True)

    @pytest.mark.parametrize("there", ["none", "one of a package"])
    def test_missing_include_is_suspected(
        self, examine: Examine, home: FakeHomeAssistant, there: str
    ) -> None:
        """Where no automation is both loaded and in automations.yaml, the line to look for is told."""
        if there != "none":
            home.add_entity("automation.night", "on", id="night", platform="automation")
        found = examine()[1]["automations"]
        assert found["verdict"] == "warning"
        assert "automation: !include automations.yaml" in found["advice"]

    @pytest.mark.parametrize("step", ["read", "configuration", "states"])
    def test_silence_is_wrong(self, examine: Examine, home: FakeHomeAssistant, step: str) -> None:
        """A Home Assistant that hangs up does not break the examination off."""
        home.fail(step, *[Failure.CUT_BEFORE] * 9)
        code, found = examine()
        assert (code, found["deployer"]["verdict"]) == (1, "wrong")
        assert "broker" in found


class TestDiscovery:
    """What is said of the way by which suggestions appear in Home Assistant."""

    def test_devices_may_be_announced(self, examine: Examine, at_broker: Running) -> None:
        """Where Home Assistant is not set up, the broker's part is examined."""
        del at_broker
        found = examine()[1]["discovery"]
        assert (found["verdict"], found["found"]) == ("ok", "devices may be announced below homeassistant/")

    @pytest.mark.parametrize(
        ("announced", "known", "mqtt", "verdict", "said"),
        [
            (True, True, True, "ok", "such as sensor.ha_ai_patterns"),
            (False, False, True, "ok", "is told at the first start"),
            (True, False, True, "wrong", "does not have them"),
            (False, False, False, "wrong", "has no MQTT"),
        ],
    )
    def test_home_assistant_takes_what_is_announced(
        self,
        examine: Examine,
        embedded_broker: Running,
        home: FakeHomeAssistant,
        monkeypatch: pytest.MonkeyPatch,
        *,
        announced: bool,
        known: bool,
        mqtt: bool,
        verdict: str,
        said: str,
    ) -> None:
        """Announced devices that Home Assistant does not have hint at another broker or prefix."""
        monkeypatch.setenv("HA_AI_MQTT_URL", embedded_broker.url)
        if announced:
            announce(embedded_broker, "homeassistant/device/haai/hub/config")
        if known:
            home.add_entity("sensor.ha_ai_patterns", "3", unique_id="haai_patterns")
        if not mqtt:
            home.components.remove("mqtt")
        found = examine()[1]["discovery"]
        assert (found["verdict"], said in found["found"]) == (verdict, True)

    @pytest.mark.mosquitto
    @pytest.mark.parametrize("right", ["read", "write"])
    def test_missing_right_is_wrong(
        self,
        examine: Examine,
        mosquitto: Callable[..., Running],
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        right: str,
    ) -> None:
        """Who may not write there, or read back what is there, cannot show suggestions."""
        monkeypatch.setattr(discovery, "ANSWER_S", 0.5)
        acl = tmp_path / "acl"
        acl.write_text(f"topic readwrite ha-ai/#\ntopic {right} homeassistant/+/haai/+/config\n")
        acl.chmod(0o600)
        monkeypatch.setenv("HA_AI_MQTT_URL", mosquitto(acl_file=acl).url)
        code, found = examine()
        assert (code, found["rights"]["verdict"], found["discovery"]["verdict"]) == (1, "ok", "wrong")
        assert "topic readwrite homeassistant/+/haai/+/config" in found["discovery"]["advice"]


def test_the_running_process_is_asked(
    examine: Examine, at_broker: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether ha-ai runs here, and what it says of itself, is part of the examination."""
    del at_broker
    monkeypatch.setenv("HA_AI_HTTP_PORT", str(claim_port()))
    code, found = examine()
    assert (code, found["service"]["found"].startswith("not running here")) == (0, True)


def test_people_read_verdict_finding_and_advice(ha_ai: Command, at_broker: Running) -> None:
    """On a terminal each check is a line, with what to do below it, and the count at the end."""
    del at_broker
    outcome = ha_ai("doctor")
    assert "ok       broker             mqtt://127.0.0.1:" in outcome.out
    assert "warning  time zone          not set" in outcome.out
    assert "                            Set HA_AI_TZ" in outcome.out
    assert outcome.out.rstrip().endswith("ok")


def write_secret(path: str, content: str, mode: int = 0o600) -> None:
    """Write a file in the present directory, with that mode."""
    Path(path).touch()
    Path(path).chmod(mode)
    Path(path).write_text(content)


def announce(broker: Running, topic: str) -> None:
    """Let a device be announced, as the shower does."""

    async def publish() -> None:
        async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            await client.publish(topic, b"{}", 1, retain=True)

    asyncio.run(publish())


def make_store() -> None:
    """Make a store in the present directory."""
    store = SqlStore("sqlite:///ha-ai.db")
    store.migrate()
    store.close()


@contextmanager
def publishing(broker: Running, topic: str) -> Iterator[None]:
    """Publish to a topic all the while, as a living home does."""
    ended = threading.Event()

    async def publish() -> None:
        async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            while not ended.is_set():
                await client.publish(topic, b"{}")
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: asyncio.run(publish()))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def answering(connack: bytes) -> Iterator[int]:
    """A listener that answers every CONNECT with these bytes and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(connack)
                connection.recv(1024)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()
