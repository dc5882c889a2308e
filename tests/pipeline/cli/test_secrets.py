"""Canaries in the place of every secret: none is found in anything that is said, written or published."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import aiomqtt
import httpx
import pytest

from benchmarks.ports import claim_port
from tests.sinks.fake_home_assistant import FakeHomeAssistant, in_thread

Command = Any
Running = Any

USER = "haai"
SECRETS = {
    "broker": "canary-broker-5d1f",
    "reader": "canary-reader-77aa",
    "administrator": "canary-administrator-90c3",
    "language model": "canary-model-1b2e",
    "key": "cafe0ca11ab1e" * 4 + "0123456789ab",
}
CANARY = re.compile("|".join(map(re.escape, SECRETS.values())))
PAGES = [
    "/health",
    "/health/ready",
    "/health/live",
    "/metrics",
    "/asyncapi",
    "/asyncapi.json",
    "/asyncapi/try",
    "/x",
]
WORDS = [
    ["doctor"],
    ["doctor", "--json"],
    ["check"],
    ["patterns"],
    ["suggestions"],
    ["audit"],
    ["prune"],
    ["approve", "nothing"],
    ["reject", "nothing"],
    ["rollback", "nothing"],
    ["backtest", "nothing"],
    ["explain", "nothing"],
    ["run", "teach"],
]
READY_S = 30.0


class Said(NamedTuple):
    """What a process logged, served and published."""

    log: str
    pages: dict[str, str]
    messages: list[str]


@pytest.fixture
def home() -> Iterator[FakeHomeAssistant]:
    """A Home Assistant that knows the canaries."""
    fake = FakeHomeAssistant()
    fake.reader_token, fake.admin_token = SECRETS["reader"], SECRETS["administrator"]
    with in_thread(fake):
        yield fake


@pytest.fixture
def broker(mosquitto: Callable[..., Running], tmp_path: Path) -> Running:
    """A broker that asks for the password."""
    passwords = tmp_path / "passwords"
    words = ["mosquitto_passwd", "-b", "-c", str(passwords), USER, SECRETS["broker"]]
    subprocess.run(words, check=True)
    return mosquitto(password_file=passwords, allow_anonymous="false")


@pytest.fixture
def environment(
    home: FakeHomeAssistant, broker: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Settings with every secret there is, in the environment and in files."""
    for name, content in (("token", SECRETS["administrator"]), ("ha-ai.key", SECRETS["key"])):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(content)
    stated = {
        "MQTT_URL": broker.url,
        "MQTT_USERNAME": USER,
        "MQTT_PASSWORD": SECRETS["broker"],
        "HOME_ASSISTANT_URL": home.url,
        "HOME_ASSISTANT_TOKEN": SECRETS["reader"],
        "DEPLOYER_TOKEN_FILE": str(tmp_path / "token"),
        "OPENAI_API_KEY": SECRETS["language model"],
        "HTTP_PORT": str(claim_port()),
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": "json",
    }
    for name, value in stated.items():
        monkeypatch.setenv(f"HA_AI_{name}", value)
    return {**os.environ}


def words(*arguments: str) -> list[str]:
    """The command as a process."""
    return [str(Path(sys.executable).with_name("ha-ai")), *arguments]


@contextmanager
def running(environment: dict[str, str], log: Path) -> Iterator[str]:
    """All of ha-ai, ready; its address. At the end it is stopped."""
    address = f"http://127.0.0.1:{environment['HA_AI_HTTP_PORT']}"
    with log.open("wb") as output, subprocess.Popen(words("run"), env=environment, stderr=output) as process:
        try:
            give_up_s = time.monotonic() + READY_S
            while log.read_text().count('"consumer runs"') < len(
                ("answer", "deploy", "review", "show", "suggest")
            ):
                assert time.monotonic() < give_up_s, log.read_text()
                time.sleep(0.1)
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


async def listen_and_bother(broker: Running) -> list[str]:
    """Publish what cannot be taken and commands that nobody signed; all that is published meanwhile."""
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        username=USER,
        password=SECRETS["broker"],
        protocol=aiomqtt.ProtocolVersion.V5,
    )
    heard: list[str] = []
    async with client:
        await client.subscribe("#", 1)
        await client.publish("homeassistant_events", b"\xff junk", 1)
        for verb in ("suggestion/approve", "automation/deploy", "suggestion/press"):
            await client.publish(f"ha-ai/commands/{verb}", b'{"token": "x"}', 1)
        async with asyncio.timeout(READY_S):
            async for message in client.messages:
                heard.append(f"{message.topic} {bytes(message.payload or b'')!r}")
                if str(message.topic) == "ha-ai/dead-letter":
                    break
    return heard


@pytest.mark.mosquitto
def test_no_secret_is_said(
    ha_ai: Command,
    home: FakeHomeAssistant,
    broker: Running,
    environment: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Logs in detail, pages, messages, the store, the doctor and every command that asks: 0 canaries."""
    log = tmp_path / "log"
    with running(environment, log) as address:
        said = {path: httpx.get(address + path) for path in PAGES}
        heard = asyncio.run(listen_and_bother(broker))
        commands = {}
        for arguments in WORDS:
            try:
                outcome = ha_ai(*arguments)
                commands[" ".join(arguments)] = outcome.out + outcome.err
            except SystemExit:
                commands[" ".join(arguments)] = "".join(capsys.readouterr())
    found = {
        "log": log.read_text(),
        "store": "".join(path.read_bytes().decode("latin-1") for path in tmp_path.glob("ha-ai.db*")),
        "messages": "\n".join(heard),
        **{path: f"{page.headers} {page.text}" for path, page in said.items()},
        **commands,
    }
    assert {request.token for request in home.requests} >= {SECRETS["reader"], SECRETS["administrator"]}
    assert any(message.startswith("ha-ai/dead-letter") for message in heard)
    assert '"level": "debug"' in found["log"]
    assert all(found[place] for place in found), [place for place in found if not found[place]]
    assert {place: match[0] for place, text in found.items() if (match := CANARY.search(text))} == {}
    assert [place for place, text in found.items() if "Traceback" in text] == []


WRONG = {
    "HA_AI_MQTT_URL": [
        "http://u:CANARY@x",
        "mqtt://u:CANARY@x",
        "mqtt://CANARY@x",
        "mqtts://u:CAN@ARY@x:99999",
    ],
    "HA_AI_MQTT_HOST": ["u:CANARY@127.0.0.1", "127.0.0.1/CANARY"],
    "HA_AI_DATABASE_URL": [
        "nonsense CANARY",
        "oracel://u:CANARY@127.0.0.1:1/x",
        "postgresql+psycopg://u:CANARY@127.0.0.1:1/x",
        "postgresql+psycopg://u:CANARY@127.0.0.1:port/x",
        "postgresql+psycopg://u:CAN@CANARY@127.0.0.1:1/x",
        "postgresql+psycopg://u@127.0.0.1:1/x?password=CANARY",
    ],
    "HA_AI_HOME_ASSISTANT_URL": ["http://u:CANARY@127.0.0.1:1", "ftp://u:CANARY@127.0.0.1:1"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_no_secret_of_a_wrong_setting_is_said(
    ha_ai: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str, free_port: int, tmp_path: Path
) -> None:
    """What cannot be used is refused in words that do not repeat the password in it, in detail neither."""
    monkeypatch.setenv("HA_AI_MQTT_URL", f"mqtt://127.0.0.1:{free_port}")
    monkeypatch.setenv("HA_AI_HTTP_PORT", "0")
    monkeypatch.setenv("HA_AI_LOG_LEVEL", "debug")
    monkeypatch.setenv(name, value)
    if name == "HA_AI_MQTT_HOST":
        monkeypatch.delenv("HA_AI_MQTT_URL")
    said = "".join(outcome.out + outcome.err for outcome in map(ha_ai, ("doctor", "patterns")))
    with suppress(subprocess.TimeoutExpired), (tmp_path / "log").open("wb") as output:
        subprocess.run(words("run"), stderr=output, timeout=3, check=False)
    said += (tmp_path / "log").read_text()
    assert said
    assert "CANARY" not in said


def test_a_log_of_an_exception_masks_what_it_carries(tmp_path: Path) -> None:
    """An exception that names a secret, known or by its form, is logged without it, in either format."""
    code = (
        "import logging\n"
        "from pipeline.runtime.logs import configure_logs; from pipeline.settings import Settings\n"
        "configure_logs(Settings(_env_file=None, log_format=FORMAT, mqtt_password='canary-known'))\n"
        "try: raise OSError('canary-known at mqtt://u:canary-form@host')\n"
        "except OSError: logging.getLogger('any').exception('failed %s', ['canary-known'])\n"
        "import structlog\n"
        "structlog.get_logger().error('x', deep=[{'password': 'canary-name'}], token='canary-name')\n"
    )
    for form in ("'json'", "'console'"):
        done = subprocess.run(
            [sys.executable, "-c", code.replace("FORMAT", form)],
            cwd=tmp_path,
            capture_output=True,
            check=True,
        )
        said = done.stderr.decode()
        assert "Traceback" in said
        assert said.count("***") >= 5
        assert "canary" not in said
        if form == "'json'":
            assert [json.loads(line) for line in said.splitlines()]
