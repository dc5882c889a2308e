"""What was set, and what sensors say that they measure, is kept with the day: exact and bounded."""

import random
from collections.abc import Callable
from typing import Any, get_type_hints

import pytest

from pipeline.core.day_set import MOST_SETTINGS, DaySet
from pipeline.core.entities import measured
from pipeline.ingest import eventstream
from schemas.events import ATTRIBUTES, SETTINGS, Attribute, StateChange
from schemas.home import Home

from .test_core import local, switched

BRIGHT = (("brightness", 128.0), ("device_class", "light"))
CELSIUS = (("device_class", "temperature"), ("unit_of_measurement", "°C"))


def test_the_decoder_takes_what_the_allow_list_names() -> None:
    """One place says which attributes are taken up."""
    assert set(get_type_hints(eventstream._Attributes)) == set(ATTRIBUTES)
    assert set(SETTINGS) < set(ATTRIBUTES)


def test_a_closed_day_tells_what_was_set(learned: Callable[..., Any]) -> None:
    """By entity and attribute, each time with its value; descriptions are no settings."""
    home = learned()
    at_us = local(3, 8)
    home.feed(
        [
            switched(at_us)._replace(attributes=BRIGHT),
            switched(at_us + 60_000_000)._replace(attributes=(("brightness", 20.0),)),
            switched(at_us, "climate.hall", "heat")._replace(attributes=(("temperature", 21.5),)),
            switched(at_us, "switch.fan"),
            switched(local(4, 1)),
        ],
        close_every=1,
    )
    [day] = home.core.history().days
    assert dict(day.attributes) == {
        "climate.hall": {"temperature": [[at_us // 1000, 21.5]]},
        "light.hall": {"brightness": [[at_us // 1000, 128.0], [at_us // 1000 + 60_000, 20.0]]},
    }


def test_settings_are_a_bounded_set() -> None:
    """In any order and however often told, the first of the day stay; packed and joined they are the same."""
    told: list[tuple[int, str, list[Attribute]]] = [
        (at_ms, "light.l", [("brightness", float(at_ms % 7))]) for at_ms in range(3 * MOST_SETTINGS)
    ]
    told += [(5, "light.l", [("brightness", "full")]), (6, "media_player.m", [("volume_level", 0.5)])]
    sets = []
    for seed in range(3):
        events, other = DaySet(), DaySet()
        shuffled = [*told, *told[:50]]
        random.Random(seed).shuffle(shuffled)
        for place, (at_ms, entity_id, attributes) in enumerate(shuffled):
            (events if place % 2 else other).add_settings(at_ms, entity_id, attributes)
        events.join(other)
        sets.append(events)
    assert sets[0].canonical() == sets[1].canonical() == sets[2].canonical()
    assert len(sets[0].settings["light.l"]) == MOST_SETTINGS
    assert max(sets[0].settings["light.l"]) == (MOST_SETTINGS - 1, "brightness")
    assert DaySet.unpack(sets[0].pack()).canonical() == sets[0].canonical()
    assert sets[0].settings["light.l"][5, "brightness"] == 5.0


def test_a_set_without_attributes_is_written_as_before() -> None:
    """Days that were kept before attributes were are read, and say the same."""
    events = DaySet()
    events.add(1, "light.l", "on", ("", "", ""))
    assert {*events.canonical()} == {"version", "changes", "marks", "calls", "numbers"}


@pytest.mark.parametrize("order", [1, -1])
def test_a_context_sensor_is_known_by_what_it_says_of_itself(learned: Callable[..., Any], order: int) -> None:
    """Whatever it is called, and whichever of its changes carries the description."""
    home = learned()
    changes = [
        switched(local(3, 8), "sensor.aussen", "7")._replace(attributes=CELSIUS),
        switched(local(3, 9), "sensor.aussen", "8"),
        switched(local(3, 9), "sensor.temperature_battery", "90")._replace(
            attributes=(("device_class", "battery"), ("unit_of_measurement", "%"))
        ),
        switched(local(3, 10), "sensor.hall_temperature", "20"),
    ]
    home.feed([*changes[::order], switched(local(4, 1))])
    steps = home.core.history().steps
    assert {name: each.measures for name, each in steps.items()} == {
        "sensor.aussen": "temperature",
        "sensor.hall_temperature": "temperature",
    }


def test_the_registry_is_believed_first() -> None:
    """It knows what a sensor is before its first change, and what its owner said that it is."""
    home = Home(device_classes={"sensor.a": "illuminance", "sensor.b": "power"}, units={"sensor.c": "°F"})
    assert measured("sensor.a", home, CELSIUS) == "illuminance"
    assert measured("sensor.b", home, CELSIUS) == ""
    assert measured("sensor.c", home) == "temperature"
    assert measured("sensor.d_lux", home, (("unit_of_measurement", "W"),)) == ""


def test_what_an_entity_that_left_had_set_is_forgotten(learned: Callable[..., Any]) -> None:
    """With its changes go its settings and its description."""
    home = learned()
    home.core.learn_one(switched(local(3, 8))._replace(attributes=BRIGHT))
    home.core.learn_one(StateChange(local(3, 8), "sensor.a", None, "1", attributes=CELSIUS))
    home.core.forget(["light.hall", "sensor.a"])
    [events] = home.core.open_days().values()
    assert (events.settings, events.described) == ({}, {})
