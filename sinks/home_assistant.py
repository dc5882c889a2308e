"""Home Assistant's API, as a reader: where the home is, and in which area each entity stands."""

import json
from asyncio import timeout
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

TIMEOUT_S = 10.0
MAXIMUM_BYTES = 64 * 1024 * 1024
REGISTRIES = ("area", "device", "entity")
PLACE = frozenset({"time_zone", "latitude", "longitude"})

Row = dict[str, Any]


class HomeAssistantError(Exception):
    """Home Assistant did not answer as expected; says what was expected and what came."""


class HomeAssistantReader:
    """Reads configuration and registries with the token of any user; an administrator's is not needed.

    Parameters
    ----------
    url
        Address of Home Assistant, such as ``http://homeassistant.local:8123``.
    token
        A long-lived access token.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token

    async def configuration(self) -> Row:
        """``/api/config``: among others time_zone, latitude, longitude and version.

        Raises
        ------
        HomeAssistantError
            Where it cannot be reached, refuses the token, or answers something else.
        """
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                answer = await client.get(
                    f"{self._url}/api/config", headers={"Authorization": f"Bearer {self._token}"}
                )
        except httpx.HTTPError as error:
            detail = str(error) or type(error).__name__
            raise HomeAssistantError(f"expected Home Assistant at {self._url}, got: {detail}") from error
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise HomeAssistantError("expected a valid long-lived access token, got one that is refused")
        if answer.is_error:
            raise HomeAssistantError(f"expected its configuration, got status {answer.status_code}")
        try:
            found = answer.json()
        except ValueError as error:
            raise HomeAssistantError("expected its configuration as JSON, got something else") from error
        if not isinstance(found, dict) or not PLACE.issubset(found):
            raise HomeAssistantError(f"expected a configuration with {', '.join(sorted(PLACE))}, got another")
        return found

    async def rooms(self) -> dict[str, str]:
        """The area of each entity that stands in one: its own, or else its device's.

        Raises
        ------
        HomeAssistantError
            Where the registries cannot be read.
        """
        areas, devices, entities = await self._registries()
        names = {row["area_id"]: row["name"] for row in areas}
        of_device = {row["id"]: row.get("area_id") for row in devices}
        placed = {
            row["entity_id"]: row.get("area_id") or of_device.get(row.get("device_id")) for row in entities
        }
        return {entity_id: names[area] for entity_id, area in sorted(placed.items()) if area in names}

    async def _registries(self) -> list[list[Row]]:
        parts = urlsplit(self._url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        address = urlunsplit((scheme, parts.netloc, f"{parts.path}/api/websocket", "", ""))
        try:
            async with timeout(TIMEOUT_S), connect(address, max_size=MAXIMUM_BYTES) as socket:
                await socket.recv()
                await socket.send(json.dumps({"type": "auth", "access_token": self._token}))
                welcome = json.loads(await socket.recv())
                if welcome.get("type") != "auth_ok":
                    raise HomeAssistantError(
                        "expected a valid long-lived access token, got one that is refused"
                    )
                found = []
                for number, registry in enumerate(REGISTRIES, 1):
                    await socket.send(json.dumps({"id": number, "type": f"config/{registry}_registry/list"}))
                    answer = json.loads(await socket.recv())
                    if not answer.get("success"):
                        raise HomeAssistantError(
                            f"expected the {registry} registry, got {answer.get('error')}"
                        )
                    found.append(answer["result"])
        except (OSError, TimeoutError, WebSocketException, ValueError) as error:
            detail = str(error) or type(error).__name__
            raise HomeAssistantError(f"expected its registries at {address}, got: {detail}") from error
        return found
