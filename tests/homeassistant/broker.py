"""A mosquitto of our own, which can be stopped and started."""

import asyncio
import getpass
import os
import shutil
from contextlib import suppress
from pathlib import Path

from tests.homeassistant.processes import eventually, find_free_port, stop


def find_mosquitto() -> str | None:
    """Return mosquitto's path; distributions keep it where users do not look."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


class Broker:
    """A mosquitto on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = find_free_port()
        self._config = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        self._log_start = 0
        self._process: asyncio.subprocess.Process | None = None
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser {getpass.getuser()}\n"
            f"persistence true\npersistence_location {folder}/\n"
            "queue_qos0_messages true\nmax_queued_messages 100000\n"
            "log_dest stderr\nlog_type error\nlog_type warning\nlog_type notice\nlog_type subscribe\n"
        )

    async def start(self) -> None:
        """Start, and return when the port answers."""
        mosquitto = find_mosquitto()
        assert mosquitto, "the fixture skips without mosquitto"
        self.forget_subscriptions()
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(mosquitto, "-c", self._config, stderr=log)
        await eventually(self._answers, f"mosquitto listens on {self.port}; see {self._log}")

    async def stop(self) -> None:
        """Stop; retained messages and persistent sessions are kept for the next start."""
        await stop(self._process)

    def forget_subscriptions(self) -> None:
        """Let `await_subscription` count only what is subscribed from now on."""
        self._log_start = self._log.stat().st_size if self._log.exists() else 0

    async def await_subscription(self, topic: str) -> None:
        """Return when somebody has subscribed to the topic."""

        async def is_logged() -> bool:
            return f" {topic}\n".encode() in self._log.read_bytes()[self._log_start :]

        await eventually(is_logged, f"a subscription to {topic}", timeout_s=60)

    async def _answers(self) -> bool:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.close()
            return True
        return False
