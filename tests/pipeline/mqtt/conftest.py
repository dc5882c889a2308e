"""Five days of a small home."""

from tests.fixtures.learner import changes

__all__ = ["changes"]
