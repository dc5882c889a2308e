"""The scripted minute of the home, and what came of it."""

from dataclasses import dataclass
from typing import Literal

from tests.homeassistant.configuration import DOORBELL_TOPIC
from tests.homeassistant.home import HomeAssistant

Cause = Literal["user", "automation", "physical"]


@dataclass(frozen=True)
class Effect:
    """A behaviour that the script brought about, and by whose hand."""

    entity_id: str
    new_state: str
    cause: Cause


@dataclass(frozen=True)
class Activity:
    """What `act` did between two bookmarks, in the order in which Home Assistant saw it."""

    since_us: int
    until_us: int
    effects: tuple[Effect, ...]


class Script:
    """People at dashboards and switches, and the automations that follow."""

    def __init__(self, home: HomeAssistant) -> None:
        self.effects: list[Effect] = []
        self._home = home

    async def walk_through_the_hall(self, round_number: int) -> None:
        """Motion turns the lamp on, somebody turns it off on the dashboard; meanwhile it gets warmer."""
        await self._report("binary_sensor.hall_motion", "on")
        await self._see("light.hall_lamp", "on", "automation")
        readings = [f"{20 + round_number + step / 10:.1f}" for step in range(3)]
        for reading in readings:
            await self._home.wire.report("sensor.hall_temperature", reading)
        await self._home.await_state("sensor.hall_temperature", readings[-1])
        self.effects += [Effect("sensor.hall_temperature", reading, "physical") for reading in readings]
        await self._report("binary_sensor.hall_motion", "off")
        await self._home.call_service("light.turn_off", "light.hall_lamp")
        await self._see("light.hall_lamp", "off", "user")

    async def ring_at_the_door(self) -> None:
        """Somebody turns the kitchen lamp on and down, which is no new state; the bell toggles it."""
        await self._home.call_service("light.turn_on", "light.kitchen_lamp", brightness=120)
        await self._see("light.kitchen_lamp", "on", "user")
        await self._home.call_service("light.turn_on", "light.kitchen_lamp", brightness=40)
        await self._home.wire.publish(DOORBELL_TOPIC, "pressed")
        await self._see("light.kitchen_lamp", "off", "automation")

    async def have_guests(self) -> None:
        """Somebody flips the fan at the wall and guest mode on the dashboard, and both back."""
        for state in ("on", "off"):
            await self._report("switch.fan", state)
            await self._home.call_service(f"input_boolean.turn_{state}", "input_boolean.guest_mode")
            await self._see("input_boolean.guest_mode", state, "user")

    async def _report(self, entity_id: str, state: str) -> None:
        await self._home.wire.report(entity_id, state)
        await self._see(entity_id, state, "physical")

    async def _see(self, entity_id: str, state: str, cause: Cause) -> None:
        await self._home.await_state(entity_id, state)
        self.effects.append(Effect(entity_id, state, cause))


async def act(home: HomeAssistant, rounds: int = 5) -> Activity:
    """Live through a minute of the home."""
    script = Script(home)
    since_us = await home.mark()
    for round_number in range(rounds):
        await script.walk_through_the_hall(round_number)
        await script.ring_at_the_door()
        await script.have_guests()
    return Activity(since_us, await home.mark(), tuple(script.effects))
