"""The discovery publisher in an empty directory."""

from tests.fixtures.environment import bare, fresh_logs

__all__ = ["bare", "fresh_logs"]
