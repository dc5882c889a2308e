"""What is known of the state of things at midnight: what days before tell, and nothing that was not seen."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from schemas.events import Gap, StateChange

from .test_core import HOUR_US, local, switched


def initial(home: Any) -> dict[date, Mapping[str, str]]:
    """States at the start of every day that is judged."""
    return {day.date: dict(day.initial) for day in home.core.history().days}


def test_a_day_begins_as_the_day_before_ended(learned: Callable[..., Any]) -> None:
    """Also for what did not change since days."""
    home = learned()
    changes = [
        switched(local(3, 8), "light.hall", "on"),
        switched(local(3, 9), "cover.blind", "open"),
        switched(local(3, 22), "light.hall", "off"),
        switched(local(4, 8), "light.hall", "on"),
        switched(local(5, 8), "light.bed", "on"),
        switched(local(6, 1)),
    ]
    home.feed(changes, close_every=1)
    assert initial(home) == {
        date(2026, 11, 3): {},
        date(2026, 11, 4): {"light.hall": "off", "cover.blind": "open"},
        date(2026, 11, 5): {"light.hall": "on", "cover.blind": "open"},
    }
    days = home.core.history().days
    assert days[2].initial["light.hall"] == "on"
    assert days[1].initial["light.hall"] == "off"


def test_what_was_not_seen_is_not_known(learned: Callable[..., Any]) -> None:
    """After a gap only what was told since, after a missing day nothing."""
    home = learned()
    home.core.note_gap(Gap(local(3, 12), local(3, 13), "broker"))
    changes: list[StateChange] = [
        switched(local(3, 8), "light.hall", "on"),
        switched(local(3, 14), "light.bed", "on"),
        switched(local(4, 8), "light.hall", "off"),
        switched(local(6, 8), "light.hall", "on"),
        switched(local(7, 1)),
    ]
    home.feed(changes, close_every=1)
    assert initial(home) == {
        date(2026, 11, 3): {},
        date(2026, 11, 4): {"light.bed": "on"},
        date(2026, 11, 6): {},
    }


def test_a_late_event_changes_what_the_next_day_began_with(learned: Callable[..., Any]) -> None:
    """The states follow from the days as they are now."""
    home = learned()
    home.feed([switched(local(day, 8), "light.hall", "on") for day in (3, 4, 5)], close_every=1)
    home.feed([switched(local(3, 8) + HOUR_US, "light.hall", "off")])
    assert initial(home)[date(2026, 11, 4)] == {"light.hall": "off"}
