"""The product beside a home, its store, and what Home Assistant makes of what the store says."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.suggestions import Suggestion
from schemas.topics import Topics
from sinks.store import SqlStore
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.processes import eventually, stop
from tests.homeassistant.product import COMMAND, Product

TOPICS = Topics()
COMPLAINT = re.compile(r"(WARNING|ERROR).*(haai|ha_ai)")
PATIENCE_S = 60


class Showcase:
    """The product beside a home, what its store says, and what Home Assistant makes of that."""

    def __init__(self, home: HomeAssistant, folder: Path) -> None:
        self.home = home
        product = Product(home, folder / "product", "showing")
        self.store = SqlStore(f"sqlite:///{product.environment['HA_AI_DATABASE_PATH']}")
        self.store.migrate()
        self._product = product
        self._environment = product.environment
        self._home_log = home.config / "output.log"
        self._home_log_size = self._home_log.stat().st_size
        self._log = product.log
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *, without: Sequence[str] = ()) -> None:
        """Start what learns, publishes and shows; return when Home Assistant knows it."""
        environment = {key: value for key, value in self._environment.items() if key not in without}
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                COMMAND, "run", "learn", "publish", "show",
                cwd=self._folder, env=environment, stdout=log, stderr=log,
            )  # fmt: skip
        await self.home.await_state("sensor.ha_ai_input", "online", PATIENCE_S)
        await self.await_known("sensor.ha_ai_patterns")

    async def stop(self) -> None:
        """Stop as an operator does."""
        await stop(self._process)
        self._process = None

    async def remove(self) -> None:
        """Stop for good; nothing of it is left in Home Assistant."""
        await self.stop()
        await self._product.remove()
        self.store.close()

    def complaints(self) -> list[str]:
        """Return what Home Assistant has logged against us since this began."""
        with self._home_log.open() as log:
            log.seek(self._home_log_size)
            return [line for line in log if COMPLAINT.search(line)]

    async def add(self, new: Suggestion) -> None:
        """Suggest, and say so."""
        with self.store.begin() as transaction:
            assert transaction.suggestions.add(new)
        await self.home.wire.publish(TOPICS.suggestion_generated, "{}")

    async def change(self, suggestion_id: str, **changed: Any) -> Suggestion:
        """Let something become of a suggestion, and say so."""
        with self.store.begin() as transaction:
            kept = transaction.suggestions.get(suggestion_id)
            assert kept
            now = Suggestion.model_validate({**dict(kept.suggestion), **changed})
            assert transaction.suggestions.replace(now, changes=kept.changes)
        await self.home.wire.publish(TOPICS.suggestion_changed, "{}")
        return now

    async def await_known(self, entity_id: str) -> dict[str, Any]:
        """Return the state object once the entity is there and available."""

        async def is_known() -> dict[str, Any] | None:
            found = await self.home.state(entity_id)
            return found if found and found["state"] != "unavailable" else None

        return await eventually(is_known, f"{entity_id} is there; see {self._log}", PATIENCE_S) or {}

    async def await_gone(self, part: str) -> None:
        """Return when no entity is left whose id holds this."""

        async def is_gone() -> bool:
            return not await self.entity_ids(part)

        await eventually(is_gone, f"nothing of {part} is left; see {self._log}", PATIENCE_S)

    async def entity_ids(self, part: str) -> list[str]:
        """Return which entities Home Assistant knows whose id holds this."""
        states = (await self.home.request("GET", "states")).raise_for_status().json()
        return sorted(state["entity_id"] for state in states if part in state["entity_id"])

    async def devices(self) -> dict[str, dict[str, Any]]:
        """Return our devices by their identifier."""
        found = await self.home.ask("config/device_registry/list")
        by_id = {each["identifiers"][0][1]: each for each in found if each["identifiers"]}
        return {name: each for name, each in by_id.items() if name.startswith("haai")}

    async def notification(self) -> str:
        """Return what our notification says; empty where there is none."""
        found = await self.home.ask("persistent_notification/get")
        said = [each["message"] for each in found if each["notification_id"] == "haai_suggestions"]
        return said[0] if said else ""

    async def await_notification(self, beginning: str) -> None:
        """Return when our notification begins like this; empty: when there is none."""

        async def is_said() -> bool:
            said = await self.notification()
            return said.startswith(beginning) if beginning else not said

        await eventually(is_said, f"the notification begins with {beginning!r}", PATIENCE_S)
