"""Checks of times of the day, spans and patterns of time."""

import re
from collections.abc import Iterator
from datetime import time
from typing import Any

from pipeline.automations.parser.values import short
from pipeline.automations.schema_check.findings import Check, Finding, beyond, wrong
from pipeline.automations.schema_check.values import unless_template
from pipeline.automations.validate import is_entity_id

_PERIOD = re.compile(r"\d{1,9}:\d{1,9}(:\d{1,9}(\.\d{1,9})?)?|\d{1,9}(\.\d{1,9})?", re.ASCII)
_PERIOD_PARTS = frozenset({"days", "hours", "minutes", "seconds", "milliseconds"})
_TIMES_OF = frozenset({"input_datetime", "sensor"})
# Leading zeros, and every 0, some releases refuse.
_PATTERN = re.compile(r"\*|(/(?!0))?(?P<number>0|[1-9]\d{0,8})", re.ASCII)


@unless_template
def period(value: Any) -> Iterator[Finding]:
    """Check a time span that is not negative: seconds, hours:minutes:seconds, or its parts by name."""
    if isinstance(value, dict):
        yield from _parts_of_period(value)
    elif isinstance(value, bool | list | None):
        yield beyond(f"{short(value)} is no time span that we know")
    elif isinstance(value, int | float):
        if not 0 <= value < 1e9:
            yield beyond(f"{short(value)} is no time span that we know")
    elif not any(character.isdigit() for character in value):
        yield wrong(f"{short(value)} is no time span as in 00:05:00")
    elif not _PERIOD.fullmatch(value):
        yield beyond(f"{short(value)} is no time span that we know")


def _parts_of_period(parts: dict[str, Any]) -> Iterator[Finding]:
    if not parts or not parts.keys() <= _PERIOD_PARTS:
        yield beyond(f"{short(parts)} is no time span that we know")
    for value in parts.values():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
            yield beyond(f"{short(value)} is no length of time that we know")


@unless_template
def offset(value: Any) -> Iterator[Finding]:
    """Check a time span that may be negative."""
    if isinstance(value, str):
        yield from period(value[1:] if value[:1] in {"+", "-"} else value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from period(abs(value))
    else:
        yield from period(value)


@unless_template
def time_of_day(value: Any) -> Iterator[Finding]:
    """Check a time as in 06:30 or 06:30:00, or an entity whose state is one."""
    if isinstance(value, dict):
        yield beyond("it is told by an entity with an offset")
    elif not isinstance(value, str):
        yield wrong(f"{short(value)} has to be a time in quotation marks")
    elif is_entity_id(value.lower()):
        if value.partition(".")[0] not in _TIMES_OF:
            yield beyond(f"{short(value)} may not tell a time")
    elif not _is_time(value):
        yield (wrong if value.isascii() else beyond)(f"{short(value)} is no time as in 06:30:00")


def _is_time(written: str) -> bool:
    parts = written.split(":")
    try:
        hour, minute, second = (int(part) for part in [*parts, "0"][:3])
        time(hour, minute, second)
    except ValueError:
        return False
    return True


def time_pattern(highest: int) -> Check:
    """Return a check of a time pattern: a star, a number up to `highest`, or a slash and a step."""

    def check(value: Any) -> Iterator[Finding]:
        match = _PATTERN.fullmatch(value if isinstance(value, str) else repr(value))
        if match is None:
            yield (wrong if _holds_no_digit(value) else beyond)(f"{short(value)} is no pattern that we know")
        elif match["number"] and int(match["number"]) > highest:
            yield wrong(f"{short(value)} is no number from 0 to {highest}")

    return unless_template(check)


def _holds_no_digit(value: Any) -> bool:
    return isinstance(value, str) and not any(character.isdigit() for character in value)
