"""Single values as they stand in configurations: one or many, times, periods, entity ids."""

import re
from collections.abc import Mapping
from typing import Any

_ENTITY_ID = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_PERIOD = re.compile(r"([+-]?)(\d+):(\d{1,2})(?::(\d{1,2}(?:\.\d+)?))?", re.ASCII)
_UNITS_S = {"days": 86_400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0, "milliseconds": 0.001}
DEEPEST = 40


def listed(value: Any) -> list[Any]:
    """Return a value that may be one or a list as a list; None is the empty list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """Return one mapping or a list of them as a list, without those that are not enabled."""
    return [each for each in listed(value) if isinstance(each, Mapping) and each.get("enabled") is not False]


def texts(value: Any) -> list[str]:
    """Return one scalar or a list of them as texts; numbers and truth values as they are written."""
    words = {True: "on", False: "off"}
    return [
        words[each] if isinstance(each, bool) else str(each)
        for each in listed(value)
        if isinstance(each, str | int | float)
    ]


def entity_ids(value: Any) -> list[str]:
    """Return the entity ids in a text, in one with commas, or in a list; other values are left out.

    Examples
    --------
    >>> entity_ids("light.hall, light.bath"), entity_ids(["light.hall", "{{ x }}", None]), entity_ids("all")
    (['light.hall', 'light.bath'], ['light.hall'], [])
    """
    named = [
        name.strip().lower() for each in listed(value) if isinstance(each, str) for name in each.split(",")
    ]
    return [name for name in named if _ENTITY_ID.fullmatch(name)]


def number(value: Any) -> float | None:
    """Return a finite number from a number or a text; None if it is neither."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < float("inf") else None


def minute(value: Any) -> float | None:
    """Return a time of day as minutes since midnight; None if it is not one.

    Examples
    --------
    >>> minute("06:30"), minute("23:15:30"), minute("input_datetime.alarm")
    (390.0, 1395.5, None)
    """
    if not isinstance(value, str) or not (found := _TIME.fullmatch(value.strip())):
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return 60 * hours + minutes + seconds / 60 if hours < 24 and minutes < 60 and seconds < 60 else None


def seconds(value: Any) -> float:
    """Return a period in seconds; 0 if it is none, or only Home Assistant can compute it.

    Examples
    --------
    >>> seconds("00:05:00"), seconds({"minutes": 2, "seconds": "30"}), seconds("-01:00"), seconds("{{ x }}")
    (300.0, 150.0, -3600.0, 0.0)
    """
    if isinstance(value, Mapping):
        return sum(factor * (number(value.get(unit)) or 0.0) for unit, factor in _UNITS_S.items())
    if isinstance(value, str) and (found := _PERIOD.fullmatch(value.strip())):
        sign, hours, minutes, rest = found.groups()
        length = 3600.0 * int(hours) + 60.0 * int(minutes) + float(rest or 0)
        return -length if sign == "-" else length
    return number(value) or 0.0
