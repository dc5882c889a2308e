"""Settings of a demonstration, which nothing around it can change."""

from pathlib import Path

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from pipeline.settings import Settings
from pipeline.simulation import Household

BATCH = 500
NEVER_S = 86_400.0


class DemoSettings(Settings):
    """Settings of a demonstration: neither environment nor `.env` lead it to another broker or store."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def settings_of(household: Household, url: str, directory: Path) -> Settings:
    """Settings for a household, with the broker at `url` and the store in `directory`."""
    return DemoSettings(
        mqtt_url=url,
        database_path=directory / "ha-ai.db",
        tz=household.tz,
        lat=household.lat,
        lon=household.lon,
        batch_size=BATCH,
        mqtt_receive_maximum=2 * BATCH,
        heartbeat_s=NEVER_S,
        watchdog_s=NEVER_S,
        log_format="console",
        log_level="warning",
    )
