"""The real processes that drills and measurements run: a mosquitto, and learning, supervised."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.ports import claim_port

HOST = "127.0.0.1"
EXIT_RESTART = 75
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
HA_AI = (str(Path(sys.executable).with_name("ha-ai")), "run", "learn", "publish")


async def wait_until(is_so: Callable[[], object], timeout_s: float, what: str, every_s: float = 0.05) -> None:
    """Wait for a condition.

    Raises
    ------
    TimeoutError
        It did not come about in time.
    """
    give_up_s = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > give_up_s:
            raise TimeoutError(f"expected within {timeout_s:.0f} s: {what}")
        await asyncio.sleep(every_s)


class Mosquitto:
    """A mosquitto that keeps port and persistence over restarts.

    Parameters
    ----------
    folder
        For its configuration, log and persistence.
    settings
        Further lines of its configuration.
    """

    def __init__(self, folder: Path, **settings: object) -> None:
        self.port = claim_port()
        self._folder = folder
        self._process: Process | None = None
        lines = [
            f"listener {self.port} {HOST}",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {folder}/",
            "max_queued_messages 200000",
            *(f"{name} {value}" for name, value in settings.items()),
            *(["user root"] if os.geteuid() == 0 else []),
        ]
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    async def start(self) -> None:
        """Start it and wait until it accepts connections."""
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            raise FileNotFoundError("expected mosquitto on this machine")
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                program, "-c", str(self._folder / "mosquitto.conf"), stdout=log, stderr=log
            )
        await wait_until(self._accepts, START_TIMEOUT_S, "a mosquitto that accepts connections")

    async def stop(self) -> None:
        """Let it write its persistence and end."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    def save(self) -> None:
        """Let it write its persistence now, as it does every half hour."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGUSR1)

    async def kill(self) -> None:
        """Kill it: what it has not written is lost."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0


class Worker:
    """`ha-ai run` as a process of its own, started again when it asks for that, as compose would.

    Parameters
    ----------
    database
        Its store; workers may share one.
    log
        Where to put what it says.
    broker_port
        Where its broker listens.
    command
        What to run in place of `ha-ai run`.
    settings
        Further settings, by their names without prefix.
    """

    def __init__(
        self,
        database: Path,
        log: Path,
        broker_port: int,
        *,
        command: Sequence[str] = HA_AI,
        **settings: object,
    ) -> None:
        self.database = database
        self.http_port = claim_port()
        self.starts = 0
        self.exit_codes: list[int] = []
        self._command = command
        self._log = log
        self._supervisor: asyncio.Task[None] | None = None
        self._process: Process | None = None
        self._is_wanted = False
        stated = {
            "mqtt_url": f"mqtt://{HOST}:{broker_port}",
            "database_path": self.database,
            "http_port": self.http_port,
            "heartbeat_s": 2,
            "log_format": "json",
            **settings,
        }
        self._environment = {**os.environ, **{f"HA_AI_{key.upper()}": str(stated[key]) for key in stated}}

    @property
    def pid(self) -> int | None:
        """The process's id, while it lives."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    async def start(self) -> None:
        """Start it, and again whenever it ends by itself."""
        self._is_wanted = True
        self._supervisor = asyncio.create_task(self._supervise())

    async def ready(self) -> None:
        """Wait until it takes messages and keeps them."""
        give_up_s = time.monotonic() + START_TIMEOUT_S
        while await self.status("/health/ready") != HTTP_OK:
            if time.monotonic() > give_up_s:
                raise TimeoutError(f"expected a ready worker, its log ends: {self.log_end()}")
            await asyncio.sleep(0.1)

    async def status(self, path: str) -> int:
        """HTTP status of one of its pages; 0 while it does not answer."""
        try:
            reader, writer = await asyncio.open_connection(HOST, self.http_port)
        except OSError:
            return 0
        try:
            writer.write(f"GET {path} HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
            line = await asyncio.wait_for(reader.readline(), 5.0)
        except (OSError, TimeoutError):
            return 0
        finally:
            writer.close()
        words = line.split()
        return int(words[1]) if len(words) > 1 else 0

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal; False if no process is there."""
        pid = self.pid
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        return True

    async def stop(self) -> None:
        """End it as a person would, and wait for that."""
        self._is_wanted = False
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if self._supervisor is not None:
            try:
                await asyncio.wait_for(self._supervisor, STOP_TIMEOUT_S)
            except TimeoutError:
                self.signal(signal.SIGKILL)
                raise TimeoutError(f"expected a worker that stops, its log ends: {self.log_end()}") from None

    async def kill(self) -> None:
        """End it at once, and start it no more."""
        self._is_wanted = False
        self.signal(signal.SIGKILL)
        if self._supervisor is not None:
            await self._supervisor

    def log_end(self) -> str:
        """The last of what it said."""
        return self._log.read_text(errors="replace")[-2_000:] if self._log.exists() else ""

    def messages(self) -> list[str]:
        """The events it logged."""
        lines = self._log.read_text(errors="replace").splitlines()
        return [str(json.loads(line).get("event")) for line in lines if line.startswith("{")]

    async def _supervise(self) -> None:
        while self._is_wanted:
            self.starts += 1
            with self._log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, env=self._environment, cwd=self._log.parent, stdout=log, stderr=log
                )
            self.exit_codes.append(await self._process.wait())
            if self.exit_codes[-1] not in (0, EXIT_RESTART, -signal.SIGKILL, -signal.SIGTERM):
                await asyncio.sleep(1.0)


HTTP_OK = 200
