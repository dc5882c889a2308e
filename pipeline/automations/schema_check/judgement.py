"""Check of a whole automation."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pipeline.automations.schema_check.actions import ACTIONS
from pipeline.automations.schema_check.conditions import CONDITIONS
from pipeline.automations.schema_check.findings import Finding, Form, beyond, wrong
from pipeline.automations.schema_check.triggers import TRIGGERS
from pipeline.automations.schema_check.values import data, flag, one_of, text, whole

# More than any automation that a person wrote; YAML can make little text into endlessly much.
MOST_PARTS, DEEPEST = 20_000, 40
MODES = ("single", "restart", "queued", "parallel")
SECTIONS = {"trigger": "triggers", "condition": "conditions", "action": "actions"}
_LEVELS = one_of("silent", "debug", "info", "warning", "warn", "error", "critical", "fatal", "notset")

_WHOLE = Form(
    {
        "id": text,
        "alias": text,
        "description": text,
        "initial_state": flag,
        "mode": one_of(*MODES),
        "max": whole(2),
        "max_exceeded": _LEVELS,
        "trace": data,
        "variables": data,
        "trigger_variables": data,
        **dict.fromkeys(("trigger", "triggers"), TRIGGERS),
        **dict.fromkeys(("condition", "conditions"), CONDITIONS),
        **dict.fromkeys(("action", "actions"), ACTIONS),
    },
    never_both=tuple(SECTIONS.items()),
)


class Kind(StrEnum):
    """Result of the check of an automation that somebody else wrote."""

    VALID = "valid"
    INVALID = "invalid"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of the check with its reasons; no reasons if the automation is valid."""

    kind: Kind
    why: list[str]


def judge(config: object) -> Verdict:
    """Judge what was read from YAML or JSON by the rules of Home Assistant 2024.3 to 2026.11.

    It is valid where every part is of a kind that we know with all its rules, invalid where every release
    refuses it, and outside in between: templates, blueprints, devices, parts that a release may know and we
    do not. Keys may be the singular or the plural ones, sections a list or one alone. Whether what it names
    exists is not asked.

    Examples
    --------
    >>> lamp = {"service": "light.turn_on", "target": {"entity_id": "light.hall"}}
    >>> judge({"trigger": {"platform": "time", "at": "06:30"}, "action": lamp}).kind
    <Kind.VALID: 'valid'>
    >>> judge({"trigger": {"platform": "sun", "event": "noon"}, "action": lamp}).why
    ["trigger, event: 'noon' is none of sunrise, sunset"]
    """
    found = list(_findings(config))
    for kind, is_grave in ((Kind.INVALID, True), (Kind.OUTSIDE, False)):
        if why := [finding.why for finding in found if finding.is_grave == is_grave]:
            return Verdict(kind, why)
    return Verdict(Kind.VALID, [])


def _findings(config: object) -> Iterator[Finding]:
    if not isinstance(config, dict):
        yield wrong("an automation is a set of keys such as trigger and action")
        return
    if why := _strangeness(config):
        yield beyond(why)
        return
    if "use_blueprint" in config:
        yield beyond("it is made from a blueprint, which is not here to be looked at")
        return
    yield from _WHOLE(config)
    for one, many in SECTIONS.items():
        if one not in config and many not in config and one != "condition":
            yield wrong(f"there is no {one}")


def _strangeness(config: dict[Any, Any]) -> str:
    """Return why a configuration cannot be checked at all: its size, or values that JSON cannot hold."""
    parts: list[tuple[object, int]] = [(config, 0)]
    looked_at = 0
    while parts:
        part, depth = parts.pop()
        looked_at += 1
        if looked_at > MOST_PARTS or depth > DEEPEST:
            return "it is too large or too deeply nested to be looked at"
        if isinstance(part, dict):
            if not all(isinstance(key, str) for key in part):
                return "not every key is text"
            parts += [(inner, depth + 1) for inner in part.values()]
        elif isinstance(part, list):
            parts += [(inner, depth + 1) for inner in part]
        elif not isinstance(part, str | int | float | None):
            return f"it holds a {type(part).__name__}, which is nothing that Home Assistant is given"
    return ""
