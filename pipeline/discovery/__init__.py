"""Our pages in Home Assistant: devices by MQTT discovery, and what points to them."""
