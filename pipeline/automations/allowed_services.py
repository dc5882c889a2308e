"""Closed list of the services that may be suggested, each with its parameters and their ranges."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.automations import Parameter


class Parameters(NamedTuple):
    """Required and optional parameters of a service."""

    needs: frozenset[Parameter] = frozenset()
    may: frozenset[Parameter] = frozenset()


class Range(NamedTuple):
    """The lowest and the highest value that may be set, both included."""

    lowest: float
    highest: float


def _needs(parameter: Parameter, *may: Parameter) -> Parameters:
    return Parameters(frozenset({parameter}), frozenset(may))


def _may(*parameters: Parameter) -> Parameters:
    return Parameters(may=frozenset(parameters))


_BARE = Parameters()

# Nothing toggles: the direction is the one that was observed. Nothing presses, sends, runs or installs.
SERVICES: Mapping[str, Parameters] = {
    "climate.set_hvac_mode": _needs("hvac_mode"),
    "climate.set_preset_mode": _needs("preset_mode"),
    "climate.set_temperature": _needs("temperature", "hvac_mode"),
    "climate.turn_off": _BARE,
    "climate.turn_on": _BARE,
    "cover.close_cover": _BARE,
    "cover.open_cover": _BARE,
    "cover.set_cover_position": _needs("position"),
    "fan.set_percentage": _needs("percentage"),
    "fan.set_preset_mode": _needs("preset_mode"),
    "fan.turn_off": _BARE,
    "fan.turn_on": _may("percentage", "preset_mode"),
    "humidifier.turn_off": _BARE,
    "humidifier.turn_on": _BARE,
    "input_boolean.turn_off": _BARE,
    "input_boolean.turn_on": _BARE,
    "input_number.set_value": _needs("value"),
    "input_select.select_option": _needs("option"),
    "light.turn_off": _BARE,
    "light.turn_on": _may("brightness"),
    "media_player.media_pause": _BARE,
    "media_player.media_play": _BARE,
    "media_player.media_stop": _BARE,
    "media_player.select_source": _needs("source"),
    "media_player.turn_off": _BARE,
    "media_player.turn_on": _BARE,
    "media_player.volume_set": _needs("volume_level"),
    "number.set_value": _needs("value"),
    "scene.turn_on": _BARE,
    "select.select_option": _needs("option"),
    "switch.turn_off": _BARE,
    "switch.turn_on": _BARE,
    "vacuum.pause": _BARE,
    "vacuum.return_to_base": _BARE,
    "vacuum.start": _BARE,
    "vacuum.stop": _BARE,
}

CELSIUS = "°C"
# What rooms may be heated or cooled to, by the unit of what sets it.
ROOM_TEMPERATURES: Mapping[str, Range] = {
    CELSIUS: Range(5, 30),
    "°F": Range(41, 86),
    "K": Range(278.15, 303.15),
}
# A value's own limits in the entity stand beside: it has to keep to both.
RANGES: Mapping[Parameter, Range] = {
    "brightness": Range(1, 255),
    "percentage": Range(0, 100),
    "position": Range(0, 100),
    "temperature": ROOM_TEMPERATURES[CELSIUS],
    "volume_level": Range(0, 0.6),
}
LIMITS: Mapping[Parameter, tuple[str, str]] = {
    "temperature": ("min_temp", "max_temp"),
    "value": ("min", "max"),
}
# Which attribute of the entity lists what may be chosen.
CHOICES: Mapping[Parameter, str] = {
    "hvac_mode": "hvac_modes",
    "option": "options",
    "preset_mode": "preset_modes",
    "source": "source_list",
}


def domain_of(name: str) -> str:
    """Return the domain of an entity or a service: the part before the dot."""
    return name.partition(".")[0]
