"""Starts of an automation, read from its triggers."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.automations.graph.parts import Clock, Message, Passes, Reaches, Start, Sun
from pipeline.automations.graph.values import (
    DEEPEST,
    entity_ids,
    listed,
    mappings,
    minute,
    number,
    seconds,
    texts,
)

Part = Mapping[str, Any]
# What a device's trigger calls a state, where it is not called as the state is.
STATES = {"turned_on": "on", "turned_off": "off", "opened": "open", "started_playing": "playing"}
ENDS = frozenset({"turned_off", "closed", "cleared", "stopped"})
SUN = {"below_horizon": "sunset", "above_horizon": "sunrise"}
BINARY = "binary_sensor."


def starts(triggers: Any, depth: int = 0) -> Iterator[tuple[str, Start]]:
    """Yield each start with its trigger's id; triggers that cannot be read are left out."""
    if depth > DEEPEST:
        return
    for trigger in mappings(triggers):
        if "triggers" in trigger:
            yield from starts(trigger["triggers"], depth + 1)
            continue
        name = next(iter(texts(trigger.get("id"))), "")
        yield from ((name, start) for start in _starts(trigger))


def _starts(trigger: Part) -> Iterator[Start]:
    kind = trigger.get("platform", trigger.get("trigger"))
    match kind:
        case "time":
            times = (minute(each) for each in listed(trigger.get("at")))
            yield from (Clock(each) for each in times if each is not None)
        case "sun":
            yield Sun(str(trigger.get("event")), seconds(trigger.get("offset")) / 60)
        case "state":
            yield from _of_state(trigger)
        case "numeric_state":
            yield from _of_number(trigger)
        case "mqtt":
            yield from map(Message, texts(trigger.get("topic")))
        case "zone":
            state = "home" if trigger.get("event") == "enter" else "not_home"
            if "zone.home" in entity_ids(trigger.get("zone")):
                yield from (Reaches(each, state) for each in entity_ids(trigger.get("entity_id")))
        case "device":
            yield from _of_device(str(trigger.get("type")), trigger.get("entity_id"), trigger)
        case str() if "." in kind:
            target = trigger.get("target")
            named = target.get("entity_id") if isinstance(target, Mapping) else None
            yield from _of_device(kind.partition(".")[2], named, trigger)


def _of_state(trigger: Part) -> Iterator[Start]:
    if "attribute" in trigger:
        return
    lasting = seconds(trigger.get("for"))
    for entity_id in entity_ids(trigger.get("entity_id")):
        states = texts(trigger.get("to"))
        for state in states:
            is_of_sun = entity_id == "sun.sun" and state in SUN
            yield Sun(SUN[state], lasting / 60) if is_of_sun else Reaches(entity_id, state, lasting)
        if not states:
            # What is left is reached by no change from it.
            besides = frozenset([*texts(trigger.get("not_to")), *texts(trigger.get("from"))])
            yield Reaches(entity_id, None, lasting, besides)


def _of_number(trigger: Part) -> Iterator[Start]:
    if "attribute" in trigger or "value_template" in trigger:
        return
    # Another entity's value as the bound is one that we do not know: any may do.
    above, below = (
        (number(trigger[key]) if number(trigger[key]) is not None else unknown) if key in trigger else None
        for key, unknown in (("above", float("-inf")), ("below", float("inf")))
    )
    for entity_id in entity_ids(trigger.get("entity_id")):
        yield Passes(entity_id, above, below, seconds(trigger.get("for")))


def _of_device(kind: str, named: Any, trigger: Part) -> Iterator[Start]:
    for entity_id in entity_ids(named):
        if kind == "changed_states":
            state = None
        elif entity_id.startswith(BINARY):
            state = "off" if kind.startswith(("not_", "no_")) or kind in ENDS else "on"
        else:
            state = STATES.get(kind, kind)
        yield Reaches(entity_id, state, seconds(trigger.get("for")))
