"""What is behaviour, and what merely looks like it."""

from typing import Any

import pytest

from pipeline.ingest.behaviour import SETTLED_AFTER_US, START_US, BehaviourFilter, behaviour
from pipeline.ingest.messages import Signal
from schemas.events import StateChange

LIGHT = StateChange(1_000_000, "light.hall", "off", "on", "c1")


@pytest.mark.parametrize(
    "fields",
    [
        {"old": None}, {"old": "on"}, {"old": "unavailable"}, {"new": "unavailable"}, {"old": "unknown"},
        {"new": "unknown"}, {"entity_id": "sensor.ha_ai_patterns"}, {"entity_id": "switch.haai_learning"},
        {"entity_id": "automation.x", "old": None}, {"entity_id": "script.x", "context_id": None},
    ],
)  # fmt: skip
def test_no_behaviour(fields: dict[str, Any]) -> None:
    """An appearance, a repetition, an absence, our own doing and a run without a context do not pass."""
    assert behaviour(LIGHT) == LIGHT
    assert behaviour(LIGHT._replace(**fields)) is None


@pytest.mark.parametrize("entity_id", ["automation.porch", "script.film", "automation.haai_1f3c"])
def test_a_run_is_a_mark(entity_id: str) -> None:
    """An automation or script that ran, also one of ours, tells who caused what follows."""
    run = LIGHT._replace(entity_id=entity_id, old="on", new="on")
    assert behaviour(run) == run._replace(mark=True)


def test_an_entity_that_has_just_appeared_settles() -> None:
    """Its changes count from ten seconds after its appearance on; those of others count at once."""
    passing = BehaviourFilter()
    assert passing.behaviour(LIGHT._replace(old=None, new="off")) is None
    assert passing.behaviour(LIGHT._replace(at_us=LIGHT.at_us + SETTLED_AFTER_US - 1)) is None
    assert passing.behaviour(LIGHT._replace(at_us=LIGHT.at_us + SETTLED_AFTER_US)) is not None
    assert passing.behaviour(LIGHT._replace(entity_id="light.bed")) is not None


def after_an_appearance(passing: BehaviourFilter, after_us: int, **fields: Any) -> bool:
    """Whether a change so long after the lamp's appearance passes."""
    return passing.behaviour(LIGHT._replace(at_us=LIGHT.at_us + after_us, **fields)) is not None


def test_what_appears_in_a_start_settles_after_it() -> None:
    """However long Home Assistant takes to start, what it brings along counts ten seconds later only."""
    passing = BehaviourFilter()
    passing.hear(Signal.STOPPED)
    after_an_appearance(passing, 0, old=None)
    assert not after_an_appearance(passing, 60_000_000)
    passing.hear(Signal.STARTED)
    assert not after_an_appearance(passing, 60_000_000 + SETTLED_AFTER_US - 1)
    assert after_an_appearance(passing, 60_000_000 + SETTLED_AFTER_US)


def test_a_start_that_is_never_told_does_not_blind() -> None:
    """An entity counts some minutes after its appearance at the latest."""
    passing = BehaviourFilter()
    passing.hear(Signal.STOPPED)
    after_an_appearance(passing, 0, old=None)
    assert after_an_appearance(passing, START_US)


def test_what_a_user_calls_counts_at_once() -> None:
    """Nobody need wait for an entity to settle, or for a start to end."""
    passing = BehaviourFilter()
    passing.hear(Signal.STOPPED)
    after_an_appearance(passing, 0, old=None)
    assert after_an_appearance(passing, 1, user_id="u1")
    assert not after_an_appearance(passing, 2)


def test_what_is_computed_from_a_return_is_no_behaviour() -> None:
    """A group that changes under the context of a device that became available again does not pass."""
    passing = BehaviourFilter()
    passing.behaviour(LIGHT._replace(entity_id="light.lamp", old="unavailable"))
    assert passing.behaviour(LIGHT) is None
    assert passing.behaviour(LIGHT._replace(context_id="c2")) is not None


def test_what_somebody_commanded_is_behaviour() -> None:
    """A command to a device of unknown state taints nothing else under its context."""
    passing = BehaviourFilter()
    passing.behaviour(LIGHT._replace(entity_id="light.lamp", old="unknown", user_id="u1"))
    assert passing.behaviour(LIGHT._replace(user_id="u1")) is not None


def test_changes_without_context_do_not_explain_each_other() -> None:
    """Where contexts are not told, neither a return nor a first sight taints anything."""
    passing = BehaviourFilter()
    passing.behaviour(LIGHT._replace(old=None, context_id=None))
    passing.behaviour(LIGHT._replace(entity_id="light.lamp", old="unavailable", context_id=None))
    assert passing.behaviour(LIGHT._replace(context_id=None)) is not None


def test_memory_is_bounded() -> None:
    """The oldest appearances are forgotten."""
    passing = BehaviourFilter(memory=10)
    for number in range(1_000):
        passing.behaviour(LIGHT._replace(entity_id=f"light.lamp_{number}", old=None))
        passing.behaviour(LIGHT._replace(old="unavailable", context_id=f"c{number + 10}"))
    assert len(passing._appeared_us) == len(passing._returns) == 10
    assert passing.behaviour(LIGHT._replace(entity_id="light.lamp_0")) is not None
    assert passing.behaviour(LIGHT._replace(entity_id="light.lamp_999")) is None


def test_who_appears_again_is_remembered_anew() -> None:
    """It is not the oldest any more."""
    passing = BehaviourFilter(memory=2)
    for name in ("light.hall", "light.bath", "light.hall", "light.bed"):
        passing.behaviour(LIGHT._replace(entity_id=name, old=None))
    assert list(passing._appeared_us) == ["light.hall", "light.bed"]
