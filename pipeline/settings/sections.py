"""One section a role: the groups that it needs, and no others."""

from pipeline.settings.groups import (
    BrokerSettings,
    CommitSettings,
    DetectorSettings,
    HomeAssistantSettings,
    HomeSettings,
    InputSettings,
    KeySettings,
    LeaseSettings,
    StoreSettings,
    SuggestionSettings,
    TokenSettings,
)


# Of several groups the last comes first in documents.
class StreamSettings(HomeSettings, InputSettings, BrokerSettings):
    """What reading Home Assistant's stream takes."""


class PlaceSettings(HomeAssistantSettings, StoreSettings, HomeSettings):
    """What finding out where the home is takes."""


class RoleSettings(StoreSettings, HomeSettings, BrokerSettings):
    """What every role needs: its connection, its topics and its store."""


class LearnSettings(
    LeaseSettings,
    CommitSettings,
    KeySettings,
    DetectorSettings,
    PlaceSettings,
    RoleSettings,
    StreamSettings,
):
    """What learning and publishing need."""


class BacktestSettings(DetectorSettings, HomeAssistantSettings, RoleSettings):
    """What trying on the past takes."""


class SuggestSettings(SuggestionSettings, BacktestSettings):
    """What suggesting needs."""


class ReviewSettings(KeySettings, SuggestionSettings, BacktestSettings):
    """What reviewing needs."""


class DeploySettings(
    LeaseSettings, TokenSettings, KeySettings, HomeAssistantSettings, RoleSettings, StreamSettings
):
    """What deploying needs; it alone knows where the administrator's token lies."""


class ShowSettings(SuggestionSettings, HomeAssistantSettings, RoleSettings, StreamSettings):
    """What showing needs."""


class AnswerSettings(BacktestSettings):
    """What answering needs."""
