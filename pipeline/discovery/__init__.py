"""What is seen in Home Assistant's own pages: devices by MQTT discovery, and what points to them."""
