"""Presses of buttons in Home Assistant: which state of a button says that a person pressed it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from schemas.commands import Press
from schemas.instants import from_us, to_us

LARGEST_BYTES = 1_024
VALIDITY_US = 120_000_000


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
        return Press.model_validate_json(payload, strict=True)
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
