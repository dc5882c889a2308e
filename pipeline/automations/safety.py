"""Rules that no deployed automation may break: services, entities, values, loops, runs a day."""

from collections.abc import Iterator

from pipeline.automations.allowed_services import (
    CELSIUS,
    LIMITS,
    RANGES,
    ROOM_TEMPERATURES,
    SERVICES,
    Range,
    domain_of,
)
from pipeline.automations.dangerous_entities import (
    danger_of,
    grave_companion,
    is_dangerous_choice,
    measures_temperature,
)
from pipeline.automations.render import is_moment
from pipeline.automations.supported_features import family, has_members, known
from pipeline.automations.triggers_effects import grave_consequences
from pipeline.ingest.behaviour import is_own
from schemas.automations import Action, Automation, NumericTrigger, Parameter, StateTrigger
from schemas.catalogue import Catalogue, KnownEntity
from schemas.suggestions import Trial

# A hall's motion sensor on a busy day; what runs more often wears out what it switches.
MOST_RUNS_PER_DAY = 96
# What was left on may be switched off after a while, but not against the hand that switches it on.
SHORTEST_STAY_S = 60
_ENDS_IN = {"turn_off": "off", "close_cover": "closed", "open_cover": "open", "return_to_base": "docked"}


def is_allowed_service(service: str) -> bool:
    """Return whether a service may be suggested at all.

    Examples
    --------
    >>> is_allowed_service("light.turn_on"), is_allowed_service("lock.unlock")
    (True, False)
    """
    return service in SERVICES


def refusals(automation: Automation, catalogue: Catalogue | None) -> list[str]:
    """Return why an automation must not run; empty if it may.

    The list of what may be done is closed: what is not on it is refused. There is no argument by which an
    approval could reach this. Without a catalogue all is judged by the names of services and entities alone.
    """
    found = list[str]()
    for action in automation.actions:
        found += _refused_action(action, catalogue)
    found += _loops(automation, catalogue)
    if catalogue:
        found += grave_consequences(automation, catalogue)
    return list(dict.fromkeys(found))


def runs_too_often(trial: Trial) -> list[str]:
    """Return a reason if an automation would run too often, on average of the days it was tried on."""
    per_day = trial.fired / max(trial.days, 1)
    if per_day <= MOST_RUNS_PER_DAY:
        return []
    return [f"it would run {per_day:.0f} times a day, and at most {MOST_RUNS_PER_DAY} may be"]


def _refused_action(action: Action, catalogue: Catalogue | None) -> Iterator[str]:
    if not is_allowed_service(action.service):
        yield f"{action.service} is not among the services that may be suggested"
        return
    if domain_of(action.service) != domain_of(action.entity_id):
        yield f"{action.service} is not a service of {action.entity_id}"
        return
    for entity_id in sorted(family(action.entity_id, catalogue)):
        yield from _refused_entity(entity_id, action.entity_id, catalogue)
    yield from _refused_values(
        action, known(action.entity_id, catalogue), has_catalogue=catalogue is not None
    )


def _refused_entity(entity_id: str, acted_on: str, catalogue: Catalogue | None) -> Iterator[str]:
    """Refuse an entity, or a member of the group or scene that is acted on."""
    subject = entity_id if entity_id == acted_on else f"{entity_id}, which belongs to {acted_on},"
    entity = known(entity_id, catalogue)
    if is_own(entity_id):
        yield f"{subject} is one of ours, and we do not act on ourselves"
    elif all(domain_of(service) != domain_of(entity_id) for service in SERVICES):
        yield f"{subject} is of a kind that must not be acted on"
    elif why := danger_of(entity_id, entity):
        yield f"{subject} must not be acted on: {why}"
    elif catalogue and entity:
        yield from _refused_behind(entity, subject, catalogue, is_member=entity_id != acted_on)


def _refused_behind(
    entity: KnownEntity, subject: str, catalogue: Catalogue, *, is_member: bool
) -> Iterator[str]:
    """Refuse what stands for something that is not seen."""
    # Groups keep their members out of sight, and so do locks and garages that are made of a relay.
    if entity.hidden and not is_member:
        yield f"{subject} is hidden, so what is shown in its place is to be acted on, if anything"
    if domain_of(entity.entity_id) == "scene" and not has_members(entity):
        yield f"{subject} does not tell what it acts on"
    if companion := grave_companion(entity, catalogue.entities):
        yield f"{subject} must not be acted on: it is part of what {companion} is"


def _refused_values(action: Action, entity: KnownEntity | None, *, has_catalogue: bool) -> Iterator[str]:
    terms = SERVICES[action.service]
    for name in sorted(terms.needs - action.data.keys()):
        yield f"{action.service} needs {name}"
    if domain_of(action.entity_id) == "climate" and _is_empty(_range("temperature", entity)):
        yield f"{action.entity_id} takes no temperature that a room may have"
        return
    for name, value in action.data.items():
        if name not in terms.needs | terms.may:
            yield f"{action.service} must not be called with {name}"
        elif isinstance(value, str) == (name in RANGES or name in LIMITS):
            yield f"{name} cannot be {value!r}"
        elif not isinstance(value, str):
            yield from _refused_number(name, value, entity, has_catalogue=has_catalogue)
        elif name == "option" and is_dangerous_choice(action.entity_id, value):
            yield f"{name} {value!r} may lock, unlock, arm or let through"


def _refused_number(
    name: Parameter, value: float, entity: KnownEntity | None, *, has_catalogue: bool
) -> Iterator[str]:
    allowed = _range(name, entity)
    if allowed is None and has_catalogue:
        yield f"{name} {value:g} cannot be checked: its lowest and highest value are not known"
    elif allowed and _is_empty(allowed):
        yield f"{name} {value:g} is no temperature that a room may have"
    elif allowed and not allowed.lowest <= value <= allowed.highest:
        yield f"{name} {value:g} is not between {allowed.lowest:g} and {allowed.highest:g}"


def _range(name: Parameter, entity: KnownEntity | None) -> Range | None:
    """Return the allowed range of a value: the built-in one, within the entity's own if it has one."""
    own = _own_range(name, entity)
    sets_temperature = name == "temperature" or (
        name == "value" and entity is not None and measures_temperature(entity)
    )
    # Degrees of an unknown kind are Celsius: then too little may be set, and nothing too hot.
    unit = entity.unit if entity else CELSIUS
    ours = ROOM_TEMPERATURES.get(unit, ROOM_TEMPERATURES[CELSIUS]) if sets_temperature else RANGES.get(name)
    if ours is None or own is None:
        return ours or own
    return Range(max(ours.lowest, own.lowest), min(ours.highest, own.highest))


def _is_empty(allowed: Range | None) -> bool:
    return allowed is not None and allowed.lowest > allowed.highest


def _own_range(name: Parameter, entity: KnownEntity | None) -> Range | None:
    if name not in LIMITS or entity is None:
        return None
    lowest, highest = (entity.attributes.get(attribute) for attribute in LIMITS[name])
    if not isinstance(lowest, int | float) or not isinstance(highest, int | float):
        return None
    return Range(lowest, highest)


def _loops(automation: Automation, catalogue: Catalogue | None) -> Iterator[str]:
    """Refuse what its own action would trigger again, or what would undo at once what somebody did."""
    trigger = automation.trigger
    if not isinstance(trigger, StateTrigger | NumericTrigger):
        return
    # A scene is not activated by what its members do.
    awaited = {trigger.entity_id} if is_moment(trigger.entity_id) else family(trigger.entity_id, catalogue)
    for action in automation.actions:
        touched = family(action.entity_id, catalogue)
        if (trigger.entity_id in touched or action.entity_id in awaited) and not _ends_a_stay(
            trigger, action
        ):
            yield f"it would be triggered by what it does to {action.entity_id} itself"


def _ends_a_stay(trigger: StateTrigger | NumericTrigger, action: Action) -> bool:
    if not isinstance(trigger, StateTrigger) or trigger.for_seconds < SHORTEST_STAY_S:
        return False
    return _ENDS_IN.get(action.service.partition(".")[2], trigger.to) != trigger.to
