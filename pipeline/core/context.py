"""Context sensors: numeric entities that say how the world is, not what anybody does."""

import re
from collections.abc import Sequence

from schemas.events import Attribute
from schemas.home import Home

# The device classes of Home Assistant that are kept in steps, and the units that belong to one alone.
CLASSES = frozenset({"temperature", "illuminance", "humidity"})
UNITS = {"°C": "temperature", "°F": "temperature", "lx": "illuminance"}
# Units that say nothing of what is measured: they are a battery's as well.
AMBIGUOUS = frozenset({"", "%"})
NAMED = re.compile(r"(temperature)|(illuminance|lux)|(humidity)", re.IGNORECASE)


def measured(entity_id: str, home: Home, described: Sequence[Attribute] = ()) -> str:
    """Return what a context sensor measures; nothing where an entity is none.

    Home Assistant's registry is asked first, then what the entity says of itself, and its name only where
    neither tells device class or unit.

    Examples
    --------
    >>> measured("sensor.aussen", Home(device_classes={"sensor.aussen": "temperature"}))
    'temperature'
    >>> measured("sensor.aussen", Home(), (("unit_of_measurement", "lx"),))
    'illuminance'
    >>> measured("sensor.temperature_battery", Home(), (("device_class", "battery"),))
    ''
    >>> measured("sensor.hall_temperature", Home()), measured("sensor.power", Home())
    ('temperature', '')
    """
    told = dict(described)
    device_class = home.device_classes.get(entity_id) or str(told.get("device_class", ""))
    if device_class:
        return device_class if device_class in CLASSES else ""
    unit = home.units.get(entity_id) or str(told.get("unit_of_measurement", ""))
    if unit not in AMBIGUOUS:
        return UNITS.get(unit, "")
    found = NAMED.search(entity_id)
    return ("temperature", "illuminance", "humidity")[(found.lastindex or 1) - 1] if found else ""
