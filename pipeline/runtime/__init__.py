"""What every role runs on: its context and host, ownership, health and HTTP, keys, logs, clocks."""
