"""Validation of an automation by Home Assistant's rules, and against the home's catalogue."""

import re
from collections.abc import Iterator

from pipeline.automations.render import ABSENT_STATES, is_moment
from pipeline.automations.supported_features import can_be, inability, is_numeric
from pipeline.core.entities import ACTIVATED
from schemas.automations import (
    Automation,
    InState,
    MqttTrigger,
    NumericTrigger,
    Requirement,
    StateTrigger,
    TemperatureOf,
    Trigger,
)
from schemas.catalogue import Catalogue
from schemas.patterns import Dark, Hours, Weekday

SUN = "sun.sun"
# Home Assistant's own rule: no underscore at either end of a part, no two in a row.
_ENTITY_ID = re.compile(r"(?!.+__)(?!_)[\da-z_]+(?<!_)\.(?!_)[\da-z_]+(?<!_)", re.ASCII)


def is_entity_id(text: str) -> bool:
    """Return whether a text has the form of an entity id, or of a service's name."""
    return bool(_ENTITY_ID.fullmatch(text))


def problems(automation: Automation, catalogue: Catalogue | None) -> list[str]:
    """Return in plain words why an automation could not work; empty if it can.

    Home Assistant takes automations with entities and services that do not exist, and such an automation
    fails when it first runs: so this looks them up. Without a catalogue only what needs none is checked.

    Examples
    --------
    >>> from schemas.automations import Action, TimeTrigger
    >>> lamp = Action(service="light.turn_on", entity_id="light.hall")
    >>> home = Catalogue((2026, 11), {}, frozenset({"light.turn_on"}))
    >>> problems(Automation(trigger=TimeTrigger(minute=390), actions=(lamp,)), home)
    ['light.hall does not exist']
    """
    found = [f"{name} is no entity id" for name in automation.entity_ids if not is_entity_id(name)]
    for part in (automation.trigger, *automation.conditions):
        found += _rule(part)
    if catalogue:
        found += _unknown(automation, catalogue)
        for part in (automation.trigger, *automation.conditions):
            found += _unfit(part, catalogue)
        for action in automation.actions:
            if entity := catalogue.entities.get(action.entity_id):
                found += filter(None, [inability(action, entity)])
    return sorted(set(found))


def _rule(part: Trigger | Requirement) -> Iterator[str]:
    """Check a trigger or a condition by itself."""
    match part:
        case NumericTrigger() | TemperatureOf():
            if part.above is None and part.below is None:
                yield f"{part.entity_id} is compared with nothing"
            elif part.above is not None and part.below is not None and part.above >= part.below:
                yield f"{part.entity_id} cannot be above {part.above:g} and below {part.below:g}"
        case StateTrigger(to=state) | InState(state=state) if state in {"", *ABSENT_STATES}:
            yield f"{part.entity_id} being {state or 'nothing'} is nothing to act on"
        case StateTrigger(entity_id=entity_id, to=state) if is_moment(entity_id) and state != ACTIVATED:
            yield f"{entity_id} is only ever {ACTIVATED}"
        case InState(entity_id=entity_id) if is_moment(entity_id):
            yield f"{entity_id} is only ever {ACTIVATED}, and in no state that lasts"
        case Weekday(days=()):
            yield "there is no weekday on which it may run"
        case Hours(after=after, before=before) if after == before:
            yield f"the hours from {after:g} to {before:g} are none"


def _unknown(automation: Automation, catalogue: Catalogue) -> Iterator[str]:
    """Name what does not exist in the home."""
    for entity_id in automation.entity_ids - catalogue.entities.keys():
        yield f"{entity_id} does not exist"
    for action in automation.actions:
        if action.service not in catalogue.services:
            yield f"the service {action.service} does not exist"
    if any(isinstance(each, Dark) for each in automation.conditions) and SUN not in catalogue.entities:
        yield f"{SUN} does not exist, so nothing tells when it is dark"
    if isinstance(automation.trigger, MqttTrigger) and "mqtt.publish" not in catalogue.services:
        yield "Home Assistant is not connected to an MQTT broker"


def _unfit(part: Trigger | Requirement, catalogue: Catalogue) -> Iterator[str]:
    """Check a trigger or a condition against the entity that it looks at."""
    entity = catalogue.entities.get(getattr(part, "entity_id", ""))
    if entity is None:
        return
    match part:
        case StateTrigger(to=state) | InState(state=state) if not can_be(entity, state):
            yield f"{entity.entity_id} cannot be {state!r}"
        case NumericTrigger() | TemperatureOf() if not is_numeric(entity):
            yield f"{entity.entity_id} is not a number"
