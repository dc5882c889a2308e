"""Scopes, read from conditions."""

from collections.abc import Callable, Mapping, Sequence

from pipeline.automations.graph.parts import DAY, QUARTERS_A_DAY, WEEK, Scope
from pipeline.automations.parser import Condition, Part
from pipeline.automations.parser.tree import Fields
from pipeline.automations.parser.values import entity_ids, minute, texts
from pipeline.automations.render import WEEKDAYS

UNKNOWN = Scope(is_known=False)
QUARTER_MIN = 15


def scope(conditions: Sequence[Part]) -> Scope:
    """Return the scope of conditions that must all hold; one that cannot be read makes it no smaller.

    Examples
    --------
    >>> from pipeline.automations.parser import parse
    >>> condition = {"condition": "time", "after": "22:00", "before": "01:00", "weekday": ["fri", "sat"]}
    >>> late = scope(parse({"condition": condition}).conditions)
    >>> sorted(late.days), len(late.quarters), late.is_known
    ([4, 5], 12, True)
    """
    found = Scope()
    for condition in conditions:
        found = found.within(_scope(condition))
    return found


def _scope(condition: Part) -> Scope:
    if condition.enabled is False:
        return Scope()
    # One that may be switched off, as a template says, keeps nothing apart for certain.
    if not isinstance(condition, Condition) or condition.enabled is None:
        return UNKNOWN
    if condition.kind == "and":
        return scope(condition.branches["conditions"])
    read = READERS.get(condition.kind)
    return read(condition.fields) if read else UNKNOWN


def _of_time(condition: Fields) -> Scope:
    named = {day.lower()[:3] for day in texts(condition.get("weekday"))}
    days = frozenset(number for number, day in enumerate(WEEKDAYS) if day in named)
    after, before = minute(condition.get("after", "00:00")), minute(condition.get("before", "00:00"))
    if after is None or before is None:
        return Scope(days=days or WEEK)
    first, end = int(after // QUARTER_MIN), -int(-before // QUARTER_MIN)
    length = (end - first) % QUARTERS_A_DAY or QUARTERS_A_DAY
    quarters = frozenset((first + step) % QUARTERS_A_DAY for step in range(length))
    return Scope(days=days or WEEK, quarters=quarters or DAY)


def _of_state(condition: Fields) -> Scope:
    states = frozenset(texts(condition.get("state")))
    entities = entity_ids(condition.get("entity_id"))
    if "attribute" in condition or not states or condition.get("match") == "any":
        return Scope()
    return Scope(states=dict.fromkeys(entities, states))


def _of_sun(condition: Fields) -> Scope:
    after, before = condition.get("after"), condition.get("before")
    if after == "sunset" or before == "sunrise":
        return Scope(states={"sun.sun": frozenset({"below_horizon"})})
    if after == "sunrise" and before == "sunset":
        return Scope(states={"sun.sun": frozenset({"above_horizon"})})
    return Scope()


def _of_trigger(condition: Fields) -> Scope:
    return Scope(ids=frozenset(texts(condition.get("id"))))


def _of_another_kind(_: Fields) -> Scope:
    return Scope()


READERS: Mapping[str, Callable[[Fields], Scope]] = {
    "numeric_state": _of_another_kind,
    "state": _of_state,
    "sun": _of_sun,
    "time": _of_time,
    "trigger": _of_trigger,
    "zone": _of_another_kind,
}
