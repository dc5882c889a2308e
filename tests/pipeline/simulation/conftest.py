"""One generated household for all tests, and its state changes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from pipeline.simulation import Household

Payload = dict[str, Any]


@dataclass(frozen=True)
class Generated:
    """A household after its run.

    `changes` are what its state_changed events carry, each once; `behaviour` those that lead from one
    real state to another, `courses` when each entity came to which state.
    """

    household: Household
    messages: list[tuple[float, Payload]]
    changes: list[Payload]
    behaviour: list[Payload]
    courses: dict[str, list[tuple[float, str]]]

    def contexts_into(self, entity_id: str, state: str) -> list[dict[str, Any]]:
        """Return the contexts of an entity's changes into a state."""
        return [
            change["new_state"]["context"]
            for change in self.behaviour
            if change["entity_id"] == entity_id and change["new_state"]["state"] == state
        ]

    @staticmethod
    def moment(change: Payload) -> float:
        """Return when a change was, in epoch seconds."""
        return datetime.fromisoformat(change["new_state"]["last_updated"]).timestamp()


def generate(household: Household) -> Generated:
    """Run a household and sort out its changes."""
    messages = list(household.messages())
    seen: dict[tuple[str, str], Payload] = {}
    for _, payload in messages:
        if payload["event_type"] == "state_changed":
            change = payload["event_data"]
            seen.setdefault((change["entity_id"], change["new_state"]["last_updated"]), change)
    behaviour = [
        change
        for change in seen.values()
        if change["old_state"] is not None
        and change["old_state"]["state"] != change["new_state"]["state"]
        and "unavailable" not in {change["old_state"]["state"], change["new_state"]["state"]}
    ]
    courses: dict[str, list[tuple[float, str]]] = {}
    for change in seen.values():
        new = change["new_state"]
        at = datetime.fromisoformat(new["last_updated"]).timestamp()
        courses.setdefault(change["entity_id"], []).append((at, new["state"]))
    for course in courses.values():
        course.sort()
    return Generated(household, messages, list(seen.values()), behaviour, courses)


@pytest.fixture(scope="session")
def generated() -> Generated:
    """The default household, as the demo plays it."""
    return generate(Household())


@pytest.fixture(scope="session")
def punctual() -> Generated:
    """A household whose messages arrive at once and once."""
    return generate(Household(days=10, late_share=0, duplicate_share=0))


@pytest.fixture(scope="session")
def generate_of() -> Callable[..., Generated]:
    """Generate the household of these parameters."""
    return lambda **parameters: generate(Household(**parameters))
