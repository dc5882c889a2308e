"""What tests leave in a home that others use after them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import yaml

from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.processes import eventually
from tests.homeassistant.wire import DEVICES

# What happens to be measured, and what marks turn, may be anything.
STATEFUL = (DEVICES.keys() - {"sensor.hall_temperature"}) | {
    "input_boolean.guest_mode",
    "input_boolean.pattern_seen",
}
QUESTIONS = (
    "get_states",
    "config/entity_registry/list",
    "config/device_registry/list",
    "config/area_registry/list",
    "config_entries/get",
    "person/list",
    "persistent_notification/get",
)
# Home Assistant itself says that a token was refused, and at a start that there is something to set up.
ITS_OWN_NOTIFICATIONS = {"http-login", "config_entry_discovery"}
RETAINED = ("homeassistant/#", "ha-ai/#")
SETTLES_WITHIN_S = 20.0

Look = dict[tuple[str, str], str]


class Traces:
    """Compares a home with itself: before and after a test, or what a module of tests shares."""

    def __init__(self, home: HomeAssistant, settles_within_s: float = SETTLES_WITHIN_S) -> None:
        self._home = home
        self._settles_within_s = settles_within_s
        # As it was when somebody was last seen to leave; nobody has touched it since.
        self._last: Look | None = None

    def forget(self) -> None:
        """Look anew when the next comes: the home is being changed."""
        self._last = None

    @asynccontextmanager
    async def none_left(self) -> AsyncIterator[None]:
        """Fail if the home is not, within some seconds of the end, as it was at the beginning."""
        before = self._last or await look(self._home)
        self.forget()
        yield
        after = before

        async def is_as_before() -> bool:
            nonlocal after
            after = await look(self._home)
            return after == before

        with suppress(pytest.fail.Exception):
            await eventually(is_as_before, "the home is as it was", self._settles_within_s)
        if after != before:
            self.forget()
            await self._put_right(before, after)
            pytest.fail("\n".join(["left in Home Assistant:", *_differences(before, after)]))
        self._last = after

    async def _put_right(self, before: Look, after: Look) -> None:
        """Take away what would disturb the tests that follow: they are not to blame."""
        for kind, name in after.keys() - before.keys():
            if kind == "automation":
                await self._home.delete_automation(name)
            if kind == "retained":
                await self._home.broker.forget([name])
            if kind == "notification":
                await self._home.dismiss(name)
        for entity_id in STATEFUL & DEVICES.keys():
            await self._home.wire.report(entity_id, "off")


async def look(home: HomeAssistant) -> Look:
    """Return all that tests may change in a home, by what it is and its name."""
    home.wire.assert_listening()
    states, entities, devices, areas, entries, persons, notifications = await home.ask_all(
        *({"type": question} for question in QUESTIONS)
    )
    configuration = home.config / "configuration.yaml"
    written = yaml.safe_load((home.config / "automations.yaml").read_text())
    seen: dict[str, dict[str, Any]] = {
        "file": {configuration.name: configuration.read_text()},
        "automation": {each["id"]: each for each in written},
        "state": {each["entity_id"]: _state(each) for each in states},
        "entity": {
            each["entity_id"]: [each[key] for key in ("area_id", "disabled_by", "hidden_by", "name")]
            for each in entities
        },
        "device": {
            json.dumps(each["identifiers"]): [each[key] for key in ("area_id", "name_by_user")]
            for each in devices
        },
        "area": {each["area_id"]: each["name"] for each in areas},
        "entry": {each["entry_id"]: each["domain"] for each in entries},
        "person": {each["id"]: each["name"] for each in persons["storage"]},
        "notification": {
            each["notification_id"]: each["title"]
            for each in notifications
            if each["notification_id"] not in ITS_OWN_NOTIFICATIONS
        },
        "retained": dict.fromkeys(await home.broker.retained(*RETAINED)),
    }
    return {(kind, name): json.dumps(value) for kind, found in seen.items() for name, value in found.items()}


def _state(state: dict[str, Any]) -> str:
    entity_id = state["entity_id"]
    is_compared = entity_id in STATEFUL or entity_id.startswith("automation.")
    return state["state"] if is_compared else "there"


def _differences(before: Look, after: Look) -> list[str]:
    return [
        f"{kind} {name}: {before.get((kind, name), 'absent')} before, {after.get((kind, name), 'absent')} now"
        for kind, name in sorted(before.keys() | after.keys())
        if before.get((kind, name)) != after.get((kind, name))
    ]
