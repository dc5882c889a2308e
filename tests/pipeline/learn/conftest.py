"""Runs over stores of their own, and what a clean one keeps."""

from tests.fixtures.learner import changes, clean, no_patience, start

__all__ = ["changes", "clean", "no_patience", "start"]
