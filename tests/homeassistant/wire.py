"""What is on the broker beside Home Assistant: the home's devices, and a witness."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiomqtt

from tests.homeassistant.changes import Change, to_change

EVENTS_TOPIC = "homeassistant_events"
LAMP = {"schema": "json", "brightness": True, "color_mode": True, "supported_color_modes": ["brightness"]}
# entity_id: what its discovery payload says beside names and topics, and its first state
DEVICES: dict[str, tuple[dict[str, Any], str]] = {
    "light.hall_lamp": (LAMP, "off"),
    "light.kitchen_lamp": (LAMP, "off"),
    "switch.fan": ({}, "off"),
    "binary_sensor.hall_motion": ({"device_class": "motion"}, "off"),
    "sensor.hall_temperature": ({"device_class": "temperature", "unit_of_measurement": "°C"}, "19.0"),
}


class Wire:
    """The home's MQTT devices, and a witness that writes down every event that Home Assistant publishes."""

    def __init__(self, port: int) -> None:
        self.events: list[dict[str, Any]] = []
        self.changes: list[Change] = []
        self._port = port
        self._connected: asyncio.Future[aiomqtt.Client] = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Obey and listen beside the tests."""
        self._listening = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening

    def assert_listening(self) -> None:
        """Raise what ended it, if anything has."""
        if self._listening.done():
            self._listening.result()

    async def _run(self) -> None:
        """Obey and listen until cancelled, over any number of the broker's restarts."""
        while True:
            with suppress(aiomqtt.MqttError):
                async with aiomqtt.Client("127.0.0.1", self._port) as client:
                    await client.subscribe([("home/+/set", 1), (EVENTS_TOPIC, 1)])
                    self._connected.set_result(client)
                    async for message in client.messages:
                        await self._hear(message)
            if self._connected.done():
                self._connected = asyncio.get_running_loop().create_future()
            await asyncio.sleep(0.1)

    async def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Publish at QoS 1, as soon as the broker is there."""
        client = await asyncio.wait_for(asyncio.shield(self._connected), 30)
        await client.publish(topic, payload, qos=1, retain=retain)

    async def announce(self) -> None:
        """Make Home Assistant discover every device, in its first state."""
        for entity_id, (details, state) in DEVICES.items():
            domain, name = entity_id.split(".")
            payload = details | {
                "name": None,
                "unique_id": name,
                "device": {"identifiers": [name], "name": name.replace("_", " ").capitalize()},
                "state_topic": f"home/{name}/state",
            }
            if domain in {"light", "switch"}:
                payload["command_topic"] = f"home/{name}/set"
            await self.publish(f"homeassistant/{domain}/{name}/config", json.dumps(payload), retain=True)
            await self.report(entity_id, state)

    async def report(self, entity_id: str, state: str) -> None:
        """Let a device say its state, as when a hand moved it or it measured something."""
        domain, name = entity_id.split(".")
        payload = state.upper() if state in {"on", "off"} else state
        if domain == "light":
            payload = json.dumps({"state": payload})
        await self.publish(f"home/{name}/state", payload, retain=True)

    async def _hear(self, message: aiomqtt.Message) -> None:
        assert isinstance(message.payload, bytes)
        topic = message.topic.value
        if topic == EVENTS_TOPIC:
            event = json.loads(message.payload)
            self.events.append(event)
            if change := to_change(event):
                self.changes.append(change)
        else:
            await self.publish(topic.removesuffix("/set") + "/state", message.payload.decode(), retain=True)
