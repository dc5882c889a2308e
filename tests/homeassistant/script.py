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


async def act(home: HomeAssistant, rounds: int = 5) -> Activity:
    """Live through a minute of people at dashboards and switches, and of automations."""
    since_us = await home.mark()
    effects: list[Effect] = []

    async def see(entity_id: str, state: str, cause: Cause) -> None:
        await home.await_state(entity_id, state)
        effects.append(Effect(entity_id, state, cause))

    for number in range(rounds):
        await home.wire.report("binary_sensor.hall_motion", "on")
        await see("binary_sensor.hall_motion", "on", "physical")
        await see("light.hall_lamp", "on", "automation")
        readings = [f"{20 + number + step / 10:.1f}" for step in range(3)]
        for reading in readings:
            await home.wire.report("sensor.hall_temperature", reading)
        await home.await_state("sensor.hall_temperature", readings[-1])
        effects += [Effect("sensor.hall_temperature", reading, "physical") for reading in readings]
        await home.wire.report("binary_sensor.hall_motion", "off")
        await see("binary_sensor.hall_motion", "off", "physical")
        await home.call_service("light.turn_off", "light.hall_lamp")
        await see("light.hall_lamp", "off", "user")
        await home.call_service("light.turn_on", "light.kitchen_lamp", brightness=120)
        await see("light.kitchen_lamp", "on", "user")
        await home.call_service("light.turn_on", "light.kitchen_lamp", brightness=40)
        await home.wire.publish(DOORBELL_TOPIC, "pressed")
        await see("light.kitchen_lamp", "off", "automation")
        for state in ("on", "off"):
            await home.wire.report("switch.fan", state)
            await see("switch.fan", state, "physical")
            await home.call_service(f"input_boolean.turn_{state}", "input_boolean.guest_mode")
            await see("input_boolean.guest_mode", state, "user")
    return Activity(since_us, await home.mark(), tuple(effects))
