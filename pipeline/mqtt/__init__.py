"""MQTT: connections that come back, the durable session, intake and outbox, the AsyncAPI document."""
