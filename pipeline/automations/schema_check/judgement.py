"""Check of a whole automation, part by part as the parser reads it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pipeline.automations.parser import (
    Action,
    Call,
    Condition,
    Opaque,
    Option,
    Part,
    Trigger,
    joining_key,
    parse,
)
from pipeline.automations.parser.reader import SECTIONS
from pipeline.automations.schema_check.findings import Finding, Form, at, beyond, wrong
from pipeline.automations.schema_check.rules import (
    ACTIONS,
    BEYOND,
    BRANCH,
    OPTION,
    check_condition,
    check_trigger,
)
from pipeline.automations.schema_check.values import anything, data, flag, one_of, text, whole

MODES = ("single", "restart", "queued", "parallel")
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
        **dict.fromkeys((*SECTIONS, *SECTIONS.values()), anything),
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
    tree = parse(config)
    if tree.opaque:
        yield Finding(tree.opaque.is_refused, tree.opaque.why)
        return
    yield from _WHOLE(tree.source)
    for (one, many), parts in zip(
        SECTIONS.items(), (tree.triggers, tree.conditions, tree.actions), strict=True
    ):
        written = many if many in tree.source else one
        if written in tree.source:
            yield from at(written, _several(parts, tree.source[written]))
        elif one != "condition":
            yield wrong(f"there is no {one}")


def _several(parts: Sequence[Part], source: Any, *, are_branches: bool = False) -> Iterator[Finding]:
    """Check parts that stand alone or in a list, where their numbers tell them apart."""
    for number, part in enumerate(parts, start=1):
        found = _part(part, is_branch=are_branches)
        yield from at(f"number {number}", found) if isinstance(source, list) else found


def _part(part: Part, *, is_branch: bool) -> Iterator[Finding]:
    match part:
        case Opaque():
            yield Finding(part.is_refused, part.why)
        case Trigger():
            yield from check_trigger(part.kind, part.source)
        case Condition():
            yield from check_condition(part.kind, part.source)
            yield from _inside(part)
        case Option():
            yield from OPTION(part.source)
            yield from _inside(part)
        case Action() | Call():
            yield from _action(part, is_branch=is_branch)


def _action(part: Action | Call, *, is_branch: bool) -> Iterator[Finding]:
    source, kind = part.source, part.kind if isinstance(part, Action) else "action"
    if source is None or isinstance(source, list):
        yield from _several(part.branches[kind], source)
        return
    if is_branch and kind == "sequence":
        yield from BRANCH(source)
    elif strange := [word for word in BEYOND if word in source]:
        yield beyond(f"{strange[0]} is nothing that we know by its rules")
        return
    else:
        yield from ACTIONS[kind](source)
    yield from _inside(part)


def _inside(part: Part) -> Iterator[Finding]:
    """Check what stands inside of a part, under the keys that are written there."""
    repeats = isinstance(part, Action) and part.kind == "repeat"
    source = part.source["repeat"] if repeats else part.source
    for name, parts in part.branches.items():
        key = joining_key(source) if isinstance(part, Condition) else name
        found = at(key, _several(parts, source.get(key), are_branches=name == "parallel"))
        yield from at("repeat", found) if repeats else found
