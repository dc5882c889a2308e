"""Automations as values: render, read, compare and check them; pure."""
