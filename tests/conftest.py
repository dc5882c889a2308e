"""What every folder of tests shares."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from benchmarks.ports import claim_port
from pipeline.mqtt.broker import EmbeddedBroker
from tests import poison
from tests.fixtures.left_behind import nothing_awaited, nothing_left_behind, only_loopback
from tests.profiles import PROFILE
from tests.side_by_side import pytest_collection_modifyitems, pytest_xdist_make_scheduler

__all__ = [
    "nothing_awaited",
    "nothing_left_behind",
    "only_loopback",
    "pytest_collection_modifyitems",
    "pytest_xdist_make_scheduler",
]

settings.load_profile(PROFILE)

HOST = "127.0.0.1"
START_TIMEOUT_S = 10.0

REQUIRED_MARKERS = frozenset(os.environ.get("HA_AI_TEST_REQUIRE", "").split())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that skips although HA_AI_TEST_REQUIRE names one of its markers.

    CI requires what it has installed, so that a check which did not run is seen. A reason that starts with
    ``not applicable`` stays a skip: it says that the test has no meaning there, not that something is absent.
    """
    report = yield
    required = sorted(marker for marker in REQUIRED_MARKERS if item.get_closest_marker(marker))
    if required and report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith("not applicable"):
            report.outcome = "failed"
            report.longrepr = f"{', '.join(required)} is required here, but the test skipped: {reason}"
    return report


class EmbeddedBrokerThread:
    """The embedded broker in a thread with an event loop of its own; a restart forgets everything."""

    def __init__(self, port: int) -> None:
        self.host = HOST
        self.port = port
        self.url = f"mqtt://{HOST}:{port}"

    def start(self) -> None:
        """Serve on the same port again."""
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._is_ready.wait(START_TIMEOUT_S)

    def stop(self) -> None:
        """Say goodbye to the clients and forget them."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        broker = EmbeddedBroker()
        await broker.start(self.host, self.port)
        self._is_ready.set()
        await self._stopping.wait()
        await broker.stop()


class Mosquitto:
    """A mosquitto process that keeps its port and its persistence over restarts."""

    def __init__(self, folder: Path, settings: dict[str, object]) -> None:
        self.host = HOST
        self.port = claim_port()
        self.url = f"mqtt://{HOST}:{self.port}"
        self.log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        defaults: dict[str, object] = {
            "allow_anonymous": "true",
            "persistence": "true",
            "persistence_location": f"{folder}/",
            "autosave_interval": 1,
            "max_queued_messages": 100_000,
            "queue_qos0_messages": "true",
        }
        if os.geteuid() == 0:
            defaults["user"] = "root"
        lines = [f"listener {self.port} {HOST}"]
        lines += [f"{name} {value}" for name, value in {**defaults, **settings}.items()]
        self._config.write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Start the process and wait until it accepts connections."""
        command = [str(mosquitto_path()), "-v", "-c", str(self._config)]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while not self._accepts():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < give_up_at, self.log.read_text()
            time.sleep(0.01)

    def stop(self) -> None:
        """Let the process write its persistence and end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the process without letting it write anything."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(START_TIMEOUT_S)

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((self.host, self.port)) == 0


def mosquitto_path() -> str | None:
    """Return where mosquitto is installed; Debian puts it where only root's PATH looks."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens, and which nobody else is given."""
    return claim_port()


@pytest.fixture
def embedded_broker(free_port: int) -> Iterator[EmbeddedBrokerThread]:
    """A running embedded broker."""
    broker = EmbeddedBrokerThread(free_port)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Mosquitto]]:
    """A factory of running mosquitto processes; keyword arguments are lines of its configuration."""
    if mosquitto_path() is None:
        pytest.skip("mosquitto is not installed")
    started: list[Mosquitto] = []

    def run(**settings: object) -> Mosquitto:
        process = Mosquitto(tmp_path_factory.mktemp("mosquitto"), settings)
        process.start()
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()


@pytest.fixture(params=["embedded", pytest.param("mosquitto", marks=pytest.mark.mosquitto)])
def broker(request: pytest.FixtureRequest) -> EmbeddedBrokerThread | Mosquitto:
    """A running broker: once the embedded one, once mosquitto."""
    if request.param == "embedded":
        embedded: EmbeddedBrokerThread = request.getfixturevalue("embedded_broker")
        return embedded
    run: Callable[..., Mosquitto] = request.getfixturevalue("mosquitto")
    return run()


@pytest.fixture(scope="session")
def good_payload() -> bytes:
    """An eventstream payload with nothing wrong; its time is 2026-11-20T06:00:00.25Z."""
    return poison.good_payload()


@pytest.fixture(scope="session")
def poison_messages() -> list[tuple[str, bytes]]:
    """300 payloads none of which may be taken for an event, each with the name of its kind."""
    return poison.poison_messages()
