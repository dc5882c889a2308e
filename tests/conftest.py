"""What every folder of tests shares."""

import asyncio
import gzip
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path

import pytest

from pipeline.embedded_broker import EmbeddedBroker

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


def find_free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


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
        self.port = find_free_port()
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
    """A port on which nobody listens."""
    return find_free_port()


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


def state_changed(**fields: object) -> dict[str, object]:
    """A good eventstream payload of a light that was switched on, but for what `fields` replace."""
    new_state = {
        "entity_id": "light.hall",
        "state": fields.pop("state", "on"),
        "attributes": fields.pop("attributes", {"brightness": 120, "friendly_name": "Hall"}),
        "last_changed": "2026-11-20T06:00:00.250000+00:00",
        "last_updated": fields.pop("last_updated", "2026-11-20T06:00:00.250000+00:00"),
        "context": fields.pop("context", {"id": "01M7VHPEH3TA", "parent_id": None, "user_id": None}),
    }
    event_data = {"entity_id": "light.hall", "old_state": {"state": "off"}, "new_state": new_state} | fields
    return {"event_type": "state_changed", "event_data": event_data}


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _bad_text(rng: random.Random) -> Iterator[bytes]:
    good = _json(state_changed())
    for bad in (b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf8\xa1\xa1\xa1", b"\x80"):
        for place in (0, good.index(b'"on"') + 1, len(good)):
            yield good[:place] + bad + good[place:]
    for length in (1, 7, 64, 1000):
        yield b"\xfe" + rng.randbytes(length)
    yield good.decode().encode("utf-16")
    yield good.decode().encode("utf-32")
    yield good.replace(b'"on"', b'"\\ud800"')
    yield gzip.compress(good)


def _cut(rng: random.Random) -> Iterator[bytes]:
    good = _json(state_changed())
    yield from (
        b"",
        b" ",
        b"\x00",
        b"null",
        b"true",
        b"0",
        b'"on"',
        b"[]",
        b"{}",
        b"[{}]",
        b"on",
        b"{'a': 1}",
    )
    yield from (good[:place] for place in sorted(rng.sample(range(1, len(good)), 59)))
    yield from (good + rest for rest in (b"}", b",", b"x", good, b"\x00"))
    yield b"[" + good + b"]"


def _deep_or_huge() -> Iterator[bytes]:
    for levels in (33, 40, 100, 999, 5_000, 100_000):
        yield b"[" * levels + b"]" * levels
        yield b'{"a":' * levels + b"1" + b"}" * levels
        nested = b"[" * levels + b"]" * levels
        yield _json(state_changed()).replace(b'"Hall"', nested)
        yield b"[" * levels
    for size in (262_145, 400_000, 1_000_000):
        yield _json(state_changed(attributes={"friendly_name": "x" * size}))
        yield b" " * size
        yield b"[" + b"1," * (size // 2) + b"1]"
    yield _json(state_changed(state=0)).replace(b'"state": 0', b'"state": ' + b"9" * 5_000)


def _no_numbers() -> Iterator[bytes]:
    for word in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"nan", b"inf", b"0x10", b"1" * 400):
        for name in (b"brightness", b"temperature", b"current_temperature", b"device_class"):
            told = b'"%s": %s' % (name, word)
            yield _json(state_changed(attributes={"brightness": 1})).replace(b'"brightness": 1', told)
        yield _json(state_changed(state=0)).replace(b'"state": 0', b'"state": ' + word)


# fmt: off
WRONG_TIMES: tuple[object, ...] = (
    "2100-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999+00:00", "2027-11-20T06:00:00+00:00",
    "1969-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00", "1970-01-01T00:00:00+00:00",
    "2025-11-20T06:00:00+00:00", "2026-13-01T00:00:00+00:00", "2026-02-30T00:00:00+00:00",
    "2026-11-20T25:00:00+00:00", "2026-11-20T06:00:00", "2026-11-20", "06:00", "now", "", " ", "NaN",
    "1795154400", "+10000-01-01T00:00:00+00:00", "2026-11-20T06:00:00+99:00", "x" * 1000,
    None, 0, 1795154400, 1e300, [], {}, True,
)
ABSURD_NAMES: tuple[object, ...] = (
    "", " ", ".", "light", "light.", ".hall", "light.hall.lamp", "Light.hall", "light.Hall", "light.hall ",
    "light.hall\n", "light.ha\x00ll", "light/hall", "light.#", "light.+", "licht.küche", "light.\u202ehall",
    "light.hall; DROP TABLE journal", "../../etc/passwd", "light." + "x" * 250, "x" * 100_000,
    "light.{{ 1 }}", "\uff4c.hall", "light.hall\u0301", "-.-", "light. hall",
    None, 1, 1.5, True, [], {}, ["light.hall"],
)
WRONG_FIELDS: dict[str, tuple[object, ...]] = {
    "state": (None, 0, 1.5, True, [], {}, "x" * 256, "\x00" * 300),
    "old_state": (0, True, "off", [], {}, [{"state": "off"}], {"state": 1}, {"state": "x" * 256}),
    "new_state": (0, True, "off", [], {}, [{"state": "off"}], {"state": None}, {"state": "on"}),
    "context": (0, "x", [], {}, {"id": "x" * 65}, {"id": 5}, {"id": "1", "user_id": []},
                {"id": "1", "parent_id": 2}),
    "attributes": (0, "x", [1], {"brightness": []}, {"temperature": {}}, {"device_class": "x" * 65}),
}
WRONG_EVENTS: dict[str, tuple[object, ...]] = {
    "event_data": (None, 0, "", "on", [], [{}], True),
    "event_type": (None, 0, [], {}, "x" * 65, True),
}
WRONG_CALLS: tuple[object, ...] = (
    {}, {"domain": "light"}, {"domain": 1, "service": "x"}, {"domain": "x" * 65, "service": "y"}, None, "on",
    {"domain": "light", "service": "turn_on", "service_data": "light.hall"},
    {"domain": "light", "service": "turn_on", "service_data": []},
)
# fmt: on


def _wrong_fields() -> Iterator[bytes]:
    for name, values in WRONG_FIELDS.items():
        yield from (_json(state_changed(**{name: value})) for value in values)
    for name, values in WRONG_EVENTS.items():
        yield from (_json(state_changed() | {name: value}) for value in values)
    yield from (_json({"event_type": "call_service", "event_data": data}) for data in WRONG_CALLS)
    yield _json({"event_data": {}})


@pytest.fixture(scope="session")
def good_payload() -> bytes:
    """An eventstream payload with nothing wrong; its time is 2026-11-20T06:00:00.25Z."""
    return _json(state_changed())


@pytest.fixture(scope="session")
def poison_messages() -> list[tuple[str, bytes]]:
    """300 payloads none of which may be taken for an event, each with the name of its kind."""
    rng = random.Random(7)
    kinds: dict[str, Iterable[bytes]] = {
        "bad text": _bad_text(rng),
        "cut": _cut(rng),
        "deep or huge": _deep_or_huge(),
        "no number": _no_numbers(),
        "wrong time": (_json(state_changed(last_updated=stamp)) for stamp in WRONG_TIMES),
        "absurd name": (_json(state_changed(entity_id=name)) for name in ABSURD_NAMES),
        "wrong field": _wrong_fields(),
    }
    messages = [(kind, payload) for kind, payloads in kinds.items() for payload in payloads]
    assert len(messages) == 300
    return messages
