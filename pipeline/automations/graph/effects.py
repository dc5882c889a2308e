"""Effects of service calls on entities."""

from collections.abc import Iterator, Sequence

from pipeline.automations.graph.parts import Effect
from pipeline.automations.parser import Action, Call, Part
from pipeline.automations.parser.tree import Fields
from pipeline.automations.parser.values import entity_ids, number, texts
from pipeline.automations.service_map import NAMED, SERVICES

SWITCHES = {"turn_on": "on", "turn_off": "off"}
COVERS = {"turn_on": "open", "turn_off": "closed", "open": "open", "close": "closed"}
# What others' automations may do and ours never: by domain the state that comes of each service.
OTHERS = {
    "lock": {"lock": "locked", "unlock": "unlocked", "open": "open"},
    "button": {"press": "activated"},
    "input_button": {"press": "activated"},
    "valve": {"open_valve": "open", "close_valve": "closed"},
    "lawn_mower": {"start_mowing": "mowing", "dock": "docked"},
    "alarm_control_panel": {
        "alarm_arm_away": "armed_away",
        "alarm_arm_home": "armed_home",
        "alarm_arm_night": "armed_night",
        "alarm_arm_vacation": "armed_vacation",
        "alarm_arm_custom_bypass": "armed_custom_bypass",
        "alarm_trigger": "triggered",
        "alarm_disarm": "disarmed",
    },
}
RESULTS = {
    domain: {service: state for state, service in reversed(list(services.items()))}
    for domain, services in SERVICES.items()
} | OTHERS
SETTINGS = ("temperature", "humidity", "volume_level", "preset_mode", "source")
# A position or a speed of nothing is off, any other is on.
AMOUNTS = {"set_cover_position": "position", "set_valve_position": "position", "set_percentage": "percentage"}
TOGGLES = frozenset({"toggle", "media_play_pause"})


def effects(part: Part, after_seconds: float) -> Iterator[Effect]:
    """Yield the effects of a call, a device action or a scene, as far as its configuration tells them."""
    match part:
        case Call(service):
            verb = service.rpartition(".")[2]
            yield from _called(verb, part.targets.entity_ids, part.data, after_seconds)
        case Action("device"):
            verb = str(part.fields.get("type")).rpartition(".")[2]
            yield from _called(verb, entity_ids(part.fields.get("entity_id")), {}, after_seconds)
        case Action("scene"):
            for entity_id in entity_ids(part.fields["scene"]):
                yield Effect(entity_id, "activated", "state", after_seconds)


def _called(verb: str, entity_ids: Sequence[str], data: Fields, after_seconds: float) -> Iterator[Effect]:
    for entity_id in entity_ids:
        for aspect, value in _results(entity_id, verb, data):
            yield Effect(entity_id, value, aspect, after_seconds)


def _results(entity_id: str, verb: str, data: Fields) -> Iterator[tuple[str, str | float | None]]:
    domain = entity_id.partition(".")[0]
    if verb in TOGGLES or verb.startswith("toggle_"):
        yield "state", None
    elif state := _state(domain, verb, data):
        yield "state", state
    elif verb == "set_value" and (value := number(data.get("value"))) is not None:
        yield "state", value
    for setting in SETTINGS:
        for written in texts(data.get(setting)):
            found = number(written)
            yield setting, written if found is None else found


def _state(domain: str, verb: str, data: Fields) -> str | None:
    """Return the state that a service brings an entity of a domain to; None if that is not known."""
    if domain in NAMED and verb != "turn_off":
        return next(iter(texts(data.get(NAMED[domain][1]))), None)
    if verb in AMOUNTS:
        amount = number(data.get(AMOUNTS[verb]))
        nothing, some = ("off", "on") if domain == "fan" else ("closed", "open")
        return None if amount is None else some if amount > 0 else nothing
    switches = COVERS if domain == "cover" else SWITCHES
    return RESULTS.get(domain, {}).get(verb) or switches.get(verb)
