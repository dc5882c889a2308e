"""Findings of checks; what is wrong with settings or a home.json, in words and by the names people gave."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import ValidationError

from pipeline.settings import PREFIX, Settings
from pipeline.settings.names import stated_names, unknown_names, words_of_unknown

CHECK = "settings"
SHOWN_CHARACTERS = 80


class Verdict(StrEnum):
    """Verdict of a check."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


class Finding(NamedTuple):
    """One check: what was found and, unless all is well, what to do."""

    check: str
    verdict: Verdict
    found: str
    advice: str = ""


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.OK, found)


def warning(check: str, found: str, advice: str) -> Finding:
    """It works, with a disadvantage."""
    return Finding(check, Verdict.WARNING, found, advice)


def wrong(check: str, found: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(check, Verdict.WRONG, found, advice)


def explain(error: ValidationError) -> list[str]:
    """Each problem in words: a setting by its name in the environment, with what came.

    Examples
    --------
    >>> try:
    ...     Settings(_env_file=None, http_port=99999)
    ... except ValidationError as error:
    ...     explain(error)
    ['HA_AI_HTTP_PORT: expected less than or equal to 65535, got 99999']
    """
    prefix = PREFIX if error.title == Settings.__name__ else ""
    return [f"{_name(each, prefix)}{_problem(each)}" for each in error.errors()]


def _name(detail: Mapping[str, Any], prefix: str) -> str:
    name = ".".join(map(str, detail["loc"]))
    return f"{prefix}{name.upper() if prefix else name}: " if name else ""


def _problem(detail: Mapping[str, Any]) -> str:
    said = str(detail["msg"]).removeprefix("Value error, ").replace("Input should be ", "expected ")
    # Our own messages name what came; a long one is a whole file.
    if detail["type"] == "value_error" or not detail["loc"]:
        return said
    return f"{said}, got {repr(detail['input'])[:SHOWN_CHARACTERS]}"


def check_setting_names() -> Iterator[Finding]:
    """Yield a warning for each name in the environment or in `.env` that is like a setting's, and is none."""
    for name, nearest in unknown_names(stated_names()).items():
        advice = f"Call it {nearest}, or remove it." if nearest else "Remove it: README.md has every setting."
        yield warning(CHECK, words_of_unknown(name, nearest), advice)
