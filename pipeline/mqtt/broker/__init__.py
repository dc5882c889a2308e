"""An MQTT 5 broker in one process and in memory, for a first run and for tests.

Nothing is written to disk: sessions, queues and retained messages end with the broker. A home keeps its own
broker; this one spares a first run the installation of another program.
"""

from pipeline.mqtt.broker.connection import Credentials
from pipeline.mqtt.broker.exchange import Limits
from pipeline.mqtt.broker.server import EmbeddedBroker

__all__ = ["Credentials", "EmbeddedBroker", "Limits"]
