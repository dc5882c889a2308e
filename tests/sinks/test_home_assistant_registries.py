"""Areas, devices and entities, joined."""

from typing import Any

import pytest

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
