"""Presses of buttons in Home Assistant: by a person, of a button of ours, beside the words that would run.

Whoever may publish discovery messages can have Home Assistant give our unique ids to entities of their own,
and whoever may publish our states can have it show other words: neither may pass for our button.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from pipeline.discovery.suggestion import NAMES, button_of, device_name, device_of, suggestion_state, words_of
from schemas.commands import Press
from schemas.discovered import DiscoveredEntity
from schemas.instants import from_us, to_us
from schemas.suggestions import Suggestion

LARGEST_BYTES = 1_024
VALIDITY_US = 120_000_000
# What a person goes by; status and figures may have moved on while they read.
WORDS = ("description", "proof", "conflicts", "yaml")
# Words that came with the press, or after it, are not what was read.
SHOWN_FOR_US = 1_000_000
NOT_OURS = "Home Assistant has given this button's unique id to something that is not ours: look at {}"


class PressError(Exception):
    """A press that does not count; says what was expected and what came.

    `code` is the short name under which it is counted. `may_come` says that the button's state may still
    change to one that counts.
    """

    def __init__(self, code: str, text: str, *, may_come: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.may_come = may_come


class Pressed(NamedTuple):
    """A press that Home Assistant confirms: by which user, what makes it count once, and when it was."""

    user_id: str
    nonce: str
    at_us: int


def read_press(payload: bytes) -> Press:
    """Return what a button published, or anybody in its name.

    Raises
    ------
    PressError
        It is something else.
    """
    if len(payload) > LARGEST_BYTES:
        raise PressError("oversize", f"expected at most {LARGEST_BYTES} bytes, got {len(payload)}")
    try:
        return Press.read(payload, strict=True)
    except ValidationError as error:
        raise PressError("malformed", "expected what a button publishes, got something else") from error


def confirmed(button: str, state: Mapping[str, Any] | None, now_us: int) -> Pressed:
    """Return who pressed a button, if a person did so in the last two minutes.

    A button's state is the moment of its last press. The context of a person's press names the user and no
    parent; that of an automation's, a device's or a restart's does not.

    Parameters
    ----------
    button
        Its unique id.
    state
        Its state object, None where it has none.
    now_us
        UTC microseconds.

    Raises
    ------
    PressError
        Nobody has pressed it, or not now, or no person, or it was altered since.
    """
    at_us = _moment(state)
    if state is None or at_us is None:
        raise PressError("not_pressed", "Home Assistant knows of no press of this button", may_come=True)
    if abs(now_us - at_us) > VALIDITY_US:
        raise PressError(
            "not_pressed", "Home Assistant knows of no press in the last two minutes", may_come=True
        )
    context = state.get("context")
    user_id, parent_id = (
        (context.get("user_id"), context.get("parent_id")) if isinstance(context, Mapping) else (None, None)
    )
    if not isinstance(user_id, str) or not user_id or parent_id is not None:
        raise PressError("no_person", "Home Assistant says that no person pressed this button")
    # Who renames what was pressed, so that it looks like ours when it is looked at, is told by this.
    if state.get("last_updated") != state.get("last_changed"):
        raise PressError("altered", "this button was altered after the press: look at it, then press again")
    return Pressed(user_id, f"press:{button}:{from_us(at_us).isoformat()}", at_us)


def _moment(state: Mapping[str, Any] | None) -> int | None:
    """When a button was pressed last, by its state; None where that is no moment with an offset."""
    text = state.get("state") if state else None
    try:
        return to_us(datetime.fromisoformat(text)) if isinstance(text, str) else None
    except (TypeError, ValueError):
        return None


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
