"""Starts of an automation, read from its triggers."""

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.automations.graph.parts import Clock, Message, Passes, Reaches, Start, Sun
from pipeline.automations.parser import Part, Trigger
from pipeline.automations.parser.tree import Fields
from pipeline.automations.parser.values import entity_ids, listed, minute, number, seconds, texts

# What a device's trigger calls a state, where it is not called as the state is.
STATES = {"turned_on": "on", "turned_off": "off", "opened": "open", "started_playing": "playing"}
ENDS = frozenset({"turned_off", "closed", "cleared", "stopped"})
SUN = {"below_horizon": "sunset", "above_horizon": "sunrise"}
BINARY = "binary_sensor."


def starts(triggers: Sequence[Part]) -> Iterator[tuple[str, Start]]:
    """Yield each start with its trigger's id; triggers that cannot be read are left out."""
    for trigger in triggers:
        if not isinstance(trigger, Trigger) or trigger.enabled is False:
            continue
        if inner := trigger.branches.get("triggers"):
            yield from starts(inner)
            continue
        name = next(iter(texts(trigger.fields.get("id"))), "")
        yield from ((name, start) for start in _starts(trigger.kind, trigger.fields))


def _starts(kind: str, said: Fields) -> Iterator[Start]:
    match kind:
        case "time":
            times = (minute(each) for each in listed(said.get("at")))
            yield from (Clock(each) for each in times if each is not None)
        case "sun":
            yield Sun(str(said.get("event")), seconds(said.get("offset")) / 60)
        case "state":
            yield from _of_state(said)
        case "numeric_state":
            yield from _of_number(said)
        case "mqtt":
            yield from map(Message, texts(said.get("topic")))
        case "zone":
            state = "home" if said.get("event") == "enter" else "not_home"
            if "zone.home" in entity_ids(said.get("zone")):
                yield from (Reaches(each, state) for each in entity_ids(said.get("entity_id")))
        case "device":
            yield from _of_device(str(said.get("type")), said.get("entity_id"), said)
        case _ if "." in kind:
            target = said.get("target")
            named = target.get("entity_id") if isinstance(target, dict) else None
            yield from _of_device(kind.partition(".")[2], named, said)


def _of_state(said: Fields) -> Iterator[Start]:
    if "attribute" in said:
        return
    lasting = seconds(said.get("for"))
    for entity_id in entity_ids(said.get("entity_id")):
        states = texts(said.get("to"))
        for state in states:
            is_of_sun = entity_id == "sun.sun" and state in SUN
            yield Sun(SUN[state], lasting / 60) if is_of_sun else Reaches(entity_id, state, lasting)
        if not states:
            # What is left is reached by no change from it.
            besides = frozenset([*texts(said.get("not_to")), *texts(said.get("from"))])
            yield Reaches(entity_id, None, lasting, besides)


def _of_number(said: Fields) -> Iterator[Start]:
    if "attribute" in said or "value_template" in said:
        return
    # Another entity's value as the bound is one that we do not know: any may do.
    above, below = (
        (number(said[key]) if number(said[key]) is not None else unknown) if key in said else None
        for key, unknown in (("above", float("-inf")), ("below", float("inf")))
    )
    for entity_id in entity_ids(said.get("entity_id")):
        yield Passes(entity_id, above, below, seconds(said.get("for")))


def _of_device(kind: str, named: Any, said: Fields) -> Iterator[Start]:
    for entity_id in entity_ids(named):
        if kind == "changed_states":
            state = None
        elif entity_id.startswith(BINARY):
            state = "off" if kind.startswith(("not_", "no_")) or kind in ENDS else "on"
        else:
            state = STATES.get(kind, kind)
        yield Reaches(entity_id, state, seconds(said.get("for")))
