"""Rendering of an automation as a Home Assistant configuration, of dictionaries and never of text."""

import math
from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.automations.parser import parse
from pipeline.core.entities import ACTIVATED, Kind, kind_of
from pipeline.wording.plain_text import harmless
from schemas.automations import (
    Action,
    Automation,
    InState,
    MqttTrigger,
    NumericTrigger,
    Requirement,
    StateTrigger,
    SunTrigger,
    TemperatureOf,
    TimeTrigger,
    Trigger,
)
from schemas.patterns import AtHome, Dark, Hours, Weekday

Config = dict[str, Any]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Coming back from these is no behaviour: what is learned leaves it out, so the automation must not run on it.
ABSENT_STATES = ("unavailable", "unknown")
LONGEST_TITLE, LONGEST_DESCRIPTION = 120, 2000
NAMELESS = "Suggested automation"
WHOLE_NUMBERS = frozenset({"brightness", "percentage", "position"})
_DAY_S = 86_400


def render(automation: Automation, *, title: str, description: str) -> Config:
    """Return the configuration of an automation, with the keys that every release from 2024.3 on takes.

    The singular keys (``trigger``, ``platform``, ``service``) are understood everywhere, the plural ones only
    from 2024.10 on. There is no ``id``: it belongs into the address, and one in the body would win over it.

    Examples
    --------
    >>> lamp = Action(service="light.turn_on", entity_id="light.hall", data={"brightness": 128.0})
    >>> config = render(
    ...     Automation(trigger=TimeTrigger(minute=390), actions=(lamp,)), title="Hall at 6:30", description=""
    ... )
    >>> config["trigger"]
    [{'platform': 'time', 'at': '06:30:00'}]
    >>> config["action"][0]["data"], config["mode"]
    ({'brightness': 128}, 'single')
    """
    waits = any(action.after_seconds for action in automation.actions)
    return {
        "alias": harmless(title, LONGEST_TITLE) or NAMELESS,
        "description": harmless(description, LONGEST_DESCRIPTION),
        "trigger": [_trigger(automation.trigger)],
        "condition": [_condition(condition) for condition in automation.conditions],
        "action": [step for action in automation.actions for step in _steps(action)],
        # While it waits to switch off, being triggered anew has to begin the waiting anew.
        "mode": "restart" if waits else "single",
    }


def as_yaml(config: Config) -> str:
    """Return the configuration as people may copy it; ``yaml.safe_load`` gives the same dictionary back."""
    text: str = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=1000)
    return text


def is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two configurations are the same automation, whichever release wrote them.

    Examples
    --------
    >>> old = {"alias": "A", "trigger": [{"platform": "time", "at": "06:30:00"}], "condition": [],
    ...        "action": [{"service": "light.turn_on", "target": {"entity_id": "light.hall"}}]}
    >>> new = {"id": "haai_1", "alias": "A", "triggers": {"trigger": "time", "at": "06:30:00"},
    ...        "actions": [{"action": "light.turn_on", "target": {"entity_id": ["light.hall"]}}]}
    >>> is_same(old, new), is_same(old, new | {"alias": "B"})
    (True, False)
    """
    return parse(one) == parse(other)


def is_moment(entity_id: str) -> bool:
    """Return whether an entity has no lasting states: a button is pressed, a scene is activated.

    Examples
    --------
    >>> is_moment("scene.film"), is_moment("light.hall")
    (True, False)
    """
    return kind_of(entity_id) is Kind.INSTANT


def _trigger(trigger: Trigger) -> Config:
    match trigger:
        case TimeTrigger():
            return {"platform": "time", "at": _clock(trigger.minute * 60)}
        case SunTrigger():
            offset = {"offset": _offset(trigger.offset_minutes)} if trigger.offset_minutes else {}
            return {"platform": "sun", "event": trigger.event, **offset}
        case StateTrigger():
            return {
                "platform": "state",
                "entity_id": trigger.entity_id,
                **_reached(trigger),
                **_for(trigger.for_seconds),
            }
        case NumericTrigger():
            return {"platform": "numeric_state", **_numeric(trigger), **_for(trigger.for_seconds)}
        case MqttTrigger():
            return {"platform": "mqtt", "topic": trigger.topic}


def _reached(trigger: StateTrigger) -> Config:
    """Say which change of state it is; of what is but activated, the state is the time of it."""
    if is_moment(trigger.entity_id) and trigger.to == ACTIVATED:
        # What was never activated is unknown until it is.
        return {"not_from": ["unavailable"], "not_to": list(ABSENT_STATES)}
    return {"to": trigger.to, "not_from": list(ABSENT_STATES)}


def _condition(condition: Requirement) -> Config:
    match condition:
        case Dark():
            return {"condition": "state", "entity_id": "sun.sun", "state": "below_horizon"}
        case AtHome():
            bound = {"above": 0} if condition.somebody else {"below": 1}
            return {"condition": "numeric_state", "entity_id": "zone.home", **bound}
        case Hours():
            after, before = (_clock(round(hour * 3600)) for hour in (condition.after, condition.before))
            return {"condition": "time", "after": after, "before": before}
        case Weekday():
            return {"condition": "time", "weekday": [WEEKDAYS[day] for day in sorted(set(condition.days))]}
        case TemperatureOf():
            return {"condition": "numeric_state", **_numeric(condition)}
        case InState():
            return {"condition": "state", "entity_id": condition.entity_id, "state": condition.state}


def _steps(action: Action) -> list[Config]:
    """Return the call of a service, after the wait for it where there is one."""
    call: Config = {"service": action.service, "target": {"entity_id": action.entity_id}}
    if action.data:
        call["data"] = {name: _value(name, value) for name, value in action.data.items()}
    return [{"delay": _period(action.after_seconds)}, call] if action.after_seconds else [call]


def _numeric(part: NumericTrigger | TemperatureOf) -> Config:
    bounds = {"above": part.above, "below": part.below}
    return {
        "entity_id": part.entity_id,
        **{name: _number(bound) for name, bound in bounds.items() if bound is not None},
    }


def _value(name: str, value: float | str) -> float | str:
    if isinstance(value, str):
        return value
    return round(value) if name in WHOLE_NUMBERS else _number(value)


def _number(value: float) -> float:
    """Return an integer where the number is whole, as people would write it."""
    return int(value) if value.is_integer() and math.fabs(value) < 2**53 else value


def _clock(second: int) -> str:
    """Return a second of the day as Home Assistant reads it; the day's end is midnight."""
    hours, minutes, seconds = _split(second % _DAY_S)
    return f"{hours:02}:{minutes:02}:{seconds:02}"


def _offset(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{_clock(abs(minutes) * 60)}"


def _for(seconds: int) -> Config:
    return {"for": _period(seconds)} if seconds else {}


def _period(seconds: int) -> Config:
    return dict(zip(("hours", "minutes", "seconds"), _split(seconds), strict=True))


def _split(seconds: int) -> tuple[int, int, int]:
    return seconds // 3600, seconds // 60 % 60, seconds % 60
