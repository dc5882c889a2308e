"""What must not be acted on whatever the service: doors, locks, alarms, water, fire, by kind and name."""

import re
import unicodedata

from pipeline.suggesting.allowed_services import domain_of
from schemas.catalogue import KnownEntity

# Covers that shade; a window that opens, a damper and whatever is named in future are not among them.
SHADING = frozenset({"awning", "blind", "curtain", "shade", "shutter"})
# These can only shine, blow, play, clean and moisten, whatever stands beside them.
HARMLESS_DOMAINS = frozenset({"fan", "humidifier", "light", "media_player", "vacuum"})
_LIGHTS = frozenset("light lights lighting lamp lamps licht lampe lumiere luz luce lampa".split())
_GATES = frozenset(
    "gate gates carport tor hoftor einfahrtstor poort portail portillon cancello cancela porton portone "
    "brama grind".split()
)
_DOORS = frozenset(
    "door doors frontdoor backdoor opener tur tuer haustur haustuer deur voordeur porte puerta "
    "porta port dorr drzwi dvere".split()
)
_PERILS = frozenset(
    "lock locks latch bolt strike doorlock smartlock childlock buzzer intercom slot serrure cerradura "
    "serratura las zamek arm armed disarm burglar security valve valves ventil vanne valvula valvola kraan "
    "zawor faucet tap watering hydrant gas boiler geyser immersion warmwasser warmwater dhw restart reboot "
    "shutdown reset hotwater waterheater oven stove hob cooktop fryer grill iron".split()
)
_STEMS = ("unlock", "deadbolt", "alarm", "siren", "schloss", "sprinkler", "irrigation", "bewasserung")
_NOT_ROOMS = frozenset(
    "water pool spa tub hottub sauna oven kiln freezer fridge refrigerator boiler geyser aquarium".split()
)
_PAIRS = ({"water", "heater"}, {"hot", "water"}, {"water", "main"}, {"factory", "default"})


def peril(entity_id: str, entity: KnownEntity | None) -> str:
    """Say what makes an entity one that must not be acted on; nothing if it may be.

    What it is called counts as well as what it says it is: a garage door behind a bare relay has no device
    class, and its name is all that tells.

    Examples
    --------
    >>> peril("cover.garage", None)
    'its name says that it is a gate or a garage'
    >>> peril("switch.front_door_light", None)
    ''
    """
    words = _words(entity_id.partition(".")[2]) | _words(entity.name if entity else "")
    match domain_of(entity_id):
        case "cover":
            return _peril_of_cover(words, entity.device_class if entity else "")
        case "climate":
            return "its name says that it heats or cools something other than rooms" * bool(
                words & _NOT_ROOMS
            )
        case domain if domain in HARMLESS_DOMAINS:
            return ""
    if _is_perilous(words):
        return "its name says that it is a lock, an alarm, a valve or something as grave"
    if not words & _LIGHTS and (words & _DOORS or _is_gate(words)):
        return "its name says that it opens a door, a gate or a garage"
    return ""


def _peril_of_cover(words: frozenset[str], device_class: str) -> str:
    if device_class and device_class not in SHADING:
        return f"it is a {device_class}, and only what shades may be moved"
    if _is_gate(words):
        return "its name says that it is a gate or a garage"
    if _is_perilous(words):
        return "its name says that it is a lock, an alarm, a valve or something as grave"
    # A blind in front of a door says that it is a blind.
    return "its name says that it is a door" * bool(not device_class and words & _DOORS)


def _is_gate(words: frozenset[str]) -> bool:
    return bool(words & _GATES) or any("garage" in word for word in words)


def _is_perilous(words: frozenset[str]) -> bool:
    stem = any(stem in word for word in words for stem in _STEMS)
    return stem or bool(words & _PERILS) or any(pair <= words for pair in _PAIRS)


def _words(name: str) -> frozenset[str]:
    """The words of a name in small letters without accents."""
    plain = unicodedata.normalize("NFKD", name[:1000].casefold())
    return frozenset(re.findall("[a-z]+", "".join(c for c in plain if not unicodedata.combining(c))))
