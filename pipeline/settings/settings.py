"""All settings together: each has a default that works and a name in the environment or in `.env`."""

import os
from typing import Any, TypeVar, cast

from dotenv import dotenv_values
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pipeline.settings.groups import FormerSettings, Group, HttpSettings, LogSettings
from pipeline.settings.sections import (
    AnswerSettings,
    DeploySettings,
    LearnSettings,
    ReviewSettings,
    ShowSettings,
    SuggestSettings,
)

Section = TypeVar("Section", bound=Group)

PREFIX = "HA_AI_"
OLD_NAMES = {
    "MQTT_BROKER": "mqtt_host",
    "MQTT_PORT": "mqtt_port",
    "MQTT_USERNAME": "mqtt_username",
    "MQTT_PASSWORD": "mqtt_password",
    "HA_URL": "home_assistant_url",
    "HA_TOKEN": "home_assistant_token",
    "OPENAI_API_KEY": "openai_api_key",
    "ANALYSIS_SCHEDULE": "analysis_schedule",
    "DATABASE_PATH": "database_path",
}


class OldNames(PydanticBaseSettingsSource):
    """Names that an earlier backend used, in the environment or in `.env`; ours come before them."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError(f"{field_name} ({field.annotation}) is read with all others by __call__")

    def __call__(self) -> dict[str, Any]:
        env_file = self.config.get("env_file")
        known = {**(dotenv_values(str(env_file)) if env_file else {}), **os.environ}
        return {name: known[old] for old, name in OLD_NAMES.items() if known.get(old)}


class Settings(
    FormerSettings,
    LogSettings,
    HttpSettings,
    LearnSettings,
    ShowSettings,
    DeploySettings,
    ReviewSettings,
    SuggestSettings,
    AnswerSettings,
    BaseSettings,
):
    """Everything that can be set: ``HA_AI_<NAME>`` in the environment or in ``.env``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, dotenv_settings, file_secret_settings, OldNames(settings_cls)

    def section(self, kind: type[Section]) -> Section:
        """Return the settings of a section, and no others.

        Examples
        --------
        >>> section = Settings(_env_file=None, http_port=0, home="cabin").section(HttpSettings)
        >>> section.http_port, hasattr(section, "home")
        (0, False)
        """
        names = kind.model_fields
        stated = self.model_fields_set & names.keys()
        values = {name: getattr(self, name) for name in names}
        return cast("Section", kind.model_construct(_fields_set=stated, **values))
