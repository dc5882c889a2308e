"""Areas, devices and entities, joined."""

from typing import Any

import pytest

from sinks.home_assistant.catalogue import catalogue
from sinks.home_assistant.registries import Registries


@pytest.fixture
def registries() -> Registries:
    """A hall with lamps and a device with something for diagnosis; a lamp elsewhere."""
    return Registries(
        areas=[{"area_id": "hall", "name": "Hall", "floor_id": "ground", "labels": []}],
        devices=[
            {"id": "d1", "area_id": "hall", "labels": ["heating"]},
            {"id": "d2"},
        ],
        entities=[
            {
                "entity_id": "light.hall",
                "id": "e1",
                "area_id": "hall",
                "device_id": None,
                "labels": ["evening"],
            },
            {"entity_id": "climate.hall", "id": "e2", "area_id": None, "device_id": "d1", "labels": []},
            {"entity_id": "sensor.battery", "id": "e3", "device_id": "d1", "entity_category": "diagnostic"},
            {"entity_id": "light.old", "id": "e4", "area_id": "hall", "disabled_by": "user"},
            {"entity_id": "light.secret", "id": "e5", "area_id": "hall", "hidden_by": "user"},
            {"entity_id": "light.bath", "id": "e6", "device_id": "d2", "labels": ["evening"]},
            {"entity_id": "light.lost", "id": "e7", "area_id": "gone", "device_id": "gone"},
        ],
    )


@pytest.mark.parametrize(
    ("target", "reached"),
    [
        ({"area_id": "hall"}, ["climate.hall", "light.hall"]),
        ({"area_id": ["hall", "nowhere"]}, ["climate.hall", "light.hall"]),
        ({"floor_id": "ground"}, ["climate.hall", "light.hall"]),
        ({"device_id": "d1"}, ["climate.hall"]),
        ({"label_id": "evening"}, ["light.bath", "light.hall"]),
        ({"label_id": "heating"}, ["climate.hall"]),
        ({"entity_id": "light.lost", "device_id": ["d2"]}, ["light.lost", "light.bath"]),
    ],
)
def test_a_target_reaches_what_home_assistant_would_act_on(
    registries: Registries, target: dict[str, Any], reached: list[str]
) -> None:
    """Not what is hidden, switched off, or there for diagnosis."""
    assert registries.resolved({"target": target})["target"]["entity_id"] == reached


def test_a_target_that_reaches_nothing_stays_as_it_is(registries: Registries) -> None:
    """Templates, unknown areas and what names no entities at all."""
    for config in (
        {"target": {"area_id": "{{ area }}"}},
        {"target": "{{ target }}"},
        {"data": {"area_id": "nowhere"}},
        {"data": {"message": "hall"}},
        [{"delay": 5}, None, "{{ x }}"],
    ):
        assert registries.resolved(config) == config


def test_rooms_are_those_of_entity_or_device(registries: Registries) -> None:
    """An area that is gone is none."""
    assert registries.rooms == dict.fromkeys(
        ("climate.hall", "light.hall", "light.old", "light.secret", "sensor.battery"), "Hall"
    )


@pytest.mark.parametrize(
    ("related", "touched"),
    [
        ({}, set()),
        # The device and the area of an entity that is named are told as well: they reach nothing more.
        (
            {"entity": ["climate.hall"], "device": ["d1"], "area": ["hall"], "floor": ["ground"]},
            {"climate.hall"},
        ),
        ({"device": ["d2"]}, {"light.bath"}),
        (
            {"entity": ["light.bath"], "device": ["d2"], "area": ["hall"]},
            {"light.bath", "light.hall", "climate.hall"},
        ),
        ({"entity": ["light.unknown"], "automation_blueprint": ["motion.yaml"]}, {"light.unknown"}),
    ],
)
def test_what_is_related_by_itself_stands_for_all_that_is_in_it(
    registries: Registries, related: dict[str, list[str]], touched: set[str]
) -> None:
    """A device or an area that no named entity explains is named by the automation itself."""
    assert registries.touched(related) == touched


@pytest.fixture
def relays() -> Registries:
    """A board of two relays: the first is shown as a lock, the second is a lamp's; and a garage opener."""
    shown = {"switch_as_x": {"entity_id": "switch.relay_1", "invert": False}}
    return Registries(
        areas=[],
        devices=[{"id": "board"}, {"id": "opener"}],
        entities=[
            {"entity_id": "switch.relay_1", "id": "e1", "device_id": "board", "hidden_by": "integration"},
            {"entity_id": "switch.relay_2", "id": "e2", "device_id": "board", "options": {}},
            {"entity_id": "lock.front", "id": "e3", "device_id": "board", "options": shown},
            {"entity_id": "switch.opener", "id": "e4", "device_id": "opener"},
            {"entity_id": "cover.main", "id": "e5", "device_id": "opener"},
            {
                "entity_id": "lock.child_lock",
                "id": "e6",
                "device_id": "opener",
                "entity_category": "config",
            },
            {"entity_id": "light.alone", "id": "e7", "device_id": None},
            {"entity_id": "switch.alone", "id": "e8", "device_id": None},
            # Made of a switch by its id in the registry, and of one that is in no registry.
            {"entity_id": "valve.garden", "id": "e9", "options": {"switch_as_x": {"entity_id": "e8"}}},
            {
                "entity_id": "siren.yard",
                "id": "e10",
                "options": {"switch_as_x": {"entity_id": "switch.bare"}},
            },
        ],
    )


def test_what_belongs_to_a_relay_is_told(relays: Registries) -> None:
    """What it was made into, and what stands in its device; not what is made of the relay beside it."""
    told = {entity_id: sorted(found) for entity_id, found in relays.companions.items() if found}
    assert told == {
        "switch.relay_1": ["lock.front", "switch.relay_2"],
        "switch.relay_2": ["switch.relay_1"],
        "lock.front": ["switch.relay_1", "switch.relay_2"],
        "switch.opener": ["cover.main"],
        "cover.main": ["switch.opener"],
        "lock.child_lock": ["cover.main", "switch.opener"],
        "switch.alone": ["valve.garden"],
        "switch.bare": ["siren.yard"],
    }
    assert relays.hidden == {"switch.relay_1"}


def state(entity_id: str, **attributes: object) -> dict[str, Any]:
    """A state as the API tells it."""
    return {"entity_id": entity_id, "state": "off", "attributes": attributes}


@pytest.mark.parametrize("degrees", ["°C", "°F"])
def test_the_catalogue_tells_units_and_what_is_behind(relays: Registries, degrees: str) -> None:
    """A number tells its own unit; a thermostat's is the home's."""
    states = [
        state("climate.hall"),
        state("number.target", unit_of_measurement="K"),
        state("switch.relay_1"),
        state("switch.alone"),
    ]
    configuration = {"version": "2026.11.0", "unit_system": {"temperature": degrees}}
    known = catalogue(configuration, states, [], relays, {}).entities
    assert [(name, each.unit, each.hidden) for name, each in known.items()] == [
        ("climate.hall", degrees, False),
        ("number.target", "K", False),
        ("switch.relay_1", "", True),
        ("switch.alone", "", False),
    ]
    assert known["switch.alone"].companions == {"valve.garden"}


def test_a_home_that_tells_no_unit_leaves_it_open() -> None:
    """Then nothing is taken for Fahrenheit."""
    known = catalogue({"version": "2026.11.0"}, [state("climate.hall")], [], Registries([], [], []), {})
    assert known.entities["climate.hall"].unit == ""
