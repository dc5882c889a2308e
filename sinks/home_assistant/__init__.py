"""Home Assistant's API: what a reader may see with any user's token, what the deployer does with another."""

from sinks.home_assistant.deployer import HomeAssistantDeployer
from sinks.home_assistant.errors import HomeAssistantError, Refused, Unreachable
from sinks.home_assistant.reader import HomeAssistantReader

__all__ = [
    "HomeAssistantDeployer",
    "HomeAssistantError",
    "HomeAssistantReader",
    "Refused",
    "Unreachable",
]
