"""A mosquitto that tells what is subscribed to."""

import asyncio

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
            return f"{topic}\n".encode() in self.log.read_bytes()[self._seen :]

        await eventually(is_logged, f"a subscription to {topic}", timeout_s=60)
