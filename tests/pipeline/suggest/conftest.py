"""The suggester with a home, a store and a context of its own."""

from tests.fixtures.environment import bare, fresh_logs
from tests.fixtures.roles import desk, home, settings, store

__all__ = ["bare", "desk", "fresh_logs", "home", "settings", "store"]
