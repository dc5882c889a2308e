"""Entities that no automation may act on, by kind and name: doors, locks, alarms, water, fire."""

from collections.abc import Mapping

from pipeline.automations.allowed_services import ROOM_TEMPERATURES, domain_of
from pipeline.automations.dangerous_words import (
    Words,
    is_readable,
    says_door,
    says_gate,
    says_grave,
    says_light,
    says_lock,
    says_no_room,
    says_shading,
    words,
)
from schemas.catalogue import KnownEntity

# Covers that shade; a window that opens, a damper and whatever is named in future are not among them.
SHADING = frozenset({"awning", "blind", "curtain", "shade", "shutter"})
ENTRANCES = frozenset({"door", "garage", "gate"})
# What locks, warns and lets water through: whatever makes it do so does the same.
GRAVE_DOMAINS = frozenset({"alarm_control_panel", "lock", "siren", "valve", "water_heater"})
# These can only shine, blow, play, clean and moisten, whatever stands beside them.
HARMLESS_DOMAINS = frozenset({"fan", "humidifier", "light", "media_player", "vacuum"})
# What does something when it is switched, pressed, chosen or run.
ACTING = frozenset({"button", "input_button", "scene", "script", "select", "switch"})
_LOCK = "its name says that it is a lock, an alarm, a valve or something as grave"
_GATE = "its name says that it is a gate or a garage"
_DOOR = "its name says that it opens a door, a gate or a garage"
_UNREAD = "its name has letters that are not understood, so that it may be a door, a lock or a gate"
_NO_ROOM = "its name says that it heats or cools something other than rooms"


def danger_of(entity_id: str, entity: KnownEntity | None) -> str:
    """Return why an entity must not be acted on; empty if it may be.

    What it is called counts as well as what it says it is: a garage door behind a bare relay has no device
    class, and its name is all that tells.

    Examples
    --------
    >>> danger_of("cover.garage", None)
    'its name says that it is a gate or a garage'
    >>> danger_of("switch.front_door_light", None)
    ''
    """
    named = _words_of(entity_id, entity)
    match domain_of(entity_id):
        case "cover":
            return _danger_of_cover(named, entity)
        case "climate":
            return _NO_ROOM * says_no_room(named)
        case "number" | "input_number" if entity and measures_temperature(entity) and says_no_room(named):
            return _NO_ROOM
        case domain if domain in HARMLESS_DOMAINS:
            # A relay may be shown as a light: only its name tells what hangs on it.
            return _LOCK * (says_lock(named) and not says_light(named))
    if domain_of(entity_id) == "switch" and entity and not is_readable(entity.name):
        return _UNREAD
    return _danger_of_name(named)


def grave_companion(entity: KnownEntity, entities: Mapping[str, KnownEntity]) -> str:
    """Return the lock, siren, valve or garage door on the same device as a relay; empty if there is none."""
    domain = domain_of(entity.entity_id)
    if domain in HARMLESS_DOMAINS | {"climate"} or entity.device_class in SHADING:
        return ""
    return next((each for each in sorted(entity.companions) if is_grave(each, entities.get(each))), "")


def is_grave(entity_id: str, entity: KnownEntity | None) -> bool:
    """Return whether an entity is, by its kind, a lock, an alarm, a valve or an entrance."""
    if domain_of(entity_id) in GRAVE_DOMAINS:
        # Plugs and thermostats have one against children's hands, which keeps nobody out.
        return "child_lock" not in entity_id
    if domain_of(entity_id) != "cover":
        return False
    if entity and entity.device_class:
        return entity.device_class in ENTRANCES
    named = _words_of(entity_id, entity)
    return says_gate(named) or says_grave(named) or says_door(named)


def is_grave_to_act_on(entity_id: str, entity: KnownEntity | None) -> bool:
    """Return whether any automation's action on an entity would be grave, by its kind and its name."""
    named = domain_of(entity_id) in ACTING and _danger_of_name(_words_of(entity_id, entity))
    return bool(named) or is_grave(entity_id, entity)


def is_dangerous_choice(entity_id: str, option: str) -> bool:
    """Return whether a chosen option stands for locking, arming, heating or letting through.

    A helper of a person's own does nothing by itself, so its options need not be understood.

    Examples
    --------
    >>> [is_dangerous_choice("input_select.mode", option) for option in ("Disarmed", "Relax")]
    [True, False]
    """
    is_device = domain_of(entity_id) == "select"
    return says_grave(words(option)) or (is_device and not is_readable(option))


def measures_temperature(entity: KnownEntity) -> bool:
    """Return whether a number is a temperature, by its device class or its unit."""
    return entity.device_class == "temperature" or entity.unit in ROOM_TEMPERATURES


def _danger_of_cover(named: Words, entity: KnownEntity | None) -> str:
    device_class = entity.device_class if entity else ""
    if device_class and device_class not in SHADING:
        return f"it is a {device_class}, and only what shades may be moved"
    if says_gate(named):
        return _GATE
    if says_grave(named) or says_lock(named):
        return _LOCK
    # A blind in front of a door says that it is a blind.
    if not device_class and says_door(named):
        return "its name says that it is a door"
    if entity and not device_class and not says_shading(named):
        return "nothing says that it shades: where it does, give it a device class such as shutter"
    return ""


def _danger_of_name(named: Words) -> str:
    if says_grave(named):
        return _LOCK
    return _DOOR * (not says_light(named) and (says_door(named) or says_gate(named)))


def _words_of(entity_id: str, entity: KnownEntity | None) -> Words:
    return words(entity_id.partition(".")[2]) | words(entity.name if entity else "")
