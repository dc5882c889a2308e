"""What `run` says of settings with which it cannot start; how it runs is tried with the pipeline."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

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


def test_unknown_consumer_is_refused(ha_ai: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """A consumer that there is not is answered with those that there are."""
    with pytest.raises(SystemExit):
        ha_ai("run", "teach")
    assert "expected learn or publish, got 'teach'" in capsys.readouterr().err


def test_address_of_health_is_said(at_broker: Any) -> None:
    """With port 0 a free one is picked, and the log says where health is served."""
    with running(at_broker, port=0) as said:
        address = next(line["health"] for line in said if "health" in line)
        assert httpx.get(address).json()["status"] in ("ok", "degraded")


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
def running(broker: Any, *, port: int) -> Iterator[Iterator[dict[str, Any]]]:
    """The lines that a pipeline logs; at the end it is stopped, which it does without a fault."""
    environment = {**os.environ, "HA_AI_MQTT_URL": broker.url, "HA_AI_HTTP_PORT": str(port)}
    command = [str(Path(sys.executable).with_name("ha-ai")), "run"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield map(json.loads, process.stderr)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
    assert process.returncode == 0
