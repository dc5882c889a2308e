"""A Home Assistant that is not there: as much of its API as we use, and every way in which it fails.

Use it where a real one would be slow or too well-behaved; what it does was taken from real ones, and
`tests/homeassistant/test_sink.py` runs the same sink against those::

    from tests.sinks.fake_home_assistant import FakeHomeAssistant, Failure

    @pytest_asyncio.fixture
    async def home() -> AsyncIterator[FakeHomeAssistant]:
        async with FakeHomeAssistant() as fake:
            yield fake

    home.add_entity("light.hall", "off", area="Hall", friendly_name="Hall")
    deployer = HomeAssistantDeployer(home.url, home.admin_token, timeout_s=0.5)
    home.fail("write", Failure.CUT_AFTER, Failure.SERVER_ERROR)  # the next two writes
    ...
    assert home.automations["haai_1"]["alias"] == "..."  # the file; without `id`
    assert home.state_of("haai_1")                       # the entity that appeared, or None

Steps that can fail: ``configuration``, ``states``, ``state``, ``services``, ``call`` (a service), ``read``,
``write``, ``delete`` (of an automation's configuration), ``websocket`` (its greeting), and each WebSocket
command by its type, such as ``search/related``.

``home.press("button.x", user_id)`` presses a button as that user does; ``home.change(entity_id, state)`` lets
anything change; ``home.discover(payload)`` makes what a device's discovery message announces, and
``home.age(entity_id, seconds)`` lets a state have stood for so long; ``home.requests`` is what was asked,
``home.calls`` the services that were called, ``home.notifications`` what is shown. ``stop()`` and ``start()``
keep everything but the connections. What is written is kept with the newer keys from 2024.10 on, as by the
real one: `migrated` says how.
``loads_after`` of the constructor: an automation's entity appears with that many reads of states after its
write; before that it is not there. `in_thread` is for tests that are no coroutines.
"""

import asyncio
import json
import re
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from http import HTTPStatus
from itertools import count
from types import TracebackType
from typing import Any, Self

from tests.conftest import HOST
from tests.sinks.fake_server import Answer, FallSilentError, HangUpError, Request, Server, Socket

ADMINISTRATOR_ID = "a" * 32
READER_ID = "b" * 32
OLD_KEYS = {"trigger", "condition", "action"}
NEW_KEYS = {"triggers", "conditions", "actions"}
OTHER_KEYS = {"alias", "description", "mode", "max", "id", "variables", "initial_state"}
RENAMED = {"trigger": "triggers", "condition": "conditions", "action": "actions"}
RENAMED = {"trigger": "triggers", "condition": "conditions", "action": "actions"}
WAIT_S = 10.0
SERVER_ERROR = "500 Internal Server Error\n\nServer got itself in trouble"


class Failure(Enum):
    """One way in which one request goes wrong; the value says whether it is carried out all the same."""

    SILENT_BEFORE = ("silent", False)
    SILENT_AFTER = ("silent", True)
    CUT_BEFORE = ("cut", False)
    CUT_AFTER = ("cut", True)
    BAD_REQUEST = (HTTPStatus.BAD_REQUEST, False)
    UNAUTHORIZED = (HTTPStatus.UNAUTHORIZED, False)
    NOT_FOUND = (HTTPStatus.NOT_FOUND, False)
    SERVER_ERROR = (HTTPStatus.INTERNAL_SERVER_ERROR, False)
    SERVER_ERROR_AFTER = (HTTPStatus.INTERNAL_SERVER_ERROR, True)
    BAD_GATEWAY = (HTTPStatus.BAD_GATEWAY, False)
    NO_JSON = ("no json", True)
    UNLOADED = ("unloaded", True)


@dataclass(frozen=True)
class Refusal(Exception):  # noqa: N818 - what Home Assistant says no with, not a defect
    """An answer that is not 200."""

    status: HTTPStatus
    text: str


def migrated(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return an automation's configuration with the keys that Home Assistant writes since 2024.10."""

    def rename(part: Any) -> Any:
        if isinstance(part, list):
            return [rename(each) for each in part]
        if not isinstance(part, Mapping):
            return part
        return {"action" if key == "service" else key: rename(value) for key, value in part.items()}

    plural = {RENAMED.get(key, key): value for key, value in config.items()}
    return plural | {"actions": rename(plural.get("actions", []))}


class FakeHomeAssistant:
    """A home with entities, registries, services and automations; see the module's text."""

    def __init__(self, version: str = "2025.4.4", *, loads_after: int = 0) -> None:
        self.version = version
        self.loads_after = loads_after
        self.admin_token, self.reader_token = "an-administrator's", "a-reader's"
        self.states: dict[str, dict[str, Any]] = {}
        self.automations: dict[str, dict[str, Any]] = {}
        self.services = {
            "automation": ["turn_on", "turn_off", "trigger", "reload"],
            "button": ["press"],
            "light": ["turn_on", "turn_off", "toggle"],
            "persistent_notification": ["create", "dismiss"],
            "switch": ["turn_on", "turn_off", "toggle"],
        }
        self.components = ["automation", "config", "mqtt"]
        self.areas: dict[str, str] = {}
        self.devices: list[dict[str, Any]] = []
        self.entities: list[dict[str, Any]] = []
        self.notifications: dict[str, dict[str, Any]] = {}
        self.requests: list[Request] = []
        self.commands: list[dict[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._failures: defaultdict[str, deque[Failure]] = defaultdict(deque)
        self._loading: dict[str, int] = {}
        self._contexts = count(1)
        self._server = Server(self._answer, self._converse)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self._server.port}"

    async def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        await self._server.start()

    async def stop(self) -> None:
        """Be away: connections are refused, open ones are cut."""
        await self._server.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def fail(self, step: str, *failures: Failure) -> None:
        """Let the next requests of this step go wrong, one in each way; those after them are well."""
        self._failures[step].extend(failures)

    def add_entity(
        self,
        entity_id: str,
        state: str = "off",
        *,
        area: str | None = None,
        device_id: str | None = None,
        unique_id: str | None = None,
        platform: str = "mqtt",
        name: str | None = None,
        **attributes: Any,
    ) -> None:
        """Let there be an entity, registered, with a state."""
        if area is not None:
            self.areas[re.sub(r"\W+", "_", area.lower())] = area
        self.entities.append(
            {
                "entity_id": entity_id,
                "unique_id": unique_id or entity_id,
                "platform": platform,
                "area_id": None if area is None else re.sub(r"\W+", "_", area.lower()),
                "device_id": device_id,
                "name": None,
                "original_name": name,
            }
        )
        self.change(entity_id, state, **attributes)

    def discover(self, payload: bytes, state: str = "unknown") -> None:
        """Make what a device's discovery message announces; an id that is taken is not given again."""
        announced = json.loads(payload)
        about = announced["device"]
        (identifier,) = about["identifiers"]
        known = {row["id"] for row in self.devices}
        if identifier not in known:
            self.devices.append({"id": identifier, "identifiers": [["mqtt", identifier]]})
        next(row for row in self.devices if row["id"] == identifier)["name"] = about["name"]
        taken = {(row["entity_id"].partition(".")[0], row["unique_id"]) for row in self.entities}
        for each in announced["components"].values():
            if "unique_id" in each and (each["platform"], each["unique_id"]) not in taken:
                self.add_entity(
                    each["default_entity_id"],
                    state,
                    device_id=identifier,
                    unique_id=each["unique_id"],
                    name=each["name"],
                )

    def change(self, entity_id: str, state: str, by: str | None = None, **attributes: Any) -> None:
        """Let an entity take a state, by the user with that id if one is named."""
        now = datetime.now(UTC).isoformat()
        context = {"id": f"{next(self._contexts):026}", "parent_id": None, "user_id": by}
        known = self.states.get(entity_id, {}).get("attributes", {})
        self.states[entity_id] = {
            "entity_id": entity_id,
            "state": state,
            "attributes": {**known, **attributes},
            "last_changed": now,
            "last_updated": now,
            "context": context,
        }

    def age(self, entity_id: str, seconds: float) -> None:
        """Let an entity have had its state for so long."""
        since = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
        self.states[entity_id] |= {"last_changed": since, "last_updated": since}

    def press(self, entity_id: str, user_id: str | None) -> None:
        """Let a user press a button, as through Home Assistant's own UI."""
        self.change(entity_id, datetime.now(UTC).isoformat(), user_id)

    def remove_entity(self, entity_id: str) -> None:
        """Forget an entity and its registration."""
        self.states.pop(entity_id, None)
        self.entities = [row for row in self.entities if row["entity_id"] != entity_id]

    def add_automation(self, automation_id: str, config: Mapping[str, Any], *, enabled: bool = True) -> None:
        """Let there be an automation, as somebody else made it; loaded at once."""
        self.automations[automation_id] = dict(config)
        self._load(automation_id)
        if not enabled and (found := self.state_of(automation_id)):
            found["state"] = "off"

    def remove_automation(self, automation_id: str) -> None:
        """Let somebody delete an automation."""
        del self.automations[automation_id]
        self._loading.pop(automation_id, None)
        if found := self.state_of(automation_id):
            self.remove_entity(found["entity_id"])

    def state_of(self, automation_id: str) -> dict[str, Any] | None:
        """Return the entity of an automation by its id, once it has appeared."""
        found = (each for each in self.states.values() if each["attributes"].get("id") == automation_id)
        return next(found, None)

    @property
    def numbers(self) -> tuple[int, int]:
        """Year and month of the version."""
        year, month = self.version.split(".")[:2]
        return int(year), int(month)

    def _load(self, automation_id: str) -> None:
        config = self.automations[automation_id]
        slug = re.sub(r"[^a-z0-9]+", "_", str(config.get("alias", automation_id)).lower()).strip("_")
        found = self.state_of(automation_id)
        if found is None:
            numbered = (f"_{number}" for number in count(2))
            entity_id = f"automation.{slug}"
            while entity_id in self.states:
                entity_id = f"automation.{slug}{next(numbered)}"
            self.add_entity(entity_id, "on", unique_id=automation_id, platform="automation")
            found = self.states[entity_id]
        found["attributes"] |= {
            "id": automation_id,
            "friendly_name": config.get("alias", automation_id),
            "mode": config.get("mode", "single"),
            "current": 0,
            "last_triggered": None,
        }

    def _await_loading(self) -> None:
        self._loading = {each: reads - 1 for each, reads in self._loading.items()}
        self._load_what_is_due()

    def _load_what_is_due(self) -> None:
        for automation_id in [each for each, reads in self._loading.items() if reads <= 0]:
            del self._loading[automation_id]
            self._load(automation_id)

    def _answer(self, request: Request) -> Answer:
        self.requests.append(request)
        try:
            user_id = self._user(request.token)
            step, carry_out = self._step(request, user_id)
            body = self._attempt(step, carry_out)
        except Refusal as refusal:
            is_text = refusal.status is HTTPStatus.INTERNAL_SERVER_ERROR
            return Answer(refusal.text if is_text else {"message": refusal.text}, refusal.status)
        return Answer(body)

    def _user(self, token: str) -> str:
        users = {self.admin_token: ADMINISTRATOR_ID, self.reader_token: READER_ID}
        if token not in users:
            raise Refusal(HTTPStatus.UNAUTHORIZED, "Unauthorized")
        return users[token]

    def _attempt(self, step: str, carry_out: Callable[[], Any]) -> Any:
        failures = self._failures[step]
        failure = failures.popleft() if failures else None
        before, body = dict(self._loading), None
        if failure is None:
            body = carry_out()
        elif failure.value[1]:
            with suppress(Refusal):
                body = carry_out()
        if failure is Failure.UNLOADED:
            self._loading = before
        self._load_what_is_due()
        match failure and failure.value[0]:
            case "silent":
                raise FallSilentError
            case "cut":
                raise HangUpError
            case HTTPStatus.INTERNAL_SERVER_ERROR:
                raise Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, SERVER_ERROR)
            case HTTPStatus() as status:
                raise Refusal(status, "no")
            case "no json":
                return "<html>"
        return body

    def _step(self, request: Request, user_id: str) -> tuple[str, Callable[[], Any]]:
        match request.method, request.path.removeprefix("/api/").split("/"):
            case "GET", ["config"]:
                found: tuple[str, Callable[[], Any]] = "configuration", self._configuration
            case "GET", ["states"]:
                found = "states", self._all_states
            case "GET", ["states", entity_id]:
                found = "state", lambda: self._state(entity_id)
            case "GET", ["services"]:
                found = "services", self._services
            case "POST", ["services", domain, service]:
                found = "call", lambda: self._call(f"{domain}.{service}", request.body or {}, user_id)
            case method, ["config", "automation", "config", automation_id]:
                if user_id != ADMINISTRATOR_ID:
                    raise Refusal(HTTPStatus.UNAUTHORIZED, "Unauthorized")
                found = {
                    "GET": ("read", lambda: self._read(automation_id)),
                    "POST": ("write", lambda: self._write(automation_id, request.body)),
                    "DELETE": ("delete", lambda: self._delete(automation_id)),
                }[method]
            case _:
                raise Refusal(HTTPStatus.NOT_FOUND, "404: Not Found")
        return found

    def _configuration(self) -> dict[str, Any]:
        place = {"time_zone": "Europe/Amsterdam", "latitude": 52.37, "longitude": 4.9}
        return place | {"version": self.version, "state": "RUNNING", "components": self.components}

    def _all_states(self) -> list[dict[str, Any]]:
        self._await_loading()
        return list(self.states.values())

    def _state(self, entity_id: str) -> dict[str, Any]:
        self._await_loading()
        if entity_id not in self.states:
            raise Refusal(HTTPStatus.NOT_FOUND, "Entity not found.")
        return self.states[entity_id]

    def _services(self) -> list[dict[str, Any]]:
        return [
            {"domain": domain, "services": {name: {} for name in names}}
            for domain, names in self.services.items()
        ]

    def _call(self, service: str, fields: dict[str, Any], user_id: str) -> list[dict[str, Any]]:
        domain, name = service.split(".")
        if name not in self.services.get(domain, ()):
            raise Refusal(HTTPStatus.BAD_REQUEST, "400: Bad Request")
        self.calls.append((service, fields))
        named = fields.get("entity_id", [])
        entity_ids = [named] if isinstance(named, str) else named
        if service == "persistent_notification.create":
            self.notifications[fields["notification_id"]] = fields
        elif service == "persistent_notification.dismiss":
            self.notifications.pop(fields["notification_id"], None)
        for entity_id in entity_ids:
            if name in ("turn_on", "turn_off"):
                self.change(entity_id, name.removeprefix("turn_"), user_id)
            elif service == "button.press":
                self.press(entity_id, user_id)
        return [self.states[entity_id] for entity_id in entity_ids]

    def _read(self, automation_id: str) -> dict[str, Any]:
        if automation_id not in self.automations:
            raise Refusal(HTTPStatus.NOT_FOUND, "Resource not found")
        return {"id": automation_id, **self.automations[automation_id]}

    def _write(self, automation_id: str, config: Any) -> dict[str, Any]:
        allowed = OLD_KEYS | OTHER_KEYS | (NEW_KEYS if self.numbers >= (2024, 10) else set())
        if not isinstance(config, dict):
            raise Refusal(HTTPStatus.BAD_REQUEST, "Invalid JSON specified")
        if config.keys() - allowed or not config.keys() & {"trigger", "triggers"}:
            raise Refusal(HTTPStatus.BAD_REQUEST, "Message malformed: something about keys")
        # As Home Assistant does: an id in the body wins over the address, and nothing is loaded then.
        stored_id = config.get("id", automation_id)
        kept = migrated(config) if self.numbers >= (2024, 10) else config
        self.automations[stored_id] = {key: value for key, value in kept.items() if key != "id"}
        if stored_id == automation_id:
            self._loading[automation_id] = self.loads_after
        return {"result": "ok"}

    def _delete(self, automation_id: str) -> dict[str, Any]:
        if automation_id not in self.automations:
            raise Refusal(HTTPStatus.BAD_REQUEST, "Resource not found")
        self.remove_automation(automation_id)
        return {"result": "ok"}

    async def _converse(self, socket: Socket) -> None:
        receive, send = socket
        self._attempt("websocket", lambda: None)
        await send({"type": "auth_required", "ha_version": self.version})
        try:
            user_id = self._user((await receive())["access_token"])
        except Refusal:
            await send({"type": "auth_invalid", "message": "Invalid access token or password"})
            return
        await send({"type": "auth_ok", "ha_version": self.version})
        while True:
            command = await receive()
            self.commands.append(command)
            answer = {"id": command["id"], "type": "result"}
            try:
                result = self._attempt(command["type"], partial(self._obey, command, user_id))
            except Refusal as refusal:
                error = {"code": refusal.status.phrase.lower(), "message": refusal.text}
                await send(answer | {"success": False, "error": error})
            else:
                await send(answer | {"success": True, "result": result})

    def _obey(self, command: dict[str, Any], user_id: str) -> Any:
        match command["type"]:
            case "config/area_registry/list":
                return [{"area_id": area_id, "name": name} for area_id, name in self.areas.items()]
            case "config/device_registry/list":
                return self.devices
            case "config/entity_registry/list":
                return self.entities
            case "search/related":
                return self._related(command["item_id"])
            case "automation/config":
                if self.numbers >= (2026, 11) and user_id != ADMINISTRATOR_ID:
                    raise Refusal(HTTPStatus.UNAUTHORIZED, "Unauthorized")
                return {"config": self._read(self._id_of(command["entity_id"]))}
        raise Refusal(HTTPStatus.NOT_FOUND, "Unknown command.")

    def _id_of(self, entity_id: str) -> str:
        if entity_id not in self.states:
            raise Refusal(HTTPStatus.NOT_FOUND, "Entity not found")
        found: str = self.states[entity_id]["attributes"]["id"]
        return found

    def _related(self, entity_id: str) -> dict[str, list[str]]:
        config = self.automations.get(self._id_of(entity_id), {})
        named = re.findall(r"'([a-z0-9_]+\.[a-z0-9_]+)'", str(config))
        related = sorted({name for name in named if name in self.states})
        return {"entity": related} if related else {}


@contextmanager
def in_thread(home: FakeHomeAssistant) -> Iterator[None]:
    """Let it be there while the context lasts, for whoever blocks their own thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(home.start(), loop).result(WAIT_S)
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(home.stop(), loop).result(WAIT_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT_S)
        loop.close()
