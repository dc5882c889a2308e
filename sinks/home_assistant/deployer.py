"""Home Assistant's API as the deployer uses it: automations written, read back and deleted."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from sinks.home_assistant.access import Access
from sinks.home_assistant.errors import Refused
from sinks.home_assistant.rest import TIMEOUT_S, Rest


class HomeAssistantDeployer:
    """Writes automations with an administrator's token; each step is done, not done, or unknown.

    `Refused` below status 500 means not done. `Unreachable`, and `Refused` from 500 on, mean unknown: read
    what stands there before trying again. Nothing is tried twice here.

    Parameters
    ----------
    url
        Address of Home Assistant.
    token
        A long-lived access token of an administrator: Home Assistant lets nobody else write automations.
    timeout_s
        How long a step may take; Home Assistant needs some ten milliseconds.
    """

    def __init__(self, url: str, token: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._rest = Rest(Access(url, token), timeout_s)

    async def read(self, automation_id: str) -> dict[str, Any] | None:
        """The configuration under that id as it is kept, its `id` included; None if there is none."""
        return await self._rest.find(_path(automation_id))

    async def write(self, automation_id: str, config: Mapping[str, Any]) -> None:
        """Put a configuration in the place of what stands under that id.

        That it was taken does not mean that it was loaded: `entity` tells that, some moments later.
        """
        # An id in the body would win over the one in the address, and the automation would not be loaded.
        body = {key: value for key, value in config.items() if key != "id"}
        await self._rest.post(_path(automation_id), body)

    async def delete(self, automation_id: str) -> bool:
        """Delete what stands under that id; False if nothing stood there."""
        try:
            await self._rest.delete(_path(automation_id))
        except Refused as refused:
            # The same status says that there is nothing to delete and that something else was wrong.
            if refused.status != HTTPStatus.BAD_REQUEST or await self.read(automation_id) is not None:
                raise
            return False
        return True

    async def entity(self, automation_id: str) -> dict[str, Any] | None:
        """The state of the automation that is loaded under that id; None if none is."""
        states = await self._rest.rows("states")
        return next((state for state in states if _is_automation(state, automation_id)), None)


def _path(automation_id: str) -> str:
    return f"config/automation/config/{quote(automation_id, safe='')}"


def _is_automation(state: dict[str, Any], automation_id: str) -> bool:
    is_one: bool = state["entity_id"].startswith("automation.")
    return is_one and state["attributes"].get("id") == automation_id
