"""The doctor as a person calls it."""

from tests.fixtures.command_line import at_broker, ha_ai, wide
from tests.fixtures.environment import bare

__all__ = ["at_broker", "bare", "ha_ai", "wide"]
