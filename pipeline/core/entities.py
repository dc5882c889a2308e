"""The entities that are known: what they are to learning, and which to forget when there are too many."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from math import isfinite, nan

from schemas.events import Attribute, StateChange
from schemas.home import Home

# Their states say what the world or Home Assistant does, not what anybody does.
SILENT_DOMAINS = frozenset(
    "automation script sun weather zone update conversation persistent_notification tts stt wake_word "
    "calendar backup image camera todo geo_location air_quality date datetime time text input_text "
    "input_datetime".split()
)
# Their state is the time of the last press or activation.
INSTANT_DOMAINS = frozenset("button input_button scene event".split())
MEASURING_DOMAINS = frozenset("sensor number input_number counter".split())
ACTIVATED = "activated"
NUMBER_LIMIT = 1e12
# The device classes of Home Assistant that are kept in steps, and the units that belong to one alone.
CLASSES = frozenset({"temperature", "illuminance", "humidity"})
UNITS = {"°C": "temperature", "°F": "temperature", "lx": "illuminance"}
# Units that say nothing of what is measured: they are a battery's as well.
AMBIGUOUS = frozenset({"", "%"})
NAMED = re.compile(r"(temperature)|(illuminance|lux)|(humidity)", re.IGNORECASE)


class Kind(Enum):
    """Kinds of entity, as learning sees them."""

    DISCRETE = "discrete"
    INSTANT = "instant"
    MEASURED = "measured"  # a number in every state that is one; a sensor may speak text too
    SILENT = "silent"


def number(text: str) -> float | None:
    """The number that a state is, None for text; NaN where nothing can be learned from it.

    Examples
    --------
    >>> number("21.5"), number("on"), number("1e999"), number("-0.0")
    (21.5, None, nan, 0.0)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    # Adding 0 makes -0 a 0: equal numbers must have equal bytes.
    return value + 0.0 if isfinite(value) and abs(value) <= NUMBER_LIMIT else nan


def kind_of(entity_id: str) -> Kind:
    """Return the kind of an entity: it follows from its domain alone, so no order of states can change it.

    Examples
    --------
    >>> kind_of("sensor.hall_temperature").value, kind_of("light.hall").value, kind_of("scene.film").value
    ('measured', 'discrete', 'instant')
    """
    domain = entity_id.partition(".")[0]
    if domain in SILENT_DOMAINS:
        return Kind.SILENT
    if domain in INSTANT_DOMAINS:
        return Kind.INSTANT
    return Kind.MEASURED if domain in MEASURING_DOMAINS else Kind.DISCRETE


def reading(kind: Kind, state: str) -> float | str | None:
    """Return what an entity's state says to learning: a number, a state, or nothing.

    Examples
    --------
    >>> reading(Kind.MEASURED, "21.5"), reading(Kind.MEASURED, "idle"), reading(Kind.MEASURED, "nan")
    (21.5, 'idle', None)
    >>> reading(Kind.INSTANT, "2026-11-20T06:00:00+00:00"), reading(Kind.SILENT, "rainy")
    ('activated', None)
    """
    if kind is Kind.MEASURED:
        value = number(state)
        if value is not None:
            return value if isfinite(value) else None
    if kind is Kind.SILENT:
        return None
    return ACTIVATED if kind is Kind.INSTANT else state


@dataclass(slots=True)
class Entity:
    """A known entity; a `measured` one has told a number."""

    kind: Kind
    last_ms: int
    measured: bool = False


class Entities:
    """Known entities, at most `cap`: the least recently seen leave first.

    Admitting one costs constant time on average: when the cap is passed, a twentieth leaves at once.
    """

    def __init__(self, cap: int = 5_000) -> None:
        if cap < 1:
            raise ValueError(f"expected a cap of at least 1 entity, got {cap}")
        self.cap = cap
        self._known: dict[str, Entity] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, entity_id: str) -> bool:
        return entity_id in self._known

    def get(self, entity_id: str) -> Entity | None:
        """The entity, if known."""
        return self._known.get(entity_id)

    def admit(self, change: StateChange, at_ms: int) -> tuple[Entity, list[str]]:
        """Make the entity of a change known; return it and the ids of those that had to leave."""
        left: list[str] = []
        if len(self._known) >= self.cap:
            by_age = sorted(self._known, key=lambda known: (self._known[known].last_ms, known))
            left = by_age[: max(1, self.cap // 20)]
            for leaver in left:
                del self._known[leaver]
        entity = self._known[change.entity_id] = Entity(kind_of(change.entity_id), at_ms)
        return entity, left

    def forget(self, entity_ids: Iterable[str]) -> None:
        """Know some no more."""
        for entity_id in entity_ids:
            self._known.pop(entity_id, None)

    def measured(self) -> list[str]:
        """Ids of the entities that told numbers, sorted."""
        return sorted(entity_id for entity_id, entity in self._known.items() if entity.measured)

    def restore(self, entity_id: str, at_ms: int) -> None:
        """Take up an entity that told numbers."""
        self._known[entity_id] = Entity(Kind.MEASURED, at_ms, measured=True)


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
