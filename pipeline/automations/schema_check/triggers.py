"""Rules of the known triggers."""

from collections.abc import Iterator
from typing import Any

from pipeline.automations.schema_check.findings import Check, Finding, Form, beyond, several, short, wrong
from pipeline.automations.schema_check.times import offset, period, time_of_day, time_pattern
from pipeline.automations.schema_check.values import (
    anything,
    data,
    enabled,
    entity_ids,
    one_of,
    plain_text,
    state,
    template,
    text,
    threshold,
    whole,
)

_EVERY: dict[str, Check] = {
    "alias": text,
    "enabled": enabled,
    "id": text,
    "platform": anything,
    "trigger": anything,
    "variables": data,
}
_EXCLUSIVE = (("from", "not_from"), ("to", "not_to"))
_MOVES = ("from", "not_from", "to", "not_to")
_OF_STATE: dict[str, Check] = {**_EVERY, "entity_id": entity_ids, "for": period}

_STATE = Form({**_OF_STATE, **dict.fromkeys(_MOVES, several(state))}, ("entity_id",), never_both=_EXCLUSIVE)
_STATE_OF_ATTRIBUTE = Form(
    {**_OF_STATE, **dict.fromkeys(_MOVES, anything), "attribute": anything},
    ("entity_id",),
    never_both=_EXCLUSIVE,
)
_NUMERIC = Form(
    {
        **_OF_STATE,
        "above": threshold,
        "attribute": anything,
        "below": threshold,
        "value_template": template,
    },
    ("entity_id",),
    ("above", "below"),
)


def _state(part: Any) -> Iterator[Finding]:
    yield from (_STATE_OF_ATTRIBUTE if "attribute" in part else _STATE)(part)


def _numeric_state(part: Any) -> Iterator[Finding]:
    yield from _NUMERIC(part)
    above, below = part.get("above"), part.get("below")
    if isinstance(above, int | float) and isinstance(below, int | float) and above > below:
        yield wrong(f"nothing is above {above} and below {below}")


def _topic(value: Any) -> Iterator[Finding]:
    yield from plain_text(value)
    if isinstance(value, str) and (not value.isprintable() or not value or set(value) & set("+#")):
        yield beyond(f"{short(value)} may not be a topic that one can listen to")


KNOWN: dict[str, Check] = {
    "event": Form(
        {**_EVERY, "event_type": several(plain_text), "event_data": data, "context": data}, ("event_type",)
    ),
    "homeassistant": Form({**_EVERY, "event": one_of("start", "shutdown")}, ("event",)),
    "mqtt": Form(
        {
            **_EVERY,
            "topic": _topic,
            "payload": plain_text,
            "value_template": template,
            "encoding": text,
            "qos": whole(0, 2),
        },
        ("topic",),
    ),
    "numeric_state": _numeric_state,
    "state": _state,
    "sun": Form({**_EVERY, "event": one_of("sunrise", "sunset"), "offset": offset}, ("event",)),
    "template": Form({**_EVERY, "value_template": template, "for": period}, ("value_template",)),
    "time": Form({**_EVERY, "at": several(time_of_day)}, ("at",)),
    "time_pattern": Form(
        {
            **_EVERY,
            "hours": time_pattern(23),
            "minutes": time_pattern(59),
            "seconds": time_pattern(59),
        },
        one_of=("hours", "minutes", "seconds"),
    ),
    "zone": Form(
        {**_EVERY, "entity_id": entity_ids, "zone": state, "event": one_of("enter", "leave")},
        ("entity_id", "zone"),
    ),
}


def _trigger(part: Any) -> Iterator[Finding]:
    if not isinstance(part, dict):
        yield wrong(f"{short(part)} is no trigger")
        return
    kind = part.get("platform", part.get("trigger"))
    if "triggers" in part:
        yield beyond("it is a list of triggers within a list")
    elif "platform" not in part and "trigger" not in part:
        yield wrong("it does not say what kind of trigger it is")
    elif not isinstance(kind, str):
        yield wrong(f"{short(kind)} is no kind of trigger")
    elif "platform" in part and "trigger" in part:
        yield wrong("it says twice what kind of trigger it is")
    elif kind not in KNOWN:
        yield beyond(f"{short(kind)} is no kind of trigger that we know")
    else:
        yield from KNOWN[kind](part)


TRIGGERS: Check = several(_trigger)
