"""What every role runs on, with settings, home and store of its own."""

from tests.fixtures.environment import bare, fresh_logs
from tests.fixtures.roles import home, settings

__all__ = ["bare", "fresh_logs", "home", "settings"]
