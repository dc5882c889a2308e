"""Checks of everything around ha-ai, and what to do where something is wrong."""
