"""The image is built by what make runs, and the stack starts it right."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

MAKES_THE_DATA_FOLDER = "install -d -o 10001 -g 10001 /data"  # only an image needs it

TEXT = {"type": "string"}
DURATION = {"type": "string", "pattern": r"^(\d+(ms|us|s|m|h))+$"}
MEMORY = {
    "type": "object",
    "properties": {"memory": {"type": "string", "pattern": r"^\d+[kKmMgG]$"}},
    "additionalProperties": False,
}
SERVICE = {
    "build": TEXT,
    "image": {"type": "string", "pattern": "^[a-z0-9-]+(/[a-z0-9-]+)?(:[a-z0-9.]+)?$"},
    "init": {"type": "boolean"},
    "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
    "stop_grace_period": DURATION,
    "profiles": {"type": "array", "items": TEXT},
    "env_file": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"path": TEXT, "required": {"type": "boolean"}},
            "required": ["path"],
            "additionalProperties": False,
        },
    },
    "environment": {"type": "object", "additionalProperties": TEXT},
    "depends_on": {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "properties": {"condition": {"enum": ["service_started", "service_healthy"]}},
            "required": ["condition"],
            "additionalProperties": False,
        },
    },
    "read_only": {"type": "boolean"},
    "tmpfs": {"type": "array", "items": TEXT},
    "volumes": {"type": "array", "items": {"type": "string", "pattern": r"^[^:]+:/[^:]+(:ro)?$"}},
    "ports": {"type": "array", "items": {"type": "string", "pattern": r"^127\.0\.0\.1:\d+:\d+$"}},
    "cap_drop": {"type": "array", "items": TEXT},
    "security_opt": {"type": "array", "items": TEXT},
    "healthcheck": {
        "type": "object",
        "properties": {
            "test": {"anyOf": [TEXT, {"type": "array", "prefixItems": [{"enum": ["CMD", "CMD-SHELL"]}]}]},
            "interval": DURATION,
            "timeout": DURATION,
            "start_period": DURATION,
            "retries": {"type": "integer"},
        },
        "required": ["test"],
        "additionalProperties": False,
    },
    "deploy": {
        "type": "object",
        "properties": {
            "resources": {
                "type": "object",
                "properties": {"limits": MEMORY, "reservations": MEMORY},
                "additionalProperties": False,
            }
        },
        "additionalProperties": False,
    },
}
COMPOSE = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "services": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": SERVICE,
                "anyOf": [{"required": ["build"]}, {"required": ["image"]}],
                "additionalProperties": False,
            },
        },
        "volumes": {"type": "object", "additionalProperties": {"type": "null"}},
    },
    "required": ["services"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def compose(root: Path) -> Mapping[str, Any]:
    """Return the content of compose.yaml."""
    content: Mapping[str, Any] = yaml.safe_load((root / "compose.yaml").read_text())
    return content


@pytest.fixture(scope="module")
def image_steps(root: Path) -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with their arguments."""
    text = re.sub(r"\\\n\s*", "", (root / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.partition(" ")[2]) for line in lines]


def test_compose_keeps_to_the_specification(compose: Mapping[str, Any]) -> None:
    """The file uses what the compose specification knows, and opens ports on the machine itself alone."""
    jsonschema.validate(compose, COMPOSE)


def test_compose_names_what_exists(root: Path, compose: Mapping[str, Any]) -> None:
    """Mounted files and volumes are there, and who is awaited healthy has a health check."""
    services = compose["services"]
    for service in services.values():
        sources = [volume.split(":")[0] for volume in service.get("volumes", [])]
        assert [
            source for source in sources if source.startswith(".") and not (root / source).is_file()
        ] == []
        assert {source for source in sources if not source.startswith(".")} <= compose["volumes"].keys()
        for awaited, how in service.get("depends_on", {}).items():
            assert how["condition"] != "service_healthy" or "healthcheck" in services[awaited]


def test_only_the_optional_systems_have_a_profile(compose: Mapping[str, Any]) -> None:
    """`docker compose up` starts ha-ai and its broker."""
    profiles = {name: service.get("profiles") for name, service in compose["services"].items()}
    assert profiles == {
        "ha-ai": None,
        "mosquitto": None,
        "homeassistant": ["homeassistant"],
    }


def test_ha_ai_is_confined(compose: Mapping[str, Any]) -> None:
    """It writes to its volume alone, gains no rights and stays within its memory."""
    service = compose["services"]["ha-ai"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["volumes"] == ["ha-ai:/data"]
    resources = service["deploy"]["resources"]
    assert resources == {"limits": {"memory": "512M"}, "reservations": {"memory": "256M"}}


def test_image_starts_as_nobody_in_particular(image_steps: list[tuple[str, str]]) -> None:
    """The image runs ha-ai as a user without rights."""
    steps = dict(image_steps)
    assert steps["USER"] == "10001:10001"
    assert steps["CMD"] == '["ha-ai", "run"]'


def test_image_is_built_by_the_steps_of_make(root: Path, image_steps: list[tuple[str, str]]) -> None:
    """The image's installation is the one that `make demo` does on a bare machine, step by step."""
    command = ["make", "--dry-run", "--always-make", "PYTHON=python3", ".venv/runtime.stamp"]
    recipe = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.splitlines()
    runs = [arguments for instruction, arguments in image_steps if instruction == "RUN"]
    assert [run for run in runs if run not in recipe] == [MAKES_THE_DATA_FOLDER]
    assert [line for line in recipe if line in runs] == [run for run in runs if run != MAKES_THE_DATA_FOLDER]


def test_what_the_image_copies_is_not_ignored(root: Path, image_steps: list[tuple[str, str]]) -> None:
    """The build context holds exactly what the Dockerfile copies."""
    copied = {name for step, names in image_steps if step == "COPY" for name in names.split()[:-1]}
    admitted = re.findall(r"^!(\S+)$", (root / ".dockerignore").read_text(), flags=re.MULTILINE)
    assert copied == set(admitted)
    assert all((root / name).exists() for name in copied)


@pytest.fixture(params=[200, 503])
def health(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """Serve a health answer; return the port and the answer's status."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(request.param if self.path == "/health/live" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, request.param
        server.shutdown()
        thread.join()


def test_health_check_passes_only_on_a_good_answer(
    compose: Mapping[str, Any], health: tuple[int, int]
) -> None:
    """The container is healthy when the service says so, and not when it says otherwise."""
    port, status = health
    how, python, option, code = compose["services"]["ha-ai"]["healthcheck"]["test"]
    assert (how, python, option) == ("CMD", "python3", "-c")
    assert ":8099/" in code
    command = [sys.executable, "-c", code.replace(":8099/", f":{port}/")]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert (done.returncode == 0) == (status == 200)
