"""Single values as they stand in configurations: one or many, times, periods, entity ids, truth values."""

import re
from collections.abc import Mapping
from reprlib import Repr
from typing import Any

_ENTITY_ID = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+", re.ASCII)
_TEMPLATE = re.compile(r"\{[{%#]")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_PERIOD = re.compile(r"([+-]?)(\d+):(\d{1,2})(?::(\d{1,2}(?:\.\d+)?))?", re.ASCII)
_UNITS_S = {"days": 86_400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0, "milliseconds": 0.001}
_TRUTHS: dict[object, bool] = {
    **dict.fromkeys(("1", "true", "yes", "on", "enable"), True),
    **dict.fromkeys(("0", "false", "no", "off", "disable"), False),
}
_LONGEST = 60
# So many parts in so many levels fill what is shown, and no circle or bomb of YAML takes longer.
_WRITER = Repr()
_WRITER.maxlevel = 5
_WRITER.maxdict = _WRITER.maxlist = _WRITER.maxtuple = _WRITER.maxset = _WRITER.maxfrozenset = 8
_WRITER.maxstring = _WRITER.maxlong = _WRITER.maxother = 2 * _LONGEST


def listed(value: Any) -> list[Any]:
    """Return a value that may be one or a list as a list; None is the empty list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def texts(value: Any) -> list[str]:
    """Return one scalar or a list of them as texts; numbers and truth values as they are written."""
    words = {True: "on", False: "off"}
    return [
        words[each] if isinstance(each, bool) else short(each) if isinstance(each, int) else str(each)
        for each in listed(value)
        if isinstance(each, str | int | float)
    ]


def is_template(value: object) -> bool:
    """Return whether a value is a text that Home Assistant evaluates."""
    return isinstance(value, str) and bool(_TEMPLATE.search(value))


def split_ids(value: Any) -> list[Any]:
    """Return entity ids in a text, in one with commas, or in a list as a list; what is no text stays."""
    found = list[Any]()
    for each in listed(value):
        if isinstance(each, str) and not is_template(each):
            found += [name.strip().lower() for name in each.split(",")]
        else:
            found.append(each)
    return found


def is_id(value: object) -> bool:
    """Return whether a value names one entity."""
    return isinstance(value, str) and bool(_ENTITY_ID.fullmatch(value))


def entity_ids(value: Any) -> list[str]:
    """Return the entity ids in a text, in one with commas, or in a list; other values are left out.

    Examples
    --------
    >>> entity_ids("light.hall, light.bath"), entity_ids(["light.hall", "{{ x }}", None]), entity_ids("all")
    (['light.hall', 'light.bath'], ['light.hall'], [])
    """
    return [name for name in split_ids(value) if is_id(name)]


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
        length = 3600.0 * (number(hours) or 0.0) + 60.0 * int(minutes) + float(rest or 0)
        return -length if sign == "-" else length
    return number(value) or 0.0


def truth(value: Any) -> bool | None:
    """Return a truth value in any of Home Assistant's spellings; None if only Home Assistant can tell.

    Examples
    --------
    >>> truth(False), truth("off"), truth(1), truth("{{ is_state('light.hall', 'on') }}")
    (False, False, True, None)
    """
    if isinstance(value, bool | int | float):
        return bool(value)
    return _TRUTHS.get(value.strip().lower()) if isinstance(value, str) else None


def short(value: object) -> str:
    """Return a value as it is written, cut if it is long, however large or deep it is.

    Examples
    --------
    >>> short({"at": ["06:30"]}), short([[[[[[0]]]]]])
    ("{'at': ['06:30']}", '[[[[[...]]]]]')
    """
    try:
        written = _WRITER.repr(value)
    except ValueError:
        # Python refuses to write an integer of more than some thousand digits.
        return "a number with very many digits"
    return written if len(written) <= _LONGEST else f"{written[: _LONGEST - 1]}…"
