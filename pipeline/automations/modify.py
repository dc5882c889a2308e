"""Modification of an automation: another time, another entity, one more condition."""

from typing import Any

from pipeline.automations.allowed_services import domain_of
from schemas.automations import Action, Automation, SunTrigger, TimeTrigger
from schemas.catalogue import Catalogue
from schemas.commands import Modification

MOST_CONDITIONS = 8


class ModificationError(ValueError):
    """A modification does not fit the automation or the home; says why in plain words."""


def modified(automation: Automation, change: Modification, catalogue: Catalogue | None) -> Automation:
    """Return the automation with every wish in `change` fulfilled.

    The result has to pass the same checks as any other automation: this makes it, and judges nothing but
    whether the wish can be understood.

    Raises
    ------
    ModificationError
        If nothing is wished, or a wish does not fit the automation or the home.

    Examples
    --------
    >>> lamp = Action(service="light.turn_on", entity_id="light.hall")
    >>> early = Automation(trigger=TimeTrigger(minute=390), actions=(lamp,))
    >>> modified(early, Modification(minute=420), None) == Automation(
    ...     trigger=TimeTrigger(minute=420), actions=(lamp,)
    ... )
    True
    """
    if change == Modification():
        raise ModificationError("say what is to be another way: the time, the entity or one more condition")
    wishes: dict[str, Any] = {}
    if change.minute is not None or change.offset_minutes is not None:
        wishes["trigger"] = _at_another_time(automation, change)
    if change.condition is not None:
        wishes["conditions"] = _with_one_more(automation, change)
    if change.entity_id is not None:
        wishes["actions"] = _on_another(automation, change.entity_id, catalogue)
    return automation.model_copy(update=wishes)


def _at_another_time(automation: Automation, change: Modification) -> TimeTrigger | SunTrigger:
    trigger = automation.trigger
    match trigger, change.minute, change.offset_minutes:
        case TimeTrigger(), int(minute), None:
            return TimeTrigger(minute=minute)
        case SunTrigger(), None, int(offset):
            return SunTrigger(event=trigger.event, offset_minutes=offset)
        case TimeTrigger(), _, _:
            raise ModificationError("it runs at a time of the clock: give the time of the day alone")
        case SunTrigger(), _, _:
            raise ModificationError(f"it runs by the {trigger.event}: give the minutes after it alone")
    raise ModificationError("it does not run at a time of the day, so it has no time that could be another")


def _with_one_more(automation: Automation, change: Modification) -> tuple[Any, ...]:
    if change.condition in automation.conditions:
        raise ModificationError("it has this condition already")
    if len(automation.conditions) >= MOST_CONDITIONS:
        raise ModificationError(f"it has {MOST_CONDITIONS} conditions already, and more are not possible")
    return (*automation.conditions, change.condition)


def _on_another(automation: Automation, entity_id: str, catalogue: Catalogue | None) -> tuple[Action, ...]:
    """Let every action on the one entity that is acted on go to another one of the same kind."""
    acted_on = {action.entity_id for action in automation.actions}
    if len(acted_on) > 1:
        raise ModificationError("it acts on several entities, so it is not clear which one to replace")
    former = acted_on.pop()
    if entity_id == former:
        raise ModificationError(f"it acts on {entity_id} already")
    _check_same_kind(former, entity_id, catalogue)
    return tuple(action.model_copy(update={"entity_id": entity_id}) for action in automation.actions)


def _check_same_kind(former: str, entity_id: str, catalogue: Catalogue | None) -> None:
    if domain_of(entity_id) != domain_of(former):
        raise ModificationError(f"{entity_id} is not a {domain_of(former)} as {former} is")
    if catalogue is None:
        raise ModificationError(f"{entity_id} cannot be looked up, because Home Assistant cannot be asked")
    if entity_id not in catalogue.entities:
        raise ModificationError(f"{entity_id} does not exist")
    known = catalogue.entities.get(former)
    kind = known.device_class if known else ""
    other = catalogue.entities[entity_id].device_class
    if kind != other:
        raise ModificationError(f"{former} is {_of_kind(kind)}, and {entity_id} {_of_kind(other)}")


def _of_kind(device_class: str) -> str:
    return f"of the kind {device_class}" if device_class else "of no kind"
