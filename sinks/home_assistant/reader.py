"""Home Assistant's API as everybody but the deployer uses it."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from schemas.catalogue import Catalogue
from schemas.discovered import DiscoveredEntity
from schemas.events import DESCRIPTIONS
from sinks.home_assistant.access import Access
from sinks.home_assistant.catalogue import automation_ids, catalogue, version_of
from sinks.home_assistant.errors import HomeAssistantError, Refused
from sinks.home_assistant.registries import NAMES, Registries, discovered
from sinks.home_assistant.rest import TIMEOUT_S, Rest
from sinks.home_assistant.websocket import Conversation, conversation

PLACE = frozenset({"time_zone", "latitude", "longitude"})

Row = dict[str, Any]


class HomeAssistantReader:
    """Reads with the token of any user; an administrator's is not needed.

    Every method raises `Unreachable` where no answer comes, `Refused` where Home Assistant says no, and
    `HomeAssistantError` where it says something else than expected.

    Parameters
    ----------
    url
        Address of Home Assistant, such as ``http://homeassistant.local:8123``.
    token
        A long-lived access token.
    timeout_s
        How long one answer may take.
    """

    def __init__(self, url: str, token: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._access = Access(url, token)
        self._timeout_s = timeout_s
        self._rest = Rest(self._access, timeout_s)

    async def configuration(self) -> Row:
        """``/api/config``: among others time_zone, latitude, longitude and version."""
        found = await self._rest.row("config")
        if not PLACE.issubset(found):
            raise HomeAssistantError(f"expected a configuration with {', '.join(sorted(PLACE))}, got another")
        return found

    async def version(self) -> tuple[int, int]:
        """Year and month of its release: compared as numbers, 2024.10 is later than 2024.3."""
        return version_of(await self.configuration())

    async def rooms(self) -> dict[str, str]:
        """The area of each entity that stands in one: its own, or else its device's."""
        async with conversation(self._access, self._timeout_s) as socket:
            return (await _registries(socket)).rooms

    async def described(self) -> tuple[dict[str, str], dict[str, str]]:
        """The device class and the unit of each entity whose state tells one."""
        states = await self._rest.rows("states")
        classes, units = [
            {
                state["entity_id"]: told
                for state in states
                if isinstance(told := state["attributes"].get(name), str)
            }
            for name in DESCRIPTIONS
        ]
        return classes, units

    async def catalogue(self) -> Catalogue:
        """Everything that can be acted on, and every automation with what it touches.

        An automation's configuration is None where this token may not read it.
        """
        configuration = await self.configuration()
        states, services = await self._rest.rows("states"), await self._rest.rows("services")
        async with conversation(self._access, self._timeout_s) as socket:
            registries = await _registries(socket)
            automations = await _automations(socket, automation_ids(states))
        return catalogue(configuration, states, services, registries, automations)

    async def state(self, entity_id: str) -> Row | None:
        """The state object of an entity; None where Home Assistant does not know it."""
        return await self._rest.find(f"states/{quote(entity_id, safe='')}")

    async def entity_id_of(self, unique_id: str) -> str | None:
        """An entity that Home Assistant made of an MQTT discovery message with that unique id."""
        found = await self.discovered(unique_id)
        return found[0].entity_id if found else None

    async def discovered(self, *unique_ids: str) -> list[DiscoveredEntity]:
        """All that Home Assistant made of MQTT discovery messages with these unique ids, in any domain."""
        async with conversation(self._access, self._timeout_s) as socket:
            devices, entities = [
                await socket.ask({"type": f"config/{name}_registry/list"}) for name in ("device", "entity")
            ]
        return discovered(devices, entities, unique_ids)

    async def notify(self, notification_id: str, title: str, message: str) -> None:
        """Show a notification, in the place of an earlier one with the same id."""
        body = {"notification_id": notification_id, "title": title, "message": message}
        await self._rest.post("services/persistent_notification/create", body)

    async def dismiss(self, notification_id: str) -> None:
        """Take a notification away, if it is there."""
        await self._rest.post(
            "services/persistent_notification/dismiss", {"notification_id": notification_id}
        )

    async def user_name(self, user_id: str) -> str | None:
        """The name of the person who is that user; None where none is: users' own names are secret."""
        for state in await self._rest.rows("states"):
            attributes = state["attributes"]
            if state["entity_id"].startswith("person.") and attributes.get("user_id") == user_id:
                return str(attributes.get("friendly_name") or "") or None
        return None


async def _registries(socket: Conversation) -> Registries:
    areas, devices, entities = [await socket.ask({"type": f"config/{name}_registry/list"}) for name in NAMES]
    return Registries(areas, devices, entities)


async def _automations(socket: Conversation, entity_ids: Sequence[str]) -> dict[str, tuple[Row | None, Row]]:
    configs = await socket.ask_all([{"type": "automation/config", "entity_id": each} for each in entity_ids])
    related = await socket.ask_all(
        [{"type": "search/related", "item_type": "automation", "item_id": each} for each in entity_ids]
    )
    return {
        entity_id: (
            None if isinstance(config, Refused) else config["config"],
            {} if isinstance(found, Refused) else found,
        )
        for entity_id, config, found in zip(entity_ids, configs, related, strict=True)
    }
