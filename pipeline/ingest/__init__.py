"""From raw MQTT messages to state changes that count, or dead letters; never an exception that eats one."""
