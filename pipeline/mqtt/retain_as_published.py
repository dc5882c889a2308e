"""Connections on which a message says whether it was published to be retained."""

from typing import Any

from typing_extensions import override

from pipeline.mqtt.client import SteadyBroker, SteadyClient, SteadySubscription


class AsPublishedClient(SteadyClient):
    """Asks for "retain as published": else a broker clears the flag on all that it hands on at once."""

    @override
    def subscribe(self, *filters: str, **options: Any) -> SteadySubscription:
        return super().subscribe(*filters, **{**options, "retain_as_published": True})


class AsPublishedBroker(SteadyBroker):
    """FastStream's broker, connecting by an `AsPublishedClient`."""

    @override
    def make_client(self) -> SteadyClient:
        return AsPublishedClient(**self._connection_kwargs)
