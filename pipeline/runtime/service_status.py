"""Status messages by which the service says that it is there, or not."""

import uuid
from importlib.metadata import version

from pipeline.mqtt.names import QoS, Will
from schemas.outgoing import Outgoing
from schemas.statuses import ServiceStatus


def status_message(topic: str, state: str) -> Outgoing:
    """The retained message that says how the service is."""
    payload = ServiceStatus.model_validate({"state": state, "version": version("ha-ai")})
    return Outgoing(uuid.uuid4().hex, topic, payload.model_dump_json().encode(), retain=True)


def will(topic: str) -> Will:
    """Return the will that the broker publishes where we end without a word."""
    goodbye = status_message(topic, "offline")
    return Will(topic=goodbye.topic, payload=goodbye.payload, qos=QoS.AT_LEAST_ONCE, retain=True)
