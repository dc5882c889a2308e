"""Stateless consumers: each can run alone and in numbers."""
