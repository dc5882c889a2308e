"""What `run` says of settings with which it cannot start; how it runs is tried with the pipeline."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import httpx
import psutil
import pytest
from pydantic import SecretStr
from structlog import get_logger
from structlog.testing import capture_logs

from pipeline.cli import learning, run
from pipeline.doctor.deployment import check_command_key
from pipeline.doctor.finding import Verdict
from pipeline.doctor.store import check_store
from pipeline.health import Health, Metrics
from pipeline.runtime.role import STATEFUL
from pipeline.settings import Settings
from schemas.home import Home
from schemas.topics import Role

Command = Any


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "HA_AI_DATABASE_PATH",
            "missing/ha-ai.db",
            "the store cannot be used: expected the store to be writ",
        ),
        (
            "HA_AI_DATABASE_PATH",
            "none.db",
            "the store cannot be used: expected a whole SQLite file, got: file is not a database",
        ),
        ("HA_AI_DATABASE_URL", "nonsense", "the store cannot be used: Could not parse"),
        (
            "HA_AI_DATABASE_URL",
            "mysql://a@b/c",
            "the store cannot be used: expected an address such as sqlite:",
        ),
        ("HA_AI_DATABASE_URL", "oracle://a@b/c", "the store cannot be used: expected an address such as sq"),
        ("HA_AI_DATABASE_URL", "postgresql+pg8000://a@b/c", "expected the driver of postgresql+pg8000 to be"),
        ("HA_AI_HOME_FILE", "missing.json", "expected a home.json at missing.json, got: No such file"),
        ("HA_AI_HOME_FILE", "none.db", "expected tz, lat, lon and rooms in none.db, got: Invalid JSON"),
        ("HA_AI_TZ", "Mars", "HA_AI_TZ: expected an IANA time zone such as Europe/Berlin, got 'Mars'"),
        ("HA_AI_HTTP_PORT", "99999", "HA_AI_HTTP_PORT: expected less than or equal to 65535, got '99999'"),
    ],
)
def test_what_cannot_be_used_ends_the_start(
    ha_ai: Command, monkeypatch: pytest.MonkeyPatch, free_port: int, name: str, value: str, message: str
) -> None:
    """A setting with which nothing can run ends the command with the reason, and no traceback."""
    Path("none.db").write_text("hello" * 1000)
    monkeypatch.setenv("HA_AI_MQTT_URL", f"mqtt://127.0.0.1:{free_port}")
    monkeypatch.setenv("HA_AI_HTTP_PORT", "0")
    monkeypatch.setenv(name, value)
    outcome = ha_ai("run")
    assert outcome.code == 2
    assert message in outcome.err
    assert "Traceback" not in outcome.err
    assert [path.name for path in Path().iterdir()] == ["none.db"]
    assert Path("none.db").read_text() == "hello" * 1000


@pytest.mark.parametrize("url", ["mysql://a@b/c", "oracle://a@b/c", "postgresql+pg8000://a@b/c", "nonsense"])
def test_the_doctor_says_which_addresses_there_are(url: str) -> None:
    """An address that cannot be used here is a finding with an example, and no traceback."""
    (finding,) = check_store(Settings(_env_file=None, database_url=SecretStr(url)))
    assert finding.verdict is Verdict.WRONG
    assert "sqlite:////data/ha-ai.db" in finding.advice


def test_the_doctor_names_a_file_that_was_never_ours(tmp_path: Path) -> None:
    """It says what to do, and leaves the file alone."""
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    (finding,) = check_store(Settings(_env_file=None, database_path=path))
    assert (finding.verdict, "was never a store of ha-ai" in finding.found) == (Verdict.WRONG, True)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("notes.txt", "hello")]


def test_a_key_that_is_none_ends_nothing(at_broker: Any, tmp_path: Path) -> None:
    """Learning goes on; log, health and doctor say that nothing can be approved, and why."""
    key = tmp_path / "none.key"
    key.write_text("hello" * 1000)
    key.chmod(0o600)
    with running(at_broker, port=0, HA_AI_COMMAND_KEY_FILE=str(key)) as said:
        events = {}
        for line in said:
            events[line["event"]] = line
            if line["event"] == "owner of the home":
                break
        address = events["health and metrics are served"]["health"]
        until_s = time.monotonic() + 20
        while not any("nothing can be approved" in each for each in httpx.get(address).json()["notices"]):
            assert time.monotonic() < until_s
            time.sleep(0.1)
    assert "none.key" in events["nobody can approve or reject anything"]["error"]
    finding = check_command_key(Settings(_env_file=None, command_key_file=key))
    assert finding.verdict is Verdict.WRONG
    assert key.read_text() == "hello" * 1000


def test_what_the_disk_refuses_is_said_in_words(
    ha_ai: Command, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    """An error of a file that nothing else explains ends the start with its name, and no traceback."""
    Path("ha-ai.db").touch()
    Path("ha-ai.db.mark").mkdir()
    monkeypatch.setenv("HA_AI_MQTT_URL", f"mqtt://127.0.0.1:{free_port}")
    monkeypatch.setenv("HA_AI_HTTP_PORT", "0")
    outcome = ha_ai("run")
    assert outcome.code == 2
    assert "cannot start: " in outcome.err
    assert "ha-ai.db.mark: Is a directory" in outcome.err


def test_unknown_consumer_is_refused(ha_ai: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """A consumer that there is not is answered with those that there are."""
    with pytest.raises(SystemExit):
        ha_ai("run", "teach")
    assert f"expected one of {', '.join(Role)}, got 'teach'" in capsys.readouterr().err


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Role]:
    """The consumers that were given a process of their own; none really is."""
    found: list[Role] = []

    async def note(consumer: Role, *_how: object) -> None:
        found.append(consumer)

    monkeypatch.setattr(run, "keep_running", note)
    return found


@pytest.fixture
def hosted(monkeypatch: pytest.MonkeyPatch) -> list[Role]:
    """The stateless consumers that were to run in this process; none really does."""
    found: list[Role] = []

    def note(_settings: object, _home: object, factories: Iterable[Role], **_how: object) -> None:
        found.extend(factories)

    monkeypatch.setattr(run, "ConsumerHost", note)
    monkeypatch.setattr(learning, "Service", MagicMock())
    return found


def deploying(tmp_path: Path, **fields: Any) -> Settings:
    """Settings with which the deployer can run."""
    settings = {"deployer_token_file": tmp_path / "token", "home_assistant_url": "http://127.0.0.1:1"}
    return Settings(_env_file=None, **{**settings, **fields})


async def test_without_names_everything_runs_and_the_deployer_beside(
    tmp_path: Path, started: list[Role], hosted: list[Role]
) -> None:
    """The deployer gets a process of its own, and the one that holds all others does not make it."""
    assert frozenset(Role) == run.ALL
    parts, beside = run._parts(deploying(tmp_path), Home(), run.ALL, Health(), Metrics())
    assert len(parts) == 2
    assert set(hosted) == frozenset(Role) - STATEFUL - {Role.DEPLOY}
    await beside[-1]()
    assert started == [Role.DEPLOY]


async def test_the_deployer_alone_runs_here(tmp_path: Path, started: list[Role], hosted: list[Role]) -> None:
    """Named alone it is the process of its own."""
    parts, beside = run._parts(deploying(tmp_path), Home(), frozenset({Role.DEPLOY}), Health(), Metrics())
    assert (len(parts), beside, hosted, started) == (1, [], [Role.DEPLOY], [])


@pytest.mark.parametrize("name", ["deployer_token_file", "home_assistant_url"])
@pytest.mark.usefixtures("hosted")
async def test_without_a_token_or_an_address_nothing_deploys(
    tmp_path: Path, started: list[Role], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No process is started that could only end, and the log says what is missing."""
    monkeypatch.setattr(run, "log", get_logger())
    _, beside = run._parts(deploying(tmp_path, **{name: None}), Home(), run.ALL, Health(), Metrics())
    with capture_logs() as logs:
        await beside[-1]()
    assert started == []
    assert logs[0]["event"].startswith("nothing is deployed")


def test_the_deployer_without_its_token_says_what_is_missing(
    ha_ai: Command, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    """Started alone without a token it ends with the reason, and no traceback."""
    monkeypatch.setenv("HA_AI_MQTT_URL", f"mqtt://127.0.0.1:{free_port}")
    outcome = ha_ai("run", "deploy")
    assert outcome.code == 2
    assert "HA_AI_DEPLOYER_TOKEN_FILE" in outcome.err
    assert "Traceback" not in outcome.err


def test_every_consumer_runs_and_ends(at_broker: Any, tmp_path: Path) -> None:
    """The command without names: all consumers connect, the deployer as a child that goes with its parent."""
    (tmp_path / "token").write_text("a-token")
    (tmp_path / "token").chmod(0o600)
    environment = {
        "HA_AI_DEPLOYER_TOKEN_FILE": str(tmp_path / "token"),
        "HA_AI_HOME_ASSISTANT_URL": "http://127.0.0.1:1",
    }
    running_consumers: dict[str, int] = {}
    with running(at_broker, port=0, **environment) as said:
        for line in said:
            if line["event"] == "consumer runs in a process of its own":
                child = psutil.Process(line["pid"])
            if line["event"] == "consumer runs":
                running_consumers[line["consumer"]] = 1
            if len(running_consumers) == len(Role) - len(STATEFUL):
                break
    assert running_consumers.keys() == frozenset(Role) - STATEFUL
    assert not child.is_running()


@pytest.mark.parametrize("is_set", [True, False])
def test_without_a_readers_token_it_says_that_presses_do_not_count(at_broker: Any, *, is_set: bool) -> None:
    """A person who presses in vain would look there; who has set it up is not told so."""
    asked = {"HA_AI_HOME_ASSISTANT_URL": "http://127.0.0.1:1", "HA_AI_HOME_ASSISTANT_TOKEN": "t"}
    with running(at_broker, port=0, **(asked if is_set else {})) as said:
        events = []
        for line in said:
            events.append(line["event"])
            if line["event"] == "consumer runs":
                break
    assert any("HA_AI_HOME_ASSISTANT_TOKEN" in event for event in events) is not is_set


def test_address_of_health_is_said(at_broker: Any) -> None:
    """With port 0 a free one is picked, and the log says where health is served."""
    with running(at_broker, port=0) as said:
        address = next(line["health"] for line in said if "health" in line)
        assert httpx.get(address).json()["status"] in ("ok", "degraded")


@pytest.mark.parametrize("names", [["deploy"], ["review", "show"], ["publish", "answer"], ["learn"]])
def test_any_set_of_roles_is_served(at_broker: Any, tmp_path: Path, names: list[str]) -> None:
    """Whichever run, health is there behind the same rules, and says how each of them is."""
    with running(at_broker, *names, port=0, **deployer_of(tmp_path)) as said:
        address = next(line["health"] for line in said if "health" in line)
        told = well(address)
        refused = httpx.get(address, headers={"Host": "evil.example"})
        changed = httpx.post(address)
        figures = httpx.get(address.replace("/health", "/metrics")).text
    assert told["roles"] == dict.fromkeys(names, "runs")
    assert (refused.status_code, changed.status_code) == (403, 405)
    assert "haai_messages_total" in figures


def test_a_role_alone_whose_broker_is_away_is_not_well(tmp_path: Path, free_port: int) -> None:
    """Health says so instead of none at all, and which role waits."""
    nobody = SimpleNamespace(url=f"mqtt://127.0.0.1:{free_port}")
    with running(nobody, "deploy", port=0, **deployer_of(tmp_path)) as said:
        address = next(line["health"] for line in said if "health" in line)
        answer = httpx.get(address)
    assert answer.status_code == 503
    assert answer.json()["problems"] == ["no connection to the MQTT broker: deploy"]
    assert answer.json()["roles"] == {"deploy": "waits"}


def test_the_deployer_beside_is_in_the_health_of_its_parent(at_broker: Any, tmp_path: Path) -> None:
    """One process is asked for all of them; the child opens no port and says nothing twice."""
    more = {**deployer_of(tmp_path), "HA_AI_MQTT_PROT": "1"}
    events = []
    with running(at_broker, port=0, **more) as said:
        for line in said:
            events.append(line["event"])
            if "health" in line:
                address = line["health"]
            if line["event"] == "consumer runs" and line["consumer"] == "deploy":
                break
        roles = well(address)["roles"]
    assert roles.pop("deploy") == "in a process of its own"
    assert roles == dict.fromkeys(frozenset(Role) - {Role.DEPLOY}, "runs")
    assert events.count("health and metrics are served") == 1
    assert events.count("a setting that does not exist has no effect") == 1
    assert not any(event.startswith("health and metrics are not served") for event in events)


def deployer_of(tmp_path: Path) -> dict[str, str]:
    """What the deployer needs to start: a token, and an address at which nobody is."""
    token = tmp_path / "token"
    token.write_text("a-token")
    token.chmod(0o600)
    return {"HA_AI_DEPLOYER_TOKEN_FILE": str(token), "HA_AI_HOME_ASSISTANT_URL": "http://127.0.0.1:1"}


def well(address: str) -> dict[str, Any]:
    """What health says once it says that all is well."""
    until_s = time.monotonic() + 20
    while (answer := httpx.get(address)).status_code != 200:
        assert time.monotonic() < until_s, answer.text
        time.sleep(0.1)
    said: dict[str, Any] = answer.json()
    return said


def test_taken_port_is_said_and_ends_nothing(at_broker: Any) -> None:
    """Where the HTTP port is taken the log says what to do, and the pipeline runs without it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with running(at_broker, port=number) as said:
            line = next(
                line for line in said if line["event"].startswith("health and metrics are not served")
            )
    assert "set HA_AI_HTTP_PORT" in line["event"]
    assert line["port"] == number


@contextmanager
def running(broker: Any, *names: str, port: int, **more: str) -> Iterator[Iterator[dict[str, Any]]]:
    """The lines that a pipeline logs; at the end it is stopped, which it does without a fault."""
    environment = {**os.environ, "HA_AI_MQTT_URL": broker.url, "HA_AI_HTTP_PORT": str(port), **more}
    command = [str(Path(sys.executable).with_name("ha-ai")), "run", *names]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield map(json.loads, process.stderr)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
    assert process.returncode == 0
