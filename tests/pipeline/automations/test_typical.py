"""The values that people usually set."""

from pipeline.automations.service_map import action_for
from pipeline.automations.typical import NOTHING_USUAL, UsualValues
from schemas.automations import Action
from schemas.events import StateChange


def lit(*levels: float, parent: str | None = None, entity_id: str = "light.sofa") -> list[StateChange]:
    """A lamp that is switched on at these levels."""
    return [
        StateChange(at, entity_id, "off", "on", parent_id=parent, attributes=(("brightness", level),))
        for at, level in enumerate(levels)
    ]


def dressed(usual: UsualValues, entity_id: str, state: str) -> Action:
    """The action for a state, with its usual values."""
    action = action_for(entity_id, state)
    assert action is not None
    return usual.apply(action, state)


def test_a_steady_level_is_usual() -> None:
    """Four of five about the same make a value; the odd one out does not move it."""
    usual = UsualValues.of(lit(100, 102, 98, 255, 100))
    assert dressed(usual, "light.sofa", "on").data == {"brightness": 100.0}


def test_what_varies_or_was_seen_too_rarely_is_left_to_the_device() -> None:
    """Levels all over, or only three of them, say nothing."""
    assert not UsualValues.of(lit(10, 80, 150, 220, 255)).values
    assert not UsualValues.of(lit(100, 100, 100)).values


def test_what_an_automation_set_is_not_usual() -> None:
    """Only people's own values are repeated."""
    assert not UsualValues.of(lit(100, 100, 100, 100, 100, parent="cause")).values


def test_only_the_state_that_it_was_seen_with_gets_a_value() -> None:
    """Switching off takes no brightness, another lamp none of this one's."""
    usual = UsualValues.of(lit(*[100.0] * 5))
    assert dressed(usual, "light.sofa", "off").data == {}
    assert dressed(usual, "light.hall", "on").data == {}


def test_a_temperature_goes_with_the_mode() -> None:
    """A thermostat that is set to heat is set to its usual temperature with one call."""
    changes = [
        StateChange(at, "climate.bath", "off", "heat", attributes=(("temperature", 21.5),)) for at in range(5)
    ]
    action = dressed(UsualValues.of(changes), "climate.bath", "heat")
    assert action.service == "climate.set_temperature"
    assert action.data == {"hvac_mode": "heat", "temperature": 21.5}


def test_half_open_is_a_position_and_open_is_open() -> None:
    """A blind that is opened half way is set to its position; one that is opened fully is opened."""
    for position, service in ((40.0, "cover.set_cover_position"), (100.0, "cover.open_cover")):
        changes = [
            StateChange(at, "cover.bed", "closed", "open", attributes=(("current_position", position),))
            for at in range(5)
        ]
        assert dressed(UsualValues.of(changes), "cover.bed", "open").service == service


def test_nothing_usual_changes_no_action() -> None:
    """Without values the action stays as it is."""
    assert dressed(NOTHING_USUAL, "fan.bath", "on") == Action(service="fan.turn_on", entity_id="fan.bath")
