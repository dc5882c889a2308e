"""Connections on which a message says whether it was published to be retained, and none is large."""

from typing import Any

import zmqtt
from faststream.mqtt import MQTTBroker
from typing_extensions import override

from pipeline.delivery.bounded import open_bounded


class AsPublishedClient(zmqtt.MQTTClient):
    """Asks for "retain as published": else a broker clears the flag on all that it hands on at once."""

    @override
    def subscribe(self, *filters: str, **options: Any) -> zmqtt.Subscription:
        return super().subscribe(*filters, **{**options, "retain_as_published": True})


class AsPublishedBroker(MQTTBroker):
    """FastStream's broker, connecting by an `AsPublishedClient` that is sent nothing large."""

    @override
    async def _connect(self) -> zmqtt.MQTTClient:
        client = AsPublishedClient(**self._connection_kwargs, transport_factory=open_bounded)
        await client.connect()
        self.config.connect(client)
        return client
