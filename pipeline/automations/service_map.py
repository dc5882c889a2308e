"""Table of the services that bring an entity to a state; proposals are made from it alone."""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import ValidationError

from schemas.automations import Action

SWITCHED = MappingProxyType({"on": "turn_on", "off": "turn_off"})
SERVICES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "light": SWITCHED,
        "switch": SWITCHED,
        "fan": SWITCHED,
        "humidifier": SWITCHED,
        "input_boolean": SWITCHED,
        "media_player": {**SWITCHED, "playing": "media_play", "paused": "media_pause", "idle": "media_stop"},
        "cover": {"open": "open_cover", "closed": "close_cover"},
        "scene": {"activated": "turn_on"},
        "vacuum": {"cleaning": "start", "docked": "return_to_base", "returning": "return_to_base"},
    }
)
"""By domain the service of each state that one brings about."""

NAMED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "climate": ("set_hvac_mode", "hvac_mode"),
        "select": ("select_option", "option"),
        "input_select": ("select_option", "option"),
    }
)
"""By domain the service that takes the state itself, and under which name."""

POSITIONED = "cover.set_cover_position"
HEATED = "climate.set_temperature"
"""What is called instead where a usual value goes with the state."""


def action_for(entity_id: str, state: str) -> Action | None:
    """Return the action that brings an entity to a state; None if no service does.

    Examples
    --------
    >>> action_for("light.hall", "on").service, action_for("climate.bath", "heat").data
    ('light.turn_on', {'hvac_mode': 'heat'})
    >>> action_for("person.ann", "home"), action_for("lock.front_door", "unlocked")
    (None, None)
    """
    domain = entity_id.partition(".")[0]
    try:
        if domain in NAMED:
            service, name = NAMED[domain]
            return Action.model_validate(
                {"service": f"{domain}.{service}", "entity_id": entity_id, "data": {name: state}}
            )
        service = SERVICES.get(domain, {}).get(state, "")
        return Action(service=f"{domain}.{service}", entity_id=entity_id) if service else None
    except ValidationError:
        # A state that reads like a template is nothing that we would hand to Home Assistant.
        return None


def lasts(action: Action) -> bool:
    """Return whether an entity stays in the state that an action brings about; False for scenes.

    Examples
    --------
    >>> lasts(Action(service="scene.turn_on", entity_id="scene.film"))
    False
    """
    return action.service != "scene.turn_on"


def state_after(action: Action) -> str | None:
    """Return the state that an action brings its entity to; None if it is not known.

    Examples
    --------
    >>> state_after(Action(service="cover.close_cover", entity_id="cover.bedroom"))
    'closed'
    """
    domain, _, service = action.service.partition(".")
    if domain in NAMED:
        named = dict[str, float | str](action.data.items()).get(NAMED[domain][1])
        return named if isinstance(named, str) else None
    if action.service == POSITIONED:
        return "closed" if action.data.get("position") == 0 else "open"
    return next((state for state, known in SERVICES.get(domain, {}).items() if known == service), None)
