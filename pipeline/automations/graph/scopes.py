"""Scopes, read from conditions."""

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.automations.graph.parts import DAY, QUARTERS_A_DAY, WEEK, Scope
from pipeline.automations.graph.values import DEEPEST, entity_ids, listed, minute, texts
from pipeline.automations.render import WEEKDAYS

Part = Mapping[str, Any]
UNKNOWN = Scope(is_known=False)
QUARTER_MIN = 15


def scope(conditions: Any, depth: int = 0) -> Scope:
    """Return the scope of conditions that must all hold; one that cannot be read makes it no smaller.

    Examples
    --------
    >>> late = scope([{"condition": "time", "after": "22:00", "before": "01:00", "weekday": ["fri", "sat"]}])
    >>> sorted(late.days), len(late.quarters), late.is_known
    ([4, 5], 12, True)
    """
    found = Scope()
    for condition in listed(conditions):
        found = found.within(_scope(condition, depth))
    return found


def _scope(condition: Any, depth: int) -> Scope:
    if not isinstance(condition, Mapping) or depth > DEEPEST:
        return UNKNOWN
    if condition.get("enabled") is False:
        return Scope()
    kind = condition.get("condition")
    if isinstance(kind, list) or kind == "and" or "and" in condition:
        inner = kind if isinstance(kind, list) else condition.get("and", condition.get("conditions"))
        return scope(inner, depth + 1)
    return READERS[kind](condition) if isinstance(kind, str) and kind in READERS else UNKNOWN


def _of_time(condition: Part) -> Scope:
    named = {day.lower()[:3] for day in texts(condition.get("weekday"))}
    days = frozenset(number for number, day in enumerate(WEEKDAYS) if day in named)
    after, before = minute(condition.get("after", "00:00")), minute(condition.get("before", "00:00"))
    if after is None or before is None:
        return Scope(days=days or WEEK)
    first, end = int(after // QUARTER_MIN), -int(-before // QUARTER_MIN)
    length = (end - first) % QUARTERS_A_DAY or QUARTERS_A_DAY
    quarters = frozenset((first + step) % QUARTERS_A_DAY for step in range(length))
    return Scope(days=days or WEEK, quarters=quarters or DAY)


def _of_state(condition: Part) -> Scope:
    states = frozenset(texts(condition.get("state")))
    entities = entity_ids(condition.get("entity_id"))
    if "attribute" in condition or not states or condition.get("match") == "any":
        return Scope()
    return Scope(states=dict.fromkeys(entities, states))


def _of_sun(condition: Part) -> Scope:
    after, before = condition.get("after"), condition.get("before")
    if after == "sunset" or before == "sunrise":
        return Scope(states={"sun.sun": frozenset({"below_horizon"})})
    if after == "sunrise" and before == "sunset":
        return Scope(states={"sun.sun": frozenset({"above_horizon"})})
    return Scope()


def _of_trigger(condition: Part) -> Scope:
    return Scope(ids=frozenset(texts(condition.get("id"))))


def _of_another_kind(_: Part) -> Scope:
    return Scope()


READERS: dict[str, Callable[[Part], Scope]] = {
    "numeric_state": _of_another_kind,
    "state": _of_state,
    "sun": _of_sun,
    "time": _of_time,
    "trigger": _of_trigger,
    "zone": _of_another_kind,
}
