"""The command line's connection to the MQTT broker: aiomqtt, with what the settings say."""

import asyncio
import logging
import ssl
from typing import Any
from urllib.parse import urlsplit

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from pipeline.settings.groups import BrokerSettings

__all__ = ["PORTS", "Message", "MqttError", "PacketTypes", "Properties", "TerminalClient"]

Message = aiomqtt.Message
MqttError = aiomqtt.MqttError

PORTS = {"mqtt": 1883, "mqtts": 8883}
TIMEOUT_S = 10.0


class TerminalClient(aiomqtt.Client):
    """An MQTT 5 client that remembers a refusal: aiomqtt takes every PUBACK for a success.

    Parameters
    ----------
    settings
        Where the broker is and who we are.
    in_flight
        Messages that wait for their PUBACK at most.
    options
        As aiomqtt's client takes them.
    """

    def __init__(self, settings: BrokerSettings, *, in_flight: int = 20, **options: Any) -> None:
        address = urlsplit(settings.broker_url)
        password = settings.mqtt_password
        secured = address.scheme == "mqtts"
        defaults = {
            "username": settings.mqtt_username,
            "password": password.get_secret_value() if password else None,
            "tls_context": ssl.create_default_context(cafile=settings.mqtt_ca_file) if secured else None,
            "timeout": TIMEOUT_S,
        }
        super().__init__(
            address.hostname or "localhost",
            address.port or PORTS[address.scheme],
            protocol=aiomqtt.ProtocolVersion.V5,
            logger=logging.getLogger("ha_ai.terminal_client"),
            max_inflight_messages=in_flight,
            **{**defaults, **options},
        )
        self.pending_calls_threshold = 2 * in_flight
        self.refusal: ReasonCode | None = None

    async def next_message(
        self, topic_filter: str, payload: bytes | None = None, *, timeout_s: float, live: bool = False
    ) -> aiomqtt.Message | None:
        """The next message on a topic, with that payload if one is given; None if it does not come in time.

        `live` passes over what the broker had retained.
        """
        try:
            async with asyncio.timeout(timeout_s):
                async for message in self.messages:
                    wanted = message.topic.matches(topic_filter) and not (live and message.retain)
                    if wanted and payload in (None, message.payload):
                        return message
        except TimeoutError:
            return None
        return None

    def _on_publish(
        self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any
    ) -> None:
        if reason_code.is_failure:
            self.refusal = reason_code
        super()._on_publish(client, userdata, mid, reason_code, properties)
