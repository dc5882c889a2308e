"""The reviewer with settings of its own."""

from tests.fixtures.environment import bare, fresh_logs
from tests.fixtures.roles import settings

__all__ = ["bare", "fresh_logs", "settings"]
