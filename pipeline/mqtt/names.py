"""Names of the MQTT libraries that other rooms need: errors to catch, and types to name."""

from faststream.mqtt import MQTTBroker as Broker
from faststream.mqtt import MQTTMessage as Message
from faststream.mqtt import QoS
from zmqtt import MQTTDisconnectedError, MQTTError, Will

__all__ = ["Broker", "MQTTDisconnectedError", "MQTTError", "Message", "QoS", "Will"]
