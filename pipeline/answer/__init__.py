"""Answers questions about suggestions."""
