"""Each role gets its section, and each setting is declared once."""

from collections import Counter
from pathlib import Path

import pytest

from pipeline.settings import Settings
from pipeline.settings.groups import Group, HttpSettings
from pipeline.settings.sections import (
    AnswerSettings,
    DeploySettings,
    LearnSettings,
    ReviewSettings,
    ShowSettings,
    SuggestSettings,
)

SECTIONS = (LearnSettings, SuggestSettings, ReviewSettings, DeploySettings, ShowSettings, AnswerSettings)


def test_settings_of_a_section_are_those_of_its_role_alone() -> None:
    """A role finds what it needs under the same names, and nothing else; what was stated stays stated."""
    settings = Settings(_env_file=None, deployer_token_file=Path("t"), mqtt_host="mosquitto", home="cabin")
    shown = settings.section(ShowSettings)
    assert (shown.broker_url, shown.topics) == (settings.broker_url, settings.topics)
    assert shown.model_fields_set == {"mqtt_host", "home"}
    assert not hasattr(shown, "deployer_token_file")
    assert not hasattr(shown, "http_port")


@pytest.mark.parametrize("section", SECTIONS)
def test_the_deployer_alone_knows_where_the_token_lies(section: type[Group]) -> None:
    """No other section names the administrator's token, and none is all."""
    assert ("deployer_token_file" in section.model_fields) is (section is DeploySettings)
    assert HttpSettings.model_fields.keys().isdisjoint(section.model_fields)


def test_each_setting_is_declared_once() -> None:
    """A setting stands in one group; sections are made of groups and declare none."""
    declared = Counter(
        name
        for each in Settings.mro()
        for name in vars(each).get("__annotations__", {})
        if name in Settings.model_fields
    )
    assert set(declared) == set(Settings.model_fields)
    assert set(declared.values()) == {1}
    assert not any(vars(each).get("__annotations__", {}).keys() & declared for each in SECTIONS)
