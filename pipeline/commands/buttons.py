"""Tells which button in Home Assistant is ours, and whether what is shown beside it is what would run.

Whoever may publish discovery messages can have Home Assistant give our unique ids to entities of their own,
and whoever may publish our states can have it show other words: neither may pass for our button.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pipeline.commands.presses import Pressed, PressError
from pipeline.discovery.identity import button_of, device_of, words_of
from pipeline.discovery.suggestion import NAMES, device_name, suggestion_state
from schemas.commands import Press
from schemas.discovered import DiscoveredEntity
from schemas.instants import to_us
from schemas.suggestions import Suggestion

# What a person goes by; status and figures may have moved on while they read.
WORDS = ("description", "proof", "conflicts", "yaml")
# Words that came with the press, or after it, are not what was read.
SHOWN_FOR_US = 1_000_000
NOT_OURS = "Home Assistant has given this button's unique id to something that is not ours: look at {}"


def own_button(press: Press, suggestion: Suggestion, found: Iterable[DiscoveredEntity]) -> str:
    """Return the entity of the button that publishes this, if it looks as ours does.

    Raises
    ------
    PressError
        There is none, or what has its unique id bears another name or stands for another device.
    """
    button = _of_domain("button", button_of(press), found)
    if button is None:
        raise PressError("no_button", "Home Assistant has no such button")
    name, _ = NAMES[press.verb]
    if button.name != name or not _is_on_device(button, suggestion):
        raise PressError("not_ours", NOT_OURS.format(button.entity_id))
    return button.entity_id


def own_words(suggestion: Suggestion, found: Iterable[DiscoveredEntity]) -> str:
    """Return the entity that shows what is proposed.

    Raises
    ------
    PressError
        There is none, or what has its unique id stands for another device.
    """
    words = _of_domain("sensor", words_of(suggestion), found)
    if words is None:
        raise PressError("not_shown", "Home Assistant does not show what this button is for")
    if not _is_on_device(words, suggestion):
        raise PressError("not_ours", NOT_OURS.format(words.entity_id))
    return words.entity_id


def require_shown(suggestion: Suggestion, state: Mapping[str, Any] | None, pressed: Pressed) -> None:
    """Require that a person could read what would run before they pressed.

    Parameters
    ----------
    suggestion
        What would run.
    state
        The state object of its words, None where it has none.
    pressed
        The press.

    Raises
    ------
    PressError
        Something else was shown, or only a moment before.
    """
    said = json.loads(suggestion_state(suggestion))
    attributes = (state or {}).get("attributes") or {}
    is_same = state is not None and state.get("state") == said["title"]
    if not is_same or any(attributes.get(name) != said["attributes"][name] for name in WORDS):
        raise PressError(
            "not_shown", "what was shown is not what would run: look at it again, then press again"
        )
    if _since_us(state or {}) > pressed.at_us - SHOWN_FOR_US:
        raise PressError(
            "just_shown", "what is shown changed in the moment of the press: look again, then press again"
        )


def _of_domain(domain: str, unique_id: str, found: Iterable[DiscoveredEntity]) -> DiscoveredEntity | None:
    """The one that there may be; what has this unique id in another domain is no matter of ours."""
    return next((each for each in found if (each.domain, each.unique_id) == (domain, unique_id)), None)


def _is_on_device(entity: DiscoveredEntity, suggestion: Suggestion) -> bool:
    return device_of(suggestion) in entity.device_ids and entity.device_name == device_name(suggestion)


def _since_us(state: Mapping[str, Any]) -> int:
    """Since when a state has said what it says, its attributes included."""
    try:
        return to_us(datetime.fromisoformat(str(state.get("last_updated"))))
    except ValueError as error:
        raise PressError("not_shown", "Home Assistant does not say since when it is shown") from error
