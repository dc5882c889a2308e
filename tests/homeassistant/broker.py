"""A mosquitto that tells what is subscribed to and what it retains."""

import asyncio
import secrets
from collections.abc import Iterable

import aiomqtt

from tests.conftest import Mosquitto
from tests.homeassistant.processes import eventually


class Broker(Mosquitto):
    """A mosquitto whose log says when a client has subscribed; a restart keeps sessions and messages."""

    _seen = 0

    async def restart(self) -> None:
        """Stop and start, without holding up the event loop."""
        await asyncio.to_thread(self.stop)
        self.forget_subscriptions()
        await asyncio.to_thread(self.start)

    def forget_subscriptions(self) -> None:
        """Let `await_subscription` count only what is subscribed from now on."""
        self._seen = self.log.stat().st_size

    async def await_subscription(self, topic: str) -> None:
        """Return when somebody has subscribed to the topic."""

        async def is_logged() -> bool:
            with self.log.open("rb") as log:
                log.seek(self._seen)
                return f"{topic}\n".encode() in log.read()

        await eventually(is_logged, f"a subscription to {topic}", timeout_s=60)

    async def retained(self, *filters: str) -> dict[str, bytes]:
        """Return the retained messages that fit any of the filters, by their topic."""
        end = f"tests/end/{secrets.token_hex(8)}"
        found: dict[str, bytes] = {}
        async with aiomqtt.Client(self.host, self.port) as client:
            await client.subscribe([(each, 1) for each in (*filters, end)])
            await client.publish(end, "", qos=1)
            async for message in client.messages:
                if message.topic.value == end:
                    break
                if message.retain and isinstance(message.payload, bytes):
                    found[message.topic.value] = message.payload
        return found

    async def forget(self, topics: Iterable[str]) -> None:
        """Retain nothing on these topics."""
        async with aiomqtt.Client(self.host, self.port) as client:
            for topic in topics:
                await client.publish(topic, "", qos=1, retain=True)

    async def end_session(self, client_id: str) -> None:
        """Keep nothing more for a client that is gone."""
        async with aiomqtt.Client(self.host, self.port, identifier=client_id, clean_session=True):
            pass
