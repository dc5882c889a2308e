"""Rules of the known conditions."""

from collections.abc import Iterator
from typing import Any

from pipeline.automations.render import WEEKDAYS
from pipeline.automations.schema_check.findings import Check, Finding, Form, beyond, several, short, wrong
from pipeline.automations.schema_check.times import offset, period, time_of_day
from pipeline.automations.schema_check.values import (
    anything,
    enabled,
    entity_ids,
    one_of,
    states,
    template,
    text,
    threshold,
    unless_template,
)


def _each(value: Any) -> Iterator[Finding]:
    yield from CONDITIONS(value)


_EVERY: dict[str, Check] = {"alias": text, "condition": anything, "enabled": enabled}
_OF_STATE: dict[str, Check] = {
    **_EVERY,
    "entity_id": entity_ids,
    "for": period,
    "match": one_of("all", "any"),
}
_STATE = Form({**_OF_STATE, "state": states}, ("entity_id", "state"))
_STATE_OF_ATTRIBUTE = Form({**_OF_STATE, "state": anything, "attribute": text}, ("entity_id", "state"))
_SOME = Form({**_EVERY, "conditions": _each}, ("conditions",))


def _state(part: Any) -> Iterator[Finding]:
    yield from (_STATE_OF_ATTRIBUTE if "attribute" in part else _STATE)(part)


KNOWN: dict[str, Check] = {
    "and": _SOME,
    "not": _SOME,
    "numeric_state": Form(
        {
            **_EVERY,
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
    "state": _state,
    "sun": Form(
        {
            **_EVERY,
            **dict.fromkeys(("after", "before"), one_of("sunrise", "sunset")),
            **dict.fromkeys(("after_offset", "before_offset"), offset),
        },
        one_of=("after", "before"),
    ),
    "template": Form({**_EVERY, "value_template": template}, ("value_template",)),
    "time": Form(
        {
            **_EVERY,
            **dict.fromkeys(("after", "before"), time_of_day),
            "weekday": several(one_of(*WEEKDAYS)),
        },
        one_of=("after", "before", "weekday"),
    ),
    "trigger": Form({**_EVERY, "id": several(text)}, ("id",)),
    "zone": Form({**_EVERY, "entity_id": entity_ids, "zone": entity_ids}, ("entity_id", "zone")),
}
SHORT = ("and", "or", "not")


@unless_template
def check_condition(part: Any) -> Iterator[Finding]:
    """Check one condition, as it stands among the conditions or the actions."""
    if not isinstance(part, dict):
        yield wrong(f"{short(part)} is no condition")
    elif "condition" in part:
        yield from _named(part)
    elif found := [word for word in SHORT if word in part]:
        yield from Form({**_EVERY, **dict.fromkeys(found, _each)})(part)
        if len(found) > 1:
            yield beyond("it joins conditions in several ways at once")
    else:
        yield wrong("it does not say what kind of condition it is")


def _named(part: dict[str, Any]) -> Iterator[Finding]:
    kind = part["condition"]
    if isinstance(kind, list):
        yield from Form({**_EVERY, "condition": _each})(part)
    elif not isinstance(kind, str):
        yield wrong(f"{short(kind)} is no kind of condition")
    elif kind not in KNOWN:
        yield beyond(f"{short(kind)} is no kind of condition that we know")
    else:
        yield from KNOWN[kind](part)


CONDITIONS: Check = several(check_condition)
