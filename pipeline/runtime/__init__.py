"""Common ground of every role: its context and host, ownership, health and HTTP, keys, logs, clocks."""
