"""``ha-ai run`` as a process beside the home, and what its store holds."""

import asyncio
import json
import sqlite3
import sys
from asyncio.subprocess import PIPE, STDOUT
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from benchmarks.ports import claim_port
from pipeline.core.core import LearningCore
from schemas.events import StateChange
from schemas.home import Home
from schemas.patterns import Pattern
from sinks.store import SqlStore
from tests.homeassistant.changes import Change
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.processes import eventually, stop

COMMAND = Path(sys.executable).parent / "ha-ai"
CHANGES_SQL = """
SELECT at_us, entity_id, old, new, context_id, user_id, parent_id FROM journal
WHERE service IS NULL AND NOT mark AND at_us > ? AND at_us < ? ORDER BY at_us
"""
GAPS_SQL = "SELECT reason, from_us, to_us FROM gaps WHERE to_us > ? AND from_us < ? ORDER BY from_us"


class Gap(NamedTuple):
    """An interval of which the product says that it did not see the home."""

    reason: str
    from_us: int
    to_us: int


class Product:
    """A process of ours with a store and a session of its own; `settings` are names without their prefix."""

    def __init__(self, home: HomeAssistant, folder: Path, name: str, **settings: object) -> None:
        self._home = home
        self._folder = folder
        self._folder.mkdir()
        self.log = folder / "output.log"
        self._url = f"http://127.0.0.1:{(port := claim_port())}"
        self._process: asyncio.subprocess.Process | None = None
        given: dict[str, object] = {
            "MQTT_URL": home.broker.url,
            "MQTT_CLIENT_ID": name,
            "DATABASE_PATH": self._database,
            "HTTP_PORT": port,
            "HOME_ASSISTANT_URL": home.url,
            "HOME_ASSISTANT_TOKEN": home.reader.token,
            "LOG_FORMAT": "json",
        }
        self.environment = {f"HA_AI_{key}": str(value) for key, value in {**given, **settings}.items()}

    @property
    def _database(self) -> Path:
        return self._folder / "ha-ai.db"

    async def start(self) -> None:
        """Start, and return when it takes messages."""
        # Its own folder as working directory: no `.env` of the checkout may lead it elsewhere.
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                COMMAND,
                "run",
                *"learn publish suggest review deploy show answer".split(),
                cwd=self._folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        await eventually(self._is_ready, f"ha-ai is ready; see {self.log}", timeout_s=60)

    async def stop(self) -> int | None:
        """Stop as an operator does; return the exit code."""
        await stop(self._process)
        return self._process.returncode if self._process else None

    async def remove(self) -> None:
        """Stop for good: nothing of it is left at the broker or in Home Assistant."""
        await self.stop()
        broker = self._home.broker
        found = await broker.retained("homeassistant/#", "ha-ai/#")
        await broker.forget(topic for topic in found if topic.startswith("ha-ai/") or "/haai" in topic)
        await broker.end_session(self.environment["HA_AI_MQTT_CLIENT_ID"])
        for shown in await self._home.ask("persistent_notification/get"):
            if shown["notification_id"].startswith("haai"):
                await self._home.dismiss(shown["notification_id"])

    async def command(self, *words: str | Path, **settings: object) -> str:
        """Run another command with these settings to its end; return what it printed."""
        environment = self.environment | {f"HA_AI_{key}": str(value) for key, value in settings.items()}
        process = await asyncio.create_subprocess_exec(
            COMMAND, *words, cwd=self._folder, env=environment, stdout=PIPE, stderr=STDOUT
        )
        printed, _ = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, printed.decode()
        return printed.decode()

    async def await_bookmark(self, at_us: int) -> None:
        """Return when a bookmark of that time is in the journal, and so all that was published before it."""

        async def is_there() -> bool:
            return bool(self.journal(at_us - 1, at_us + 1))

        await eventually(is_there, f"the bookmark of {at_us} is in the journal; see {self.log}")

    def journal(self, since_us: int, until_us: int) -> list[Change]:
        """Return the state changes in the journal between two bookmarks, in the order of their times."""
        return [Change(*row) for row in self._select(CHANGES_SQL, since_us, until_us)]

    def gaps(self, since_us: int, until_us: int) -> list[Gap]:
        """Return the gaps that touch what lies between two bookmarks."""
        return [Gap(*row) for row in self._select(GAPS_SQL, since_us, until_us)]

    def store(self) -> SqlStore:
        """Open the product's store, beside the product."""
        return SqlStore(f"sqlite:///{self._database}")

    def patterns(self) -> list[Pattern]:
        """Return the active patterns."""
        with closing(self.store()) as store:
            return store.patterns(status="active")

    def starts(self) -> list[dict[str, Any]]:
        """Return what the product logged of each of its starts."""
        lines = map(json.loads, self.log.read_text().splitlines())
        return [line for line in lines if line["event"] == "starting"]

    def learned(self) -> LearningCore:
        """Return a learning core that was fed the journal."""
        core = LearningCore(Home(tz="Europe/Amsterdam"), [])
        store = self.store()
        for _, entry in store.journal_after(0):
            if isinstance(entry, StateChange):
                core.learn_one(entry)
            else:
                core.see_call(entry)
        store.close()
        return core

    def _select(self, sql: str, *values: int) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as connection:
            return connection.execute(sql, values).fetchall()

    async def _is_ready(self) -> bool:
        if self._process and self._process.returncode is not None:
            pytest.fail(f"ha-ai ended with {self._process.returncode}; see {self.log}")
        async with httpx.AsyncClient(base_url=self._url) as client:
            with suppress(httpx.TransportError):
                return (await client.get("/health/ready")).is_success
        return False
