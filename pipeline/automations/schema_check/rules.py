"""Rules of the known triggers, conditions and actions: the keys of each, and what each may hold."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.automations.parser import joining_key
from pipeline.automations.parser.reader import JOINS
from pipeline.automations.parser.values import is_template, short
from pipeline.automations.render import WEEKDAYS
from pipeline.automations.schema_check.findings import Check, Finding, Form, beyond, several, wrong
from pipeline.automations.schema_check.times import offset, period, time_of_day, time_pattern
from pipeline.automations.schema_check.values import (
    TEMPLATE,
    anything,
    data,
    enabled,
    entity_ids,
    flag,
    keys,
    one_of,
    plain_text,
    service,
    several_texts,
    state,
    states,
    targeted_entities,
    template,
    text,
    threshold,
    unless_template,
    whole,
)

_OF_TRIGGER: dict[str, Check] = {
    "alias": text,
    "enabled": enabled,
    "id": text,
    "platform": anything,
    "trigger": anything,
    "variables": data,
}
_EXCLUSIVE = (("from", "not_from"), ("to", "not_to"))
_MOVES = ("from", "not_from", "to", "not_to")
_STATE_CHANGE: dict[str, Check] = {**_OF_TRIGGER, "entity_id": entity_ids, "for": period}

_CHANGE = Form(
    {**_STATE_CHANGE, **dict.fromkeys(_MOVES, several(state))}, ("entity_id",), never_both=_EXCLUSIVE
)
_ATTRIBUTE_CHANGE = Form(
    {**_STATE_CHANGE, **dict.fromkeys(_MOVES, anything), "attribute": anything},
    ("entity_id",),
    never_both=_EXCLUSIVE,
)
_NUMERIC = Form(
    {
        **_STATE_CHANGE,
        "above": threshold,
        "attribute": anything,
        "below": threshold,
        "value_template": template,
    },
    ("entity_id",),
    ("above", "below"),
)


def _numeric_trigger(part: Any) -> Iterator[Finding]:
    yield from _NUMERIC(part)
    above, below = part.get("above"), part.get("below")
    if isinstance(above, int | float) and isinstance(below, int | float) and above > below:
        yield wrong(f"nothing is above {above} and below {below}")


def _either(form: Form, of_attribute: Form) -> Check:
    """Return a check by one form, or by another where it is an attribute that is looked at."""

    def check(part: Any) -> Iterator[Finding]:
        yield from (of_attribute if "attribute" in part else form)(part)

    return check


def _topic(value: Any) -> Iterator[Finding]:
    yield from plain_text(value)
    if isinstance(value, str) and (not value.isprintable() or not value or set(value) & set("+#")):
        yield beyond(f"{short(value)} may not be a topic that one can listen to")


TRIGGERS: Mapping[str, Check] = {
    "event": Form(
        {**_OF_TRIGGER, "event_type": several(plain_text), "event_data": data, "context": data},
        ("event_type",),
    ),
    "homeassistant": Form({**_OF_TRIGGER, "event": one_of("start", "shutdown")}, ("event",)),
    "mqtt": Form(
        {
            **_OF_TRIGGER,
            "topic": _topic,
            "payload": plain_text,
            "value_template": template,
            "encoding": text,
            "qos": whole(0, 2),
        },
        ("topic",),
    ),
    "numeric_state": _numeric_trigger,
    "state": _either(_CHANGE, _ATTRIBUTE_CHANGE),
    "sun": Form({**_OF_TRIGGER, "event": one_of("sunrise", "sunset"), "offset": offset}, ("event",)),
    "template": Form({**_OF_TRIGGER, "value_template": template, "for": period}, ("value_template",)),
    "time": Form({**_OF_TRIGGER, "at": several(time_of_day)}, ("at",)),
    "time_pattern": Form(
        {
            **_OF_TRIGGER,
            "hours": time_pattern(23),
            "minutes": time_pattern(59),
            "seconds": time_pattern(59),
        },
        one_of=("hours", "minutes", "seconds"),
    ),
    "zone": Form(
        {**_OF_TRIGGER, "entity_id": entity_ids, "zone": state, "event": one_of("enter", "leave")},
        ("entity_id", "zone"),
    ),
}

_OF_CONDITION: dict[str, Check] = {"alias": text, "condition": anything, "enabled": enabled}
_IN_STATE: dict[str, Check] = {
    **_OF_CONDITION,
    "entity_id": entity_ids,
    "for": period,
    "match": one_of("all", "any"),
}
_STATE = Form({**_IN_STATE, "state": states}, ("entity_id", "state"))
_ATTRIBUTE = Form({**_IN_STATE, "state": anything, "attribute": text}, ("entity_id", "state"))
_SOME = Form({**_OF_CONDITION, "conditions": anything}, ("conditions",))


CONDITIONS: Mapping[str, Check] = {
    "and": _SOME,
    "not": _SOME,
    "numeric_state": Form(
        {
            **_OF_CONDITION,
            "above": threshold,
            "attribute": text,
            "below": threshold,
            "entity_id": entity_ids,
            "value_template": template,
        },
        ("entity_id",),
        ("above", "below"),
    ),
    "or": _SOME,
    "state": _either(_STATE, _ATTRIBUTE),
    "sun": Form(
        {
            **_OF_CONDITION,
            **dict.fromkeys(("after", "before"), one_of("sunrise", "sunset")),
            **dict.fromkeys(("after_offset", "before_offset"), offset),
        },
        one_of=("after", "before"),
    ),
    "template": Form({**_OF_CONDITION, "value_template": template}, ("value_template",)),
    "time": Form(
        {
            **_OF_CONDITION,
            **dict.fromkeys(("after", "before"), time_of_day),
            "weekday": several(one_of(*WEEKDAYS)),
        },
        one_of=("after", "before", "weekday"),
    ),
    "trigger": Form({**_OF_CONDITION, "id": several(text)}, ("id",)),
    "zone": Form({**_OF_CONDITION, "entity_id": entity_ids, "zone": entity_ids}, ("entity_id", "zone")),
}

_EVERY: dict[str, Check] = {"alias": text, "continue_on_error": flag, "enabled": enabled}
_TARGET = Form(
    {
        "entity_id": targeted_entities,
        **dict.fromkeys(("area_id", "device_id", "floor_id", "label_id"), several_texts),
    }
)
_SERVICE = Form(
    {
        **_EVERY,
        **dict.fromkeys(("service", "action"), service),
        **dict.fromkeys(("data", "data_template"), data),
        "entity_id": targeted_entities,
        "metadata": keys,
        "response_variable": text,
        "target": unless_template(_TARGET),
    },
    never_both=(("service", "action"),),
)
_WAIT: dict[str, Check] = {**_EVERY, "timeout": period, "continue_on_timeout": flag}
_REPETITION = Form(
    {
        "count": whole(),
        "for_each": unless_template(anything),
        **dict.fromkeys(("sequence", "until", "while"), anything),
    },
    ("sequence",),
    ("count", "for_each", "until", "while"),
)


# What stands inside of another part is looked at as a part of its own.
ACTIONS: Mapping[str, Check] = {
    "action": _SERVICE,
    "choose": Form({**_EVERY, **dict.fromkeys(("choose", "default"), anything)}),
    "delay": Form({**_EVERY, "delay": period}),
    "event": Form({**_EVERY, "event": text, **dict.fromkeys(("event_data", "event_data_template"), data)}),
    "if": Form({**_EVERY, **dict.fromkeys(("if", "then", "else"), anything)}, ("then",)),
    "parallel": Form({**_EVERY, "parallel": anything}),
    "repeat": Form({**_EVERY, "repeat": _REPETITION}),
    "scene": Form({**_EVERY, "scene": entity_ids}),
    "stop": Form({**_EVERY, "stop": plain_text, "error": flag, "response_variable": text}),
    "variables": Form({**_EVERY, "variables": data}),
    "wait_for_trigger": Form({**_WAIT, "wait_for_trigger": anything}),
    "wait_template": Form({**_WAIT, "wait_template": template}),
}
OPTION = Form(
    {"alias": text, **dict.fromkeys(("conditions", "sequence"), anything)}, ("conditions", "sequence")
)
BRANCH = Form({**_EVERY, "sequence": anything})
# What we know of, and not by its rules.
BEYOND = ("device_id", "sequence", "service_template", "set_conversation_response")


def check_trigger(kind: str, part: Mapping[Any, Any]) -> Iterator[Finding]:
    """Check a trigger of a kind."""
    if kind == "triggers":
        yield beyond("it is a list of triggers within a list")
    elif "platform" in part and "trigger" in part:
        yield wrong("it says twice what kind of trigger it is")
    elif kind not in TRIGGERS:
        yield beyond(f"{short(kind)} is no kind of trigger that we know")
    else:
        yield from TRIGGERS[kind](part)


def check_condition(kind: str, part: Any) -> Iterator[Finding]:
    """Check a condition of a kind, without those inside of it."""
    if is_template(part):
        yield TEMPLATE
    elif "condition" not in part:
        joined = [word for word in JOINS if word in part]
        yield from Form({**_OF_CONDITION, **dict.fromkeys(joined, anything)})(part)
        if len(joined) > 1:
            yield beyond("it joins conditions in several ways at once")
    elif joining_key(part) == "condition":
        yield from Form(_OF_CONDITION)(part)
    elif kind not in CONDITIONS:
        yield beyond(f"{short(kind)} is no kind of condition that we know")
    else:
        yield from CONDITIONS[kind](part)
