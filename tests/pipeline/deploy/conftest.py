"""The deployer in an empty directory and with an environment that sets nothing."""

from tests.fixtures.environment import bare, fresh_logs

__all__ = ["bare", "fresh_logs"]
