"""Abilities of entities, as Home Assistant reports them: states, features, choices, numbers, members."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from pipeline.automations.allowed_services import CHOICES, domain_of
from schemas.automations import Action
from schemas.catalogue import Catalogue, KnownEntity

ON_OFF = frozenset({"on", "off"})
# Domains whose entities can be in no other state; all others may be in any.
STATES: Mapping[str, AbstractSet[str]] = {
    "automation": ON_OFF,
    "binary_sensor": ON_OFF,
    "cover": frozenset({"open", "opening", "closed", "closing"}),
    "fan": ON_OFF,
    "humidifier": ON_OFF,
    "input_boolean": ON_OFF,
    "light": ON_OFF,
    "lock": frozenset({"locked", "locking", "unlocked", "unlocking", "jammed", "open", "opening"}),
    "media_player": ON_OFF | {"idle", "playing", "paused", "standby", "buffering"},
    "remote": ON_OFF,
    "schedule": ON_OFF,
    "siren": ON_OFF,
    "sun": frozenset({"above_horizon", "below_horizon"}),
    "switch": ON_OFF,
    "update": ON_OFF,
    "vacuum": ON_OFF | {"cleaning", "docked", "error", "idle", "paused", "returning"},
}
# Where the entity itself lists the states that it can be in.
STATES_IN: Mapping[str, str] = {
    "climate": "hvac_modes",
    "input_select": "options",
    "select": "options",
    "sensor": "options",
}
NUMERIC_DOMAINS = frozenset({"counter", "input_number", "number", "sensor", "zone"})
NO_NUMBERS = frozenset({"date", "enum", "timestamp"})
# The bit of supported_features without which Home Assistant refuses the service.
FEATURES: Mapping[str, int] = {
    "climate.set_preset_mode": 16,
    "climate.set_temperature": 1,
    "cover.close_cover": 2,
    "cover.open_cover": 1,
    "cover.set_cover_position": 4,
    "fan.set_percentage": 1,
    "fan.set_preset_mode": 8,
    "media_player.media_pause": 1,
    "media_player.media_play": 16384,
    "media_player.media_stop": 4096,
    "media_player.select_source": 2048,
    "media_player.turn_off": 256,
    "media_player.turn_on": 128,
    "media_player.volume_set": 4,
    "vacuum.pause": 4,
    "vacuum.return_to_base": 16,
    "vacuum.start": 8192,
    "vacuum.stop": 8,
}
UNDIMMED = frozenset({"onoff", "unknown"})
_DEEPEST_GROUP = 8


def can_be(entity: KnownEntity, state: str) -> bool:
    """Return whether an entity can be in a state; True if its states are not known.

    Examples
    --------
    >>> can_be(KnownEntity("light.hall"), "on"), can_be(KnownEntity("light.hall"), "open")
    (True, False)
    """
    domain = domain_of(entity.entity_id)
    listed = _list(entity, STATES_IN.get(domain, ""))
    if domain == "climate" and listed:
        listed = [*listed, "off"]
    possible = STATES.get(domain) or listed
    return not possible or state in possible


def is_numeric(entity: KnownEntity) -> bool:
    """Return whether an entity's state can be a number."""
    says_words = entity.device_class in NO_NUMBERS or "options" in entity.attributes
    return domain_of(entity.entity_id) in NUMERIC_DOMAINS and not says_words


def inability(action: Action, entity: KnownEntity) -> str:
    """Return why an entity cannot do what an action asks of it; empty if it can."""
    features = entity.attributes.get("supported_features")
    bit = FEATURES.get(action.service, 0)
    if isinstance(features, int) and features & bit != bit:
        return f"{entity.entity_id} does not support {action.service}"
    modes = _list(entity, "supported_color_modes")
    if "brightness" in action.data and modes and UNDIMMED.issuperset(modes):
        return f"{entity.entity_id} cannot be dimmed"
    for name, value in action.data.items():
        choices = _list(entity, CHOICES.get(name, ""))
        if choices and value not in choices:
            return f"{entity.entity_id} has no {name} {value!r}"
    return ""


def known(entity_id: str, catalogue: Catalogue | None) -> KnownEntity | None:
    """Return the catalogue's entry of an entity; None if there is none."""
    return catalogue.entities.get(entity_id) if catalogue else None


def has_members(entity: KnownEntity) -> bool:
    """Return whether an entity lists members."""
    return isinstance(entity.attributes.get("entity_id"), list | tuple | set | frozenset)


def family(entity_id: str, catalogue: Catalogue | None) -> frozenset[str]:
    """Return an entity with the members of the group or scene that it is, and theirs."""
    found, fresh = {entity_id}, {entity_id}
    for _ in range(_DEEPEST_GROUP):
        fresh = {member for group in fresh for member in _members(group, catalogue)} - found
        found |= fresh
    return frozenset(found)


def groups(catalogue: Catalogue) -> dict[str, set[str]]:
    """Return the groups of each member; scenes are left out: their state does not follow their members'."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for entity_id, entity in catalogue.entities.items():
        if has_members(entity) and not entity_id.startswith("scene."):
            for member in family(entity_id, catalogue) - {entity_id}:
                found[member].add(entity_id)
    return dict(found)


def _list(entity: KnownEntity, attribute: str) -> list[object]:
    listed = entity.attributes.get(attribute)
    return list(listed) if isinstance(listed, list | tuple | set | frozenset) else []


def _members(entity_id: str, catalogue: Catalogue | None) -> Iterator[str]:
    entity = known(entity_id, catalogue)
    if entity and has_members(entity):
        yield from (member for member in entity.attributes["entity_id"] if isinstance(member, str))
