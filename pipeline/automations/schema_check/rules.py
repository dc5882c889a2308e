"""Rules of the known triggers, conditions and actions: the keys of each, and what each may hold."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from pipeline.automations.parser import joining_key
from pipeline.automations.parser.reader import JOINS
from pipeline.automations.parser.values import is_template, short
from pipeline.automations.render import WEEKDAYS
from pipeline.automations.schema_check.findings import Check, Finding, Form, beyond, several, wrong
from pipeline.automations.schema_check.values import (
    TEMPLATE,
    anything,
    data,
    enabled,
    entity_ids,
    flag,
    keys,
    offset,
    one_of,
    period,
    plain_text,
    service,
    several_texts,
    state,
    states,
    targeted_entities,
    template,
    text,
    threshold,
    time_of_day,
    time_pattern,
    unless_template,
    whole,
)

Keys = dict[str, Check]


def _form(base: Keys, needs: str = "", /, **keys: Check) -> Form:
    """Return a form of these keys beside those of `base`; of the keys that it needs, `a|b` is one of both."""
    words = needs.split()
    either = next((word.split("|") for word in words if "|" in word), ())
    return Form({**base, **keys}, tuple(word for word in words if "|" not in word), tuple(either))


def _either(form: Form, of_attribute: Form) -> Check:
    """Return a check by one form, or by another where it is an attribute that is looked at."""

    def check(part: Any) -> Iterator[Finding]:
        yield from (of_attribute if "attribute" in part else form)(part)

    return check


def _between(part: Any) -> Iterator[Finding]:
    yield from _NUMERIC(part)
    above, below = part.get("above"), part.get("below")
    if isinstance(above, int | float) and isinstance(below, int | float) and above > below:
        yield wrong(f"nothing is above {above} and below {below}")


def _topic(value: Any) -> Iterator[Finding]:
    yield from plain_text(value)
    if isinstance(value, str) and (not value.isprintable() or not value or set(value) & set("+#")):
        yield beyond(f"{short(value)} may not be a topic that one can listen to")


_OF_TRIGGER: Keys = {"alias": text, "enabled": enabled, "id": text, "variables": data}
_OF_TRIGGER |= dict.fromkeys(("platform", "trigger"), anything)
_trigger = partial(_form, _OF_TRIGGER)
_EXCLUSIVE = (("from", "not_from"), ("to", "not_to"))
_MOVES = ("from", "not_from", "to", "not_to")
_CHANGE: Keys = {**_OF_TRIGGER, "entity_id": entity_ids, "for": period}
_BOUNDS: Keys = {**dict.fromkeys(("above", "below"), threshold), "value_template": template}
_NUMERIC = _form(_CHANGE | _BOUNDS, "entity_id above|below", attribute=anything)
TRIGGERS: Mapping[str, Check] = {
    "event": _trigger("event_type", event_type=several(plain_text), event_data=data, context=data),
    "homeassistant": _trigger("event", event=one_of("start", "shutdown")),
    "mqtt": _trigger(
        "topic", topic=_topic, payload=plain_text, value_template=template, encoding=text, qos=whole(0, 2)
    ),
    "numeric_state": _between,
    "state": _either(
        Form(_CHANGE | dict.fromkeys(_MOVES, several(state)), ("entity_id",), never_both=_EXCLUSIVE),
        Form(
            _CHANGE | dict.fromkeys((*_MOVES, "attribute"), anything), ("entity_id",), never_both=_EXCLUSIVE
        ),
    ),
    "sun": _trigger("event", event=one_of("sunrise", "sunset"), offset=offset),
    "template": _form(_OF_TRIGGER | {"for": period}, "value_template", value_template=template),
    "time": _trigger("at", at=several(time_of_day)),
    "time_pattern": _trigger(
        "hours|minutes|seconds", hours=time_pattern(23), minutes=time_pattern(59), seconds=time_pattern(59)
    ),
    "zone": _trigger("entity_id zone", entity_id=entity_ids, zone=state, event=one_of("enter", "leave")),
}

_OF_CONDITION: Keys = {"alias": text, "condition": anything, "enabled": enabled}
_condition = partial(_form, _OF_CONDITION)
_IN_STATE: Keys = {**_OF_CONDITION, "entity_id": entity_ids, "for": period, "match": one_of("all", "any")}
_SUN: Keys = {
    **dict.fromkeys(("after", "before"), one_of("sunrise", "sunset")),
    **dict.fromkeys(("after_offset", "before_offset"), offset),
}
CONDITIONS: Mapping[str, Check] = {
    **dict.fromkeys(JOINS, _condition("conditions", conditions=anything)),
    "numeric_state": _condition("entity_id above|below", entity_id=entity_ids, attribute=text, **_BOUNDS),
    "state": _either(
        _form(_IN_STATE, "entity_id state", state=states),
        _form(_IN_STATE, "entity_id state", state=anything, attribute=text),
    ),
    "sun": _condition("after|before", **_SUN),
    "template": _condition("value_template", value_template=template),
    "time": _condition(
        "after|before|weekday", after=time_of_day, before=time_of_day, weekday=several(one_of(*WEEKDAYS))
    ),
    "trigger": _condition("id", id=several(text)),
    "zone": _condition("entity_id zone", entity_id=entity_ids, zone=entity_ids),
}

_EVERY: Keys = {"alias": text, "continue_on_error": flag, "enabled": enabled}
_action = partial(_form, _EVERY)
_WAIT: Keys = {**_EVERY, "timeout": period, "continue_on_timeout": flag}
_NAMED: Keys = {"entity_id": targeted_entities}
_GROUPS: Keys = dict.fromkeys(("area_id", "device_id", "floor_id", "label_id"), several_texts)
_SERVICE: Keys = {
    **dict.fromkeys(("service", "action"), service),
    **dict.fromkeys(("data", "data_template"), data),
    **_NAMED,
    "metadata": keys,
    "response_variable": text,
    "target": unless_template(Form(_NAMED | _GROUPS)),
}
_REPEATED: Keys = dict.fromkeys(("sequence", "until", "while"), anything)
_REPETITION = _form(
    _REPEATED, "sequence count|for_each|until|while", count=whole(), for_each=unless_template(anything)
)
# What stands inside of another part is looked at as a part of its own.
ACTIONS: Mapping[str, Check] = {
    "action": Form(_EVERY | _SERVICE, never_both=(("service", "action"),)),
    "choose": _action(choose=anything, default=anything),
    "delay": _action(delay=period),
    "event": _action(event=text, event_data=data, event_data_template=data),
    "if": _form(_EVERY | dict.fromkeys(("if", "else"), anything), "then", then=anything),
    "parallel": _action(parallel=anything),
    "repeat": _action(repeat=_REPETITION),
    "scene": _action(scene=entity_ids),
    "stop": _action(stop=plain_text, error=flag, response_variable=text),
    "variables": _action(variables=data),
    "wait_for_trigger": _form(_WAIT, wait_for_trigger=anything),
    "wait_template": _form(_WAIT, wait_template=template),
}
OPTION = _form({"alias": text}, "conditions sequence", conditions=anything, sequence=anything)
BRANCH = _action(sequence=anything)
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
