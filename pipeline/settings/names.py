"""Names in the environment and in `.env` that begin like ours, and are none."""

import os
from collections.abc import Iterable
from difflib import get_close_matches

from dotenv import dotenv_values

from pipeline.settings.settings import PREFIX, Settings

# Read by tests and benchmarks alone.
ELSEWHERE = frozenset(
    {"HA_AI_SOAK_JUMP_FILE", "HA_AI_TEST_EXAMPLES", "HA_AI_TEST_REQUIRE", "HA_AI_TEST_STEPS"}
)
LONGEST_NAME = 80


def known_names() -> list[str]:
    """Return every name that means something, sorted."""
    return sorted({f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | ELSEWHERE)


def stated_names() -> set[str]:
    """Return the names that the environment and `.env` state; their values are not looked at."""
    env_file = Settings.model_config.get("env_file")
    return {*os.environ, *(dotenv_values(str(env_file)) if env_file else {})}


def unknown_names(stated: Iterable[str]) -> dict[str, str | None]:
    """Return each name that begins like a setting and is none, with the nearest that is one.

    Examples
    --------
    >>> unknown_names(["HA_AI_MQTT_PROT", "HA_AI_MQTT_PORT", "ha_ai_home", "HA_AI_XYZZY", "PATH"])
    {'HA_AI_MQTT_PROT': 'HA_AI_MQTT_PORT', 'HA_AI_XYZZY': None}
    """
    known = known_names()
    unknown = sorted({each for each in stated if each.upper().startswith(PREFIX)})
    return {each: _nearest(each, known) for each in unknown if each.upper() not in known}


def words_of_unknown(name: str, nearest: str | None) -> str:
    """Say that a name is no setting, and which may have been meant.

    Examples
    --------
    >>> words_of_unknown("HA_AI_MQTT_PROT", "HA_AI_MQTT_PORT")
    'HA_AI_MQTT_PROT is no setting and has no effect; was HA_AI_MQTT_PORT meant?'
    >>> words_of_unknown("HA_AI_XYZZY", None)
    'HA_AI_XYZZY is no setting and has no effect'
    """
    said = f"{name[:LONGEST_NAME]} is no setting and has no effect"
    return said if nearest is None else f"{said}; was {nearest} meant?"


def _nearest(name: str, known: list[str]) -> str | None:
    # The prefix, which all have, would make anything near.
    parts = {each.removeprefix(PREFIX): each for each in known if each not in ELSEWHERE}
    found = get_close_matches(name.upper().removeprefix(PREFIX), parts, n=1)
    return parts[found[0]] if found else None
