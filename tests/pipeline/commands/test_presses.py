from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.commands.presses import LARGEST_BYTES, PressError, confirmed, read_press
from schemas.commands import Press
from schemas.instants import to_us

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
BUTTON = "haai_0123456789abcdef_abababab_approve"
ANNA = {"id": "01", "parent_id": None, "user_id": "anna"}


def state(at: datetime | str = NOW, context: Any = ANNA) -> dict[str, Any]:
    """A button's state object."""
    text = at if isinstance(at, str) else at.isoformat()
    return {"entity_id": "button.approve", "state": text, "context": context}


def why_not(found: dict[str, Any] | None) -> tuple[str, bool]:
    """Why a state tells of no press, and whether one may still come."""
    with pytest.raises(PressError) as caught:
        confirmed(BUTTON, found, to_us(NOW))
    return caught.value.code, caught.value.may_come


@pytest.mark.parametrize("seconds", [-120, -1, 0, 120])
def test_a_person_who_pressed_just_now_counts(seconds: int) -> None:
    """Within two minutes, by Home Assistant's clock or ours."""
    pressed = confirmed(BUTTON, state(NOW + timedelta(seconds=seconds)), to_us(NOW))
    assert pressed.user_id == "anna"


@pytest.mark.parametrize(
    "at", ["unknown", "unavailable", "", "on", "2026-11-20T06:00:00", NOW.replace(year=1), "9" * 400]
)
def test_a_state_without_a_moment_tells_of_no_press(at: datetime | str) -> None:
    """A button that was never pressed has no moment."""
    assert why_not(state(at)) == ("not_pressed", True)


@pytest.mark.parametrize("seconds", [-121, 121])
def test_a_press_of_another_time_does_not_count(seconds: int) -> None:
    """Longer ago, or further ahead, than two minutes."""
    assert why_not(state(NOW + timedelta(seconds=seconds))) == ("not_pressed", True)


@pytest.mark.parametrize(
    "context",
    [
        None,
        {},
        "anna",
        {"id": "01", "parent_id": None, "user_id": None},
        {"id": "01", "parent_id": None, "user_id": ""},
        {"id": "01", "parent_id": None, "user_id": 1},
        {"id": "01", "parent_id": "00", "user_id": None},
        {"id": "01", "parent_id": "00", "user_id": "anna"},
    ],
)
def test_what_no_person_did_does_not_count(context: Any) -> None:
    """An automation's press has a parent or no user, a device's and a restart's no user."""
    assert why_not(state(context=context)) == ("no_person", False)


def test_a_missing_state_may_still_come() -> None:
    """An entity may be registered before it has a state."""
    assert why_not(None) == ("not_pressed", True)


def test_one_press_has_one_nonce() -> None:
    """However its moment is written, a press is the same; another moment or button is another press."""
    later = NOW + timedelta(microseconds=1)
    nonces = [
        confirmed(BUTTON, state(NOW), to_us(NOW)).nonce,
        confirmed(BUTTON, state("2026-11-20T07:00:00.000+01:00"), to_us(NOW)).nonce,
        confirmed(BUTTON, state(later), to_us(NOW)).nonce,
        confirmed("another", state(NOW), to_us(NOW)).nonce,
    ]
    assert nonces[0] == nonces[1]
    assert len(set(nonces)) == 3


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "malformed"),
        (b"PRESS", "malformed"),
        (b"\xff", "malformed"),
        (b"[" * LARGEST_BYTES, "malformed"),
        (b'{"suggestion_id": "0123456789abcdef"}', "malformed"),
        (b" " * (LARGEST_BYTES + 1), "oversize"),
    ],
)
def test_anything_else_is_no_press(payload: bytes, code: str) -> None:
    """What no button publishes is refused, and what is too large is not read."""
    with pytest.raises(PressError) as caught:
        read_press(payload)
    assert caught.value.code == code


def test_what_a_button_publishes_is_read() -> None:
    """A button's own message names suggestion, verb and content."""
    press = Press(suggestion_id="0123456789abcdef", verb="undo", content_hash="ab" * 32)
    assert read_press(press.model_dump_json().encode()) == press
