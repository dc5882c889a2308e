"""The entities of the household: where they stand and what Home Assistant says of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.simulation.truth import Stretch

ROOMS = (
    "hall",
    "stairs",
    "kitchen",
    "pantry",
    "living_room",
    "bedroom",
    "bathroom",
    "office",
    "garage",
    "garden",
)
VISITED_ROOMS = tuple(room for room in ROOMS if room not in {"stairs", "pantry", "garden"})
MOTION_ROOMS = (*VISITED_ROOMS, "stairs")
CEILING_ROOMS = tuple(room for room in VISITED_ROOMS if room != "garage")

# Idle and active state, and Home Assistant's supported_features, by domain.
_DOMAINS: dict[str, tuple[str, str, int | None]] = {
    "light": ("off", "on", 40),
    "switch": ("off", "on", None),
    "fan": ("off", "on", 49),
    "cover": ("closed", "open", 15),
    "media_player": ("idle", "playing", 152461),
    "binary_sensor": ("off", "on", None),
}
_SERVICES = {
    "open": "open_cover",
    "closed": "close_cover",
    "playing": "media_play",
    "idle": "media_stop",
    "on": "turn_on",
    "off": "turn_off",
}


@dataclass(frozen=True, slots=True)
class Device:
    """One entity.

    Parameters
    ----------
    idle, active
        Its state at rest and in use; the initial reading of a sensor is `idle`.
    fixed
        Attributes that it always has.
    minutes, sigma
        How long people leave it active: median and width of a log-normal distribution; 0 where nobody
        switches it back.
    stretch, stretch_minutes
        When they leave it active for another time, and that time's median.
    uses_per_day
        How often people use it for no reason that could be learned.
    local
        True for what lives in Home Assistant itself and is not unavailable after a restart.
    """

    entity_id: str
    room: str
    idle: str
    active: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    minutes: float = 0.0
    sigma: float = 0.25
    stretch: Stretch | None = None
    stretch_minutes: float = 0.0
    uses_per_day: float = 0.0
    local: bool = False

    def attributes(self, state: str, **live: object) -> dict[str, Any]:
        """Return the attributes that Home Assistant shows with a state, `live` ones replacing the usual."""
        return {**_varying(self.entity_id, state), **self.fixed, **live}

    def service(self, state: str) -> tuple[str, str]:
        """Return domain and service that bring the entity into a state."""
        return self.entity_id.split(".")[0], _SERVICES[state]


def _varying(entity_id: str, state: str) -> dict[str, Any]:
    """Return the attributes that depend on the state."""
    match entity_id.partition(".")[0], state:
        case "light", "on":
            return {"supported_color_modes": ["brightness"], "color_mode": "brightness", "brightness": 204}
        case "light", _:
            return {"supported_color_modes": ["brightness"], "color_mode": None, "brightness": None}
        case "cover", _:
            return {"current_position": 100 if state == "open" else 0}
        case "fan", _:
            return {"percentage": 66 if state == "on" else 0, "percentage_step": 33.333, "preset_mode": None}
        case "media_player", "playing":
            return {"volume_level": 0.3, "is_volume_muted": False, "media_content_type": "music"}
    return {}


def device(
    entity_id: str,
    room: str,
    *,
    minutes: float = 0.0,
    sigma: float = 0.25,
    stretch: tuple[Stretch, float] | None = None,
    uses_per_day: float = 0.0,
    **attributes: object,
) -> Device:
    """Describe an entity with the attributes of its domain."""
    domain, name = entity_id.split(".")
    idle, active, features = _DOMAINS[domain]
    fixed: dict[str, Any] = {**attributes, "friendly_name": name.replace("_", " ").capitalize()}
    if features is not None:
        fixed["supported_features"] = features
    when, other_minutes = stretch or (None, 0.0)
    return Device(
        entity_id,
        room,
        idle,
        active,
        fixed,
        minutes=minutes,
        sigma=sigma,
        stretch=when,
        stretch_minutes=other_minutes,
        uses_per_day=uses_per_day,
    )


def sensor(entity_id: str, room: str, device_class: str, unit: str, reading: str) -> Device:
    """Describe a numeric sensor."""
    fixed = {
        "state_class": "measurement",
        "unit_of_measurement": unit,
        "device_class": device_class,
        "friendly_name": entity_id.split(".")[1].replace("_", " ").capitalize(),
    }
    return Device(entity_id, room, reading, reading, fixed)


def followers() -> list[Device]:
    """Return what shows where people are and how they light their way."""
    motion = [device(f"binary_sensor.{room}_motion", room, device_class="motion") for room in MOTION_ROOMS]
    ceilings = [device(f"light.{room}_ceiling", room) for room in CEILING_ROOMS]
    return [
        *motion,
        *ceilings,
        device("binary_sensor.front_door", "hall", device_class="door", uses_per_day=2.5),
    ]


def numeric_sensors() -> list[Device]:
    """Return what is measured at intervals."""
    rooms = [
        sensor(f"sensor.{room}_temperature", room, "temperature", "°C", "20.5") for room in VISITED_ROOMS
    ]
    return [
        *rooms,
        sensor("sensor.outdoor_temperature", "garden", "temperature", "°C", "11.0"),
        sensor("sensor.outdoor_illuminance", "garden", "illuminance", "lx", "0"),
        sensor("sensor.living_room_illuminance", "living_room", "illuminance", "lx", "0"),
        sensor("sensor.bathroom_humidity", "bathroom", "humidity", "%", "52"),
        sensor("sensor.fridge_temperature", "kitchen", "temperature", "°C", "4.0"),
    ]


def controls() -> list[Device]:
    """Return what people use at random; of what has no typical length, `sigma` is 1."""
    return [
        device("switch.kettle", "kitchen", minutes=4, sigma=0.15, uses_per_day=2.5),
        device("light.kitchen_counter", "kitchen", minutes=25, sigma=0.5, uses_per_day=1.6),
        device("light.floor_lamp", "living_room", minutes=35, stretch=("evening", 110), uses_per_day=1.2),
        device("media_player.office_speaker", "office", minutes=40, sigma=1.0, uses_per_day=0.9),
        device("switch.washing_machine", "bathroom", minutes=75, sigma=0.06, uses_per_day=0.6),
        device("switch.vacuum", "living_room", minutes=20, uses_per_day=0.4),
        device("fan.bedroom", "bedroom", minutes=60, sigma=1.0, uses_per_day=0.6),
        device("cover.awning", "garden", minutes=90, sigma=1.0, uses_per_day=0.4, device_class="awning"),
    ]
