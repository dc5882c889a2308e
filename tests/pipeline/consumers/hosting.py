"""Consumers in a thread, over a store of their own, as `ha-ai run` has them in a process."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from pipeline.health import Metrics
from pipeline.mqtt.outbox import Egress
from pipeline.runtime.host import ConsumerHost, Factory
from pipeline.runtime.role import Consumer, IncomingMessage, Inlet, Loop, RoleContext, StatelessConsumer
from pipeline.settings import Settings
from schemas.home import Home
from schemas.suggestions import Suggestion
from sinks.store import SqlStore

START_S = 30.0
Make = Callable[[RoleContext], StatelessConsumer]


class Publisher:
    """Sends what the outbox holds, as the pipeline does, through the desk's connection."""

    name = Consumer.PUBLISH

    def __init__(self, desk: RoleContext) -> None:
        self._desk = desk

    def inlets(self) -> Sequence[Inlet]:
        """Nothing is received."""
        return []

    def loops(self) -> Sequence[Loop]:
        """The real way out."""
        desk = self._desk
        egress = Egress(
            desk.store,
            desk.broker,
            executor=desk.executor,
            health=desk.health,
            metrics=Metrics(),
            filled=desk.outbox_filled,
            refusals=desk.refusals,
        )
        return [egress.run]


class _Announced:
    """A consumer that says when it is subscribed: its loops begin then."""

    def __init__(self, consumer: StatelessConsumer, ready: threading.Semaphore) -> None:
        self.name = consumer.name
        self._consumer = consumer
        self._ready = ready

    def inlets(self) -> Sequence[Inlet]:
        return self._consumer.inlets()

    def loops(self) -> Sequence[Loop]:
        return [*self._consumer.loops(), self._announce]

    async def _announce(self) -> None:
        self._ready.release()


class Hosted:
    """Consumers that run until `stop`, and what their store holds."""

    def __init__(self, folder: Path, url: str, makers: dict[Consumer, Make], **settings: Any) -> None:
        self.settings = Settings(
            _env_file=None,
            mqtt_url=url,
            database_path=folder / "ha-ai.db",
            command_key_file=folder / "ha-ai.key",
            **settings,
        )
        self.home = Home()
        self.store = SqlStore(self.settings.store_url, home=self.home.id)
        self.store.migrate()
        self._ready = threading.Semaphore(0)
        self._factories = {name: self._announced(make) for name, make in makers.items()}
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def start(self) -> None:
        """Run them, and return when each is subscribed."""
        self._thread.start()
        for name in self._factories:
            assert self._ready.acquire(timeout=START_S), f"{name} did not start"

    def stop(self) -> None:
        """End them."""
        self._loop.call_soon_threadsafe(self._host.stop)
        self._thread.join(START_S)
        self.store.close()

    async def hand(self, inlet: Inlet, received: IncomingMessage) -> None:
        """Let a consumer handle a message, where it runs."""
        handled = asyncio.run_coroutine_threadsafe(_awaited(inlet.handle(received)), self._loop)
        await asyncio.wrap_future(handled)

    def keep(self, *suggestions: Suggestion) -> None:
        """Have suggestions in the store."""
        with self.store.begin() as transaction:
            for suggestion in suggestions:
                assert transaction.suggestions.add(suggestion)

    def _announced(self, make: Make) -> Factory:
        return lambda desk: _Announced(make(desk), self._ready)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._host = ConsumerHost(self.settings, self.home, self._factories)
        await self._host.run()


async def _awaited(handling: Awaitable[None]) -> None:
    await handling
