"""Status messages by which the service says that it is there, or not."""

import uuid
from importlib.metadata import version

from pipeline.mqtt.names import QoS, Will
from schemas.messages import QOS
from schemas.outgoing import Outgoing
from schemas.statuses import ServiceStatus
from schemas.topics import Topics


def status_message(topics: Topics, state: str) -> Outgoing:
    """The retained message that says how the service is."""
    payload = ServiceStatus.model_validate({"state": state, "version": version("ha-ai")})
    return Topics.service.outgoing(topics, uuid.uuid4().hex, payload)


def will(topics: Topics) -> Will:
    """Return the will that the broker publishes where we end without a word."""
    goodbye = status_message(topics, "offline")
    return Will(topic=goodbye.topic, payload=goodbye.payload, qos=QoS(QOS), retain=goodbye.retain)
