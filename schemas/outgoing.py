"""A message on its way out."""

from typing import NamedTuple


class Outgoing(NamedTuple):
    """An MQTT message to publish at QoS 1; its id lets readers insert or ignore."""

    id: str
    topic: str
    payload: bytes
    retain: bool = False
    expiry_s: int | None = None
