"""Rules of the known actions."""

from collections.abc import Iterator
from typing import Any

from pipeline.automations.schema_check.conditions import CONDITIONS, SHORT, check_condition
from pipeline.automations.schema_check.findings import Check, Finding, Form, beyond, several, short, wrong
from pipeline.automations.schema_check.times import period
from pipeline.automations.schema_check.triggers import TRIGGERS
from pipeline.automations.schema_check.values import (
    anything,
    data,
    enabled,
    entity_ids,
    flag,
    keys,
    plain_text,
    service,
    several_texts,
    targeted_entities,
    template,
    text,
    unless_template,
    whole,
)


def _each(value: Any) -> Iterator[Finding]:
    yield from ACTIONS(value)


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
_CHOICE = Form({"alias": text, "conditions": CONDITIONS, "sequence": _each}, ("conditions", "sequence"))
_REPETITION = Form(
    {
        "count": whole(),
        "for_each": unless_template(anything),
        "sequence": _each,
        **dict.fromkeys(("until", "while"), CONDITIONS),
    },
    ("sequence",),
    ("count", "for_each", "until", "while"),
)


def _parallel(part: Any) -> Iterator[Finding]:
    if isinstance(part, dict) and "sequence" in part:
        yield from Form({**_EVERY, "sequence": _each})(part)
    else:
        yield from _each(part)


# In the order in which Home Assistant looks for them: the first key that is there says what an action is.
KNOWN: dict[str, Check] = {
    "delay": Form({**_EVERY, "delay": period}),
    "wait_template": Form({**_WAIT, "wait_template": template}),
    **dict.fromkeys(("condition", *SHORT), check_condition),
    "event": Form({**_EVERY, "event": text, **dict.fromkeys(("event_data", "event_data_template"), data)}),
    "scene": Form({**_EVERY, "scene": entity_ids}),
    "repeat": Form({**_EVERY, "repeat": _REPETITION}),
    "choose": Form({**_EVERY, "choose": several(_CHOICE), "default": _each}),
    "wait_for_trigger": Form({**_WAIT, "wait_for_trigger": TRIGGERS}),
    "variables": Form({**_EVERY, "variables": data}),
    "if": Form({**_EVERY, "if": CONDITIONS, "then": _each, "else": _each}, ("then",)),
    "action": _SERVICE,
    "service": _SERVICE,
    "stop": Form({**_EVERY, "stop": plain_text, "error": flag, "response_variable": text}),
    "parallel": Form({**_EVERY, "parallel": several(_parallel)}),
}
# What we know of, and not by its rules.
BEYOND = ("device_id", "sequence", "service_template", "set_conversation_response")
_MODIFIERS = _EVERY.keys() | _SERVICE.keys.keys() | _WAIT.keys() | {"then", "else", "default"}


@unless_template
def _action(part: Any) -> Iterator[Finding]:
    if not isinstance(part, dict):
        yield wrong(f"{short(part)} is no action")
    elif strange := [word for word in BEYOND if word in part]:
        yield beyond(f"{strange[0]} is nothing that we know by its rules")
    elif kind := next((word for word in KNOWN if word in part), None):
        yield from KNOWN[kind](part)
    elif part.keys() <= _MODIFIERS:
        yield wrong("it does not say what is to be done")
    else:
        yield beyond(f"{short(next(iter(part.keys() - _MODIFIERS)))} is no action that we know")


ACTIONS: Check = several(_action)
