"""The table of what brings a state about."""

import pytest

from pipeline.automations.safety import is_allowed_service
from pipeline.automations.service_map import NAMED, SERVICES, action_for, state_after

PAIRS = [(domain, state) for domain, states in SERVICES.items() for state in states]


@pytest.mark.parametrize(("domain", "state"), PAIRS)
def test_every_service_of_the_table_is_allowed_and_leads_there(domain: str, state: str) -> None:
    """What is proposed passes safety, and leads to the state that was observed, or to one like it."""
    action = action_for(f"{domain}.it", state)
    assert action is not None
    assert is_allowed_service(action.service)
    found = state_after(action)
    assert found is not None
    assert SERVICES[domain][found] == SERVICES[domain][state]


@pytest.mark.parametrize("domain", sorted(NAMED))
def test_a_named_state_is_handed_over(domain: str) -> None:
    """Modes and options go to the service by their name, and come back as the state."""
    action = action_for(f"{domain}.it", "evening")
    assert action is not None
    assert is_allowed_service(action.service)
    assert state_after(action) == "evening"


@pytest.mark.parametrize(
    ("entity_id", "state"),
    [
        ("person.ann", "home"),
        ("binary_sensor.door", "on"),
        ("sensor.mode", "eco"),
        ("lock.front_door", "unlocked"),
        ("lock.front_door", "locked"),
        ("alarm_control_panel.home", "disarmed"),
        ("valve.garden", "open"),
        ("siren.hall", "on"),
        ("water_heater.boiler", "eco"),
        ("cover.blind", "opening"),
        ("light.hall", "unknown"),
        ("select.mode", "{{ states('lock.front_door') }}"),
    ],
)
def test_what_no_service_brings_about_has_no_action(entity_id: str, state: str) -> None:
    """Sensors, people, locks, alarms, valves, half ways and templates give nothing."""
    assert action_for(entity_id, state) is None
