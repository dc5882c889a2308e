"""Rotated homes hold the same events, and no habits."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from benchmarks.quality.nulls import Rotation, rotate
from schemas.events import StateChange
from schemas.instants import from_us
from tests.benchmarks.conftest import MONDAY, change

BERLIN = ZoneInfo("Europe/Berlin")


def home(days: int = 20) -> list[StateChange]:
    """Return a lamp that follows a door every morning."""
    start = MONDAY.replace(tzinfo=BERLIN)
    told = [
        (day, minute, entity_id, state)
        for day in range(days)
        for minute, entity_id, state in (
            (420, "binary_sensor.door", "on"),
            (420.5, "light.hall", "on"),
            (430, "binary_sensor.door", "off"),
            (430.5, "light.hall", "off"),
        )
    ]
    return [change(each, start) for each in told]


@pytest.mark.parametrize("rotation", ["days", "entities"])
def test_every_event_stays_on_its_day(rotation: Rotation) -> None:
    """Each local day keeps its events, but for what repeats a state in the new order."""
    rotated = list(rotate(home(), BERLIN, rotation, 1))
    numbers = Counter(from_us(each.at_us).astimezone(BERLIN).date() for each in rotated)
    assert len(numbers) == 20
    assert max(numbers.values()) == 4
    assert len(rotated) >= 60


@pytest.mark.parametrize("rotation", ["days", "entities"])
def test_nothing_repeats_its_state(rotation: Rotation) -> None:
    """Every change starts from the state before it, in order of time."""
    rotated = list(rotate(home(), BERLIN, rotation, 1))
    assert [each.at_us for each in rotated] == sorted(each.at_us for each in rotated)
    for entity_id in ("light.hall", "binary_sensor.door"):
        own = [each for each in rotated if each.entity_id == entity_id]
        assert all(one.new == other.old != other.new for one, other in pairwise(own))


def test_rotated_days_keep_what_follows_what() -> None:
    """The lamp still follows the door by half a minute, at other times of the day."""
    rotated = [each for each in rotate(home(), BERLIN, "days", 1) if each.new == "on"]
    lags = [other.at_us - one.at_us for one, other in pairwise(rotated) if one.entity_id != other.entity_id]
    assert lags.count(30_000_000) >= 18
    hours = {from_us(each.at_us).astimezone(BERLIN).hour for each in rotated}
    assert len(hours) > 8


def test_rotated_entities_lose_what_follows_what() -> None:
    """The lamp no longer follows the door."""
    rotated = [each for each in rotate(home(), BERLIN, "entities", 1) if each.new == "on"]
    lags = [timedelta(microseconds=other.at_us - one.at_us) for one, other in pairwise(rotated)]
    assert sum(lag <= timedelta(minutes=5) for lag in lags) <= 2


def test_the_seed_decides() -> None:
    """Equal seeds give equal homes, others do not; what was delivered twice counts once."""
    first = list(rotate(home(), BERLIN, "days", 1))
    assert first == list(rotate(home() + home(), BERLIN, "days", 1))
    assert first != list(rotate(home(), BERLIN, "days", 2))
