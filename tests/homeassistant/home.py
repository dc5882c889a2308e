"""The real Home Assistant: start it, stop it, touch it, read it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from websockets.asyncio.client import connect

from benchmarks.ports import claim_port
from tests.homeassistant.broker import Broker
from tests.homeassistant.changes import UNKNOWN_STATES, Change, read_recorded, to_microseconds
from tests.homeassistant.configuration import DOORBELL_TOPIC, PATTERN_TOPIC, Login, write_configuration
from tests.homeassistant.processes import eventually, stop
from tests.homeassistant.wire import DEVICES, EVENTS_TOPIC, Wire

INSTALLS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ha-ai-tests"
BOOKMARK = "input_boolean.bookmark"
Outage = Literal["restart", "kill_and_start", "restart_broker"]


class HomeAssistant:
    """A running Home Assistant, its broker and its devices, and the ways to touch and read them."""

    def __init__(self, version: str, folder: Path, broker: Broker, wire: Wire) -> None:
        self.version = version
        self.broker = broker
        self.wire = wire
        self.config = folder / "config"
        self.database = self.config / "home-assistant_v2.db"
        self.owner = Login("Owner", "system-admin")
        self.reader = Login("Reader", "system-users")
        port = claim_port()
        self.url = f"http://127.0.0.1:{port}"
        self._process: asyncio.subprocess.Process | None = None
        self._outages: dict[Outage, tuple[int, int]] = {}
        self._client = httpx.AsyncClient(base_url=self.url, timeout=30)
        write_configuration(self.config, port, broker.port, (self.owner, self.reader))

    @property
    def pid(self) -> int:
        """The process id of the running Home Assistant."""
        assert self._process, "started by the fixture"
        return self._process.pid

    async def start(self) -> None:
        """Start, and return when it runs, its automations listen and its devices have states."""
        self.broker.forget_subscriptions()
        await self._launch()
        await self.await_mqtt()

    async def stop(self) -> None:
        """Stop as an operator does: it says offline, commits and ends."""
        await stop(self._process)

    async def restart(self) -> None:
        """Stop and start Home Assistant; the broker stays."""
        await self.stop()
        await self.start()

    async def kill_and_start(self) -> None:
        """End Home Assistant without a word, as a loss of power does, and start it; the broker stays."""
        assert self._process, "started by the fixture"
        self._process.kill()
        await self._process.wait()
        await self.start()

    async def reload_automations(self) -> None:
        """Let Home Assistant read its automations anew, as they are configured."""
        (await self.request("POST", "services/automation/reload", {})).raise_for_status()

    async def restart_broker(self) -> None:
        """Stop and start the broker; return when Home Assistant and the devices are back on it."""
        await self.broker.restart()
        await self.broker.await_subscription(EVENTS_TOPIC)
        await self.await_mqtt()

    async def outage(self, event: Outage, *, anew: bool = False) -> tuple[int, int]:
        """Return the bookmarks around the last such event; bring it about where there was none yet."""
        if anew or event not in self._outages:
            since_us = await self.mark()
            await {
                "restart": self.restart,
                "kill_and_start": self.kill_and_start,
                "restart_broker": self.restart_broker,
            }[event]()
            self._outages[event] = since_us, await self.mark()
        return self._outages[event]

    async def close(self) -> None:
        """Stop for good."""
        await self.stop()
        await self._client.aclose()

    async def request(
        self, method: str, path: str, body: Any = None, *, login: Login | None = None
    ) -> httpx.Response:
        """Call the REST API, as the owner unless another user is named."""
        headers = {"Authorization": f"Bearer {(login or self.owner).token}"}
        return await self._client.request(method, f"/api/{path}", json=body, headers=headers)

    async def call_service(self, service: str, entity_id: str, **service_data: Any) -> None:
        """Call ``domain.service`` as the owner does from the dashboard."""
        body = {"entity_id": entity_id, **service_data}
        response = await self.request("POST", f"services/{service.replace('.', '/')}", body)
        response.raise_for_status()

    async def state(self, entity_id: str) -> dict[str, Any] | None:
        """Return the state object, or nothing for an entity that Home Assistant does not know."""
        response = await self.request("GET", f"states/{entity_id}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        found: dict[str, Any] = response.raise_for_status().json()
        return found

    async def await_state(self, entity_id: str, state: str, timeout_s: float = 15) -> dict[str, Any]:
        """Return the state object once the entity is in that state."""

        async def is_reached() -> dict[str, Any] | None:
            found = await self.state(entity_id)
            return found if found and found["state"] == state else None

        return await eventually(is_reached, f"{entity_id} is {state}", timeout_s) or {}

    async def ask(self, command: str, **fields: Any) -> Any:
        """Send a command over the WebSocket API as the owner; return its result."""
        (result,) = await self.ask_all({"type": command, **fields})
        return result

    async def ask_all(self, *commands: dict[str, Any]) -> list[Any]:
        """Send commands over one connection of the WebSocket API; return their results in that order."""
        async with connect(f"{self.url.replace('http', 'ws')}/api/websocket") as socket:
            await socket.recv()
            await socket.send(json.dumps({"type": "auth", "access_token": self.owner.token}))
            await socket.recv()
            for number, command in enumerate(commands, 1):
                await socket.send(json.dumps({"id": number, **command}))
            answers = [json.loads(await socket.recv()) for _ in commands]
        assert all(answer["success"] for answer in answers), answers
        return [answer["result"] for answer in sorted(answers, key=lambda answer: answer["id"])]

    @asynccontextmanager
    async def area(self, name: str) -> AsyncIterator[str]:
        """Make an area for as long as a test needs it; what stands there then stands nowhere."""
        made = await self.ask("config/area_registry/create", name=name)
        try:
            yield made["area_id"]
        finally:
            await self.ask("config/area_registry/delete", area_id=made["area_id"])

    async def dismiss(self, notification_id: str) -> None:
        """Take a notification away."""
        body = {"notification_id": notification_id}
        (await self.request("POST", "services/persistent_notification/dismiss", body)).raise_for_status()

    async def delete_automation(self, automation_id: str) -> None:
        """Delete an automation that somebody wrote; return when its entity is gone too."""
        path = f"config/automation/config/{automation_id}"
        (await self.request("DELETE", path)).raise_for_status()

        async def is_gone() -> bool:
            states = (await self.request("GET", "states")).raise_for_status().json()
            return all(state["attributes"].get("id") != automation_id for state in states)

        await eventually(is_gone, f"{automation_id} is gone")

    async def mark(self) -> int:
        """Turn the bookmark; return its time once the recorder and the stream have it, and all before it."""
        await self.call_service("input_boolean.toggle", BOOKMARK)
        bookmark = await self.state(BOOKMARK)
        assert bookmark
        at_us = to_microseconds(datetime.fromisoformat(bookmark["last_updated"]))

        async def is_known() -> bool:
            return all(
                any(change.entity_id == BOOKMARK for change in told(at_us - 1, at_us + 1))
                for told in (self.streamed, self.recorded)
            )

        await eventually(is_known, f"the bookmark of {at_us} is recorded and published")
        return at_us

    def recorded(self, since_us: int, until_us: int) -> list[Change]:
        """Return what the recorder wrote down between two bookmarks, in Home Assistant's order."""
        return read_recorded(self.database, since_us, until_us)

    def streamed(self, since_us: int, until_us: int) -> list[Change]:
        """Return what mqtt_eventstream published between two bookmarks, in the order of arrival."""
        return [change for change in self.wire.changes if since_us < change.at_us < until_us]

    async def _launch(self) -> None:
        hass = INSTALLS / f"homeassistant-{self.version}" / "bin" / "hass"
        options = ("--config", str(self.config), "--skip-pip", "--log-no-color")
        # Compiled anew at each start it takes twice the time to be there.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        with (self.config / "output.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                hass, *options, env=environment, stdout=log, stderr=log
            )
        await eventually(
            self._is_running, f"Home Assistant runs; see {self.config}/output.log", timeout_s=120
        )

    async def _is_running(self) -> bool:
        if self._process and self._process.returncode is not None:
            pytest.fail(f"Home Assistant ended with {self._process.returncode}; see {self.config}/output.log")
        with suppress(httpx.TransportError):
            response = await self.request("GET", "config")
            return response.is_success and response.json()["state"] == "RUNNING"
        return False

    async def await_mqtt(self) -> None:
        """Return when the automations listen that wait for messages, and the devices have states."""
        # The subscription of an MQTT trigger starts up to a second after its automation exists.
        for topic in (DOORBELL_TOPIC, PATTERN_TOPIC):
            await self.broker.await_subscription(topic)

        async def are_known() -> bool:
            states = [await self.state(entity_id) for entity_id in DEVICES]
            return all(state and state["state"] not in UNKNOWN_STATES for state in states)

        await eventually(are_known, f"every device has a state; see {self.config}/output.log", timeout_s=60)
