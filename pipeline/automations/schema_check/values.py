"""Checks of single values: what every release takes, what every release refuses, and what lies between."""

import re
from collections.abc import Iterator
from datetime import time
from functools import wraps
from typing import Any

from pipeline.automations.parser.values import is_template, short
from pipeline.automations.schema_check.findings import Check, Finding, beyond, several, wrong
from pipeline.automations.validate import is_entity_id

_REGISTRY_ID = re.compile("[0-9a-f]{32}")
_NUMBERS_OF = frozenset({"input_number", "number", "sensor"})
_PERIOD = re.compile(r"\d{1,9}:\d{1,9}(:\d{1,9}(\.\d{1,9})?)?|\d{1,9}(\.\d{1,9})?", re.ASCII)
_PERIOD_PARTS = frozenset({"days", "hours", "minutes", "seconds", "milliseconds"})
_TIMES_OF = frozenset({"input_datetime", "sensor"})
# Leading zeros, and every 0, some releases refuse.
_PATTERN = re.compile(r"\*|(/(?!0))?(?P<number>0|[1-9]\d{0,8})", re.ASCII)
TEMPLATE = beyond("it holds a template, which we do not evaluate")


def unless_template(check: Check) -> Check:
    """Leave a text that is a template to Home Assistant."""

    @wraps(check)
    def checked(value: Any) -> Iterator[Finding]:
        if is_template(value):
            yield TEMPLATE
        else:
            yield from check(value)

    return checked


def anything(_: Any) -> Iterator[Finding]:
    """Take whatever stands there."""
    yield from ()


def text(value: Any) -> Iterator[Finding]:
    """Check a text; some releases convert other scalars to text."""
    if isinstance(value, list | dict):
        yield wrong(f"expected text, got {short(value)}")
    elif not isinstance(value, str):
        yield beyond(f"{short(value)} is not text")


plain_text: Check = unless_template(text)
"""A text that may be a template, and is none."""


def flag(value: Any) -> Iterator[Finding]:
    """Check a truth value."""
    if not isinstance(value, bool):
        yield beyond(f"{short(value)} is neither true nor false")


def enabled(value: Any) -> Iterator[Finding]:
    """Check the key that says whether a part is in use; some releases do not look at parts that are not."""
    if value is not True:
        yield beyond("it may be switched off, and then nobody checks it")


def whole(lowest: int | None = None, highest: int | None = None) -> Check:
    """Return a check of a whole number, within the bounds that are given."""

    def check(value: Any) -> Iterator[Finding]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield beyond(f"{short(value)} is not a whole number")
        elif (lowest is not None and value < lowest) or (highest is not None and value > highest):
            yield wrong(f"{value} is out of range")

    return unless_template(check)


def one_of(*words: str) -> Check:
    """Return a check of a text that is one of the words, in small or capital letters."""

    def check(value: Any) -> Iterator[Finding]:
        if not isinstance(value, str) or value.lower() not in words:
            yield wrong(f"{short(value)} is none of {', '.join(words)}")
        elif value not in words:
            yield beyond(f"{short(value)} is written unlike {value.lower()}")

    return unless_template(check)


@unless_template
def entity_ids(value: Any) -> Iterator[Finding]:
    """Check one entity id, several with commas between them, or a list of them."""
    if isinstance(value, str):
        for name in value.split(","):
            yield from _entity_id(name.strip())
    elif isinstance(value, list):
        for name in value:
            yield from _entity_id(name)
    elif value is None:
        yield wrong("no entity is named")
    else:
        yield beyond(f"{short(value)} is no entity id")


@unless_template
def _entity_id(name: Any) -> Iterator[Finding]:
    if not isinstance(name, str):
        yield beyond(f"{short(name)} is no entity id")
    elif not name.isascii() or _REGISTRY_ID.fullmatch(name.lower()):
        yield beyond(f"{short(name)} can only be looked up")
    elif not is_entity_id(name.lower().removesuffix("\n")):
        yield wrong(f"{short(name)} is no entity id")


@unless_template
def targeted_entities(value: Any) -> Iterator[Finding]:
    """Check entity ids, `all` or `none`; a bare word counts as a template that never changes."""
    if isinstance(value, str) and value.lower() in {"all", "none"}:
        return
    for finding in entity_ids(value):
        yield beyond(finding.why)


@unless_template
def state(value: Any) -> Iterator[Finding]:
    """Check a state: text alone, because YAML converts on, off and numbers."""
    if not isinstance(value, str):
        yield wrong(f"the state {short(value)} has to be written in quotation marks")


@unless_template
def states(value: Any) -> Iterator[Finding]:
    """Check a state or a list of states."""
    yield from (several(state) if value is not None else state)(value)


several_texts: Check = several(plain_text)


@unless_template
def service(value: Any) -> Iterator[Finding]:
    """Check the name of a service; even 3.5 has the form of one."""
    if isinstance(value, float) or (isinstance(value, str) and not value.isascii()):
        yield beyond(f"{short(value)} can only be looked up")
    elif not isinstance(value, str) or not is_entity_id(value.lower().removesuffix("\n")):
        yield wrong(f"{short(value)} does not name a service as in light.turn_on")


@unless_template
def threshold(value: Any) -> Iterator[Finding]:
    """Check a number, or an entity whose state is one."""
    if isinstance(value, int | float):
        return
    if not isinstance(value, str):
        yield wrong(f"{short(value)} is no number")
    elif _is_number(value):
        return
    elif is_entity_id(value.lower()):
        if value.partition(".")[0] not in _NUMBERS_OF:
            yield beyond(f"{short(value)} may not tell a number")
    else:
        yield wrong(f"{short(value)} is no number")


def _is_number(written: str) -> bool:
    try:
        float(written)
    except ValueError:
        return False
    return True


def data(value: Any) -> Iterator[Finding]:
    """Check keys with any values; a template may hide at any depth."""
    if isinstance(value, list):
        yield wrong(f"expected keys with values, got {short(value)}")
    elif not isinstance(value, dict):
        yield beyond(f"{short(value)} holds no keys with values")
    elif holds_template(value):
        yield TEMPLATE


def keys(value: Any) -> Iterator[Finding]:
    """Check keys with any values, which are not checked."""
    if not isinstance(value, dict):
        yield beyond(f"{short(value)} holds no keys with values")


def holds_template(value: Any) -> bool:
    """Return whether a value holds a template at any depth."""
    if isinstance(value, dict):
        return any(holds_template(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return any(holds_template(part) for part in value)
    return is_template(value)


def template(value: Any) -> Iterator[Finding]:
    """Check a template, which is not evaluated; a structure is not one in any release."""
    if isinstance(value, list | dict | None):
        yield wrong(f"expected a template, got {short(value)}")
    else:
        yield TEMPLATE


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
