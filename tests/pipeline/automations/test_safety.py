"""What may never run, whoever approved it."""

import inspect
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from pipeline.automations.safety import MOST_RUNS_PER_DAY, refusals, runs_too_often
from schemas.automations import Action, Automation, NumericTrigger, StateTrigger, TimeTrigger, Trigger
from schemas.catalogue import Catalogue, KnownEntity
from schemas.suggestions import Trial
from tests.fixtures.specimens import call, specimens
from tests.recordings.reading import read_catalogue

MORNING = TimeTrigger(minute=390)


def home(*entities: KnownEntity) -> Catalogue:
    """A home with these entities."""
    return Catalogue((2026, 11), {entity.entity_id: entity for entity in entities}, frozenset())


def recorded_home() -> Catalogue:
    """The recorded home; its owner has said of the covers that they are shutters, but of the garage door."""
    known = read_catalogue()
    return replace(
        known,
        entities={
            entity_id: replace(entity, device_class=entity.device_class or "shutter")
            if entity_id.startswith("cover.")
            else entity
            for entity_id, entity in known.entities.items()
        },
    )


def refused(*actions: Action, trigger: Trigger = MORNING, catalogue: Catalogue | None = None) -> list[str]:
    """What is said against the actions."""
    return refusals(Automation(trigger=trigger, actions=actions), catalogue)


@pytest.mark.parametrize("catalogue", [None, recorded_home()], ids=["unknown home", "known home"])
@pytest.mark.parametrize("name", specimens())
def test_what_we_can_say_may_run(name: str, catalogue: Catalogue | None) -> None:
    """Nothing is held against the ordinary."""
    assert refusals(specimens()[name], catalogue) == []


def test_no_argument_lets_more_through() -> None:
    """There is nothing by which an approval could open what is closed."""
    assert list(inspect.signature(refusals).parameters) == ["automation", "catalogue"]


@pytest.mark.parametrize(
    ("action", "why"),
    [
        (call("lock.unlock", "lock.front_door"), "lock.unlock is not among"),
        (call("light.toggle", "light.hall"), "light.toggle is not among"),
        (call("light.turn_on", "lock.front_door"), "light.turn_on is not a service of lock.front_door"),
        (call("homeassistant.turn_on", "light.hall"), "homeassistant.turn_on is not among"),
        (call("light.turn_on", "light.hall", percentage=50), "must not be called with percentage"),
        (call("light.turn_off", "light.hall", brightness=50), "must not be called with brightness"),
        (call("light.turn_on", "light.hall", brightness=0), "brightness 0 is not between 1 and 255"),
        (call("light.turn_on", "light.hall", brightness=256), "brightness 256 is not between"),
        (call("light.turn_on", "light.hall", brightness="128"), "brightness cannot be '128'"),
        (call("climate.set_temperature", "climate.hall", temperature=31), "temperature 31 is not between 5"),
        (call("climate.set_temperature", "climate.hall", temperature=4), "temperature 4 is not between 5"),
        (call("climate.set_temperature", "climate.hall"), "climate.set_temperature needs temperature"),
        (call("climate.set_hvac_mode", "climate.hall", hvac_mode=3), "hvac_mode cannot be 3"),
        (call("media_player.volume_set", "media_player.tv", volume_level=0.61), "volume_level 0.61 is not"),
        (call("cover.set_cover_position", "cover.blind", position=101), "position 101 is not between"),
        (call("switch.turn_on", "switch.ha_ai_learning"), "is one of ours"),
        (call("cover.open_cover", "cover.garage"), "a gate or a garage"),
        (call("cover.open_cover", "cover.garagentor"), "a gate or a garage"),
        (call("cover.close_cover", "cover.front_gate"), "a gate or a garage"),
        (call("cover.open_cover", "cover.front_door"), "it is a door"),
        (call("switch.turn_on", "switch.garage_opener"), "opens a door, a gate or a garage"),
        (call("switch.turn_off", "switch.front_door_lock"), "a lock, an alarm, a valve"),
        (call("switch.turn_on", "switch.garden_valve"), "a lock, an alarm, a valve"),
        (call("switch.turn_off", "switch.alarm"), "a lock, an alarm, a valve"),
        (call("switch.turn_on", "switch.water_heater"), "a lock, an alarm, a valve"),
        (call("switch.turn_on", "switch.oven"), "a lock, an alarm, a valve"),
        (call("input_boolean.turn_on", "input_boolean.unlock_door"), "a lock, an alarm, a valve"),
        (call("scene.turn_on", "scene.disarm"), "a lock, an alarm, a valve"),
        (call("climate.set_temperature", "climate.hot_water", temperature=25), "other than rooms"),
    ],
)
def test_the_rest_is_refused(action: Action, why: str) -> None:
    """Each is refused with its reason, and also behind something harmless."""
    assert any(why in said for said in refused(action))
    assert any(why in said for said in refused(call("light.turn_on", "light.hall"), action))


@pytest.mark.parametrize(
    "entity_id",
    [
        "light.garage",
        "light.gate",
        "switch.garage_light",
        "switch.door_lamp",
        "fan.valve_room",
        "cover.hall_blind",
    ],
)
def test_what_stands_beside_a_door_is_no_door(entity_id: str) -> None:
    """A light in the garage shines, and does nothing else."""
    service = "open_cover" if entity_id.startswith("cover.") else "turn_on"
    assert refused(call(f"{entity_id.partition('.')[0]}.{service}", entity_id)) == []


@pytest.mark.parametrize(
    ("device_class", "name", "is_refused"),
    [
        ("", "", True),
        ("", "Main", True),
        ("", "Bedroom", True),
        ("", "Bedroom blind", False),
        ("", "Rollladen Küche", False),
        ("", "Жалюзи", False),
        ("", "Garage", True),
        ("", "Garaje", True),
        ("", "Garasje", True),
        ("", "Гараж", True),
        ("", "车库门", True),
        ("blind", "窗帘", False),
        ("", "Garagentür", True),
        ("", "Haustür", True),
        ("garage", "", True),
        ("gate", "", True),
        ("door", "", True),
        ("window", "", True),
        ("damper", "", True),
        ("something new", "", True),
        ("shutter", "", False),
        ("shutter", "Balcony door", False),
        ("shutter", "Garage", True),
        ("blind", "Portail", True),
    ],
)
def test_a_cover_is_judged_by_what_it_is_and_is_called(
    device_class: str, name: str, *, is_refused: bool
) -> None:
    """Only what shades may be moved, and nothing that is called a garage or a gate."""
    entity = KnownEntity("cover.relay_7", name, device_class=device_class)
    action = call("cover.open_cover", "cover.relay_7")
    assert bool(refused(action, catalogue=home(entity))) == is_refused


def test_what_belongs_to_a_scene_is_judged_with_it() -> None:
    """A scene that unlocks is refused, at any depth of groups, and circles end."""
    inner = KnownEntity(
        "switch.all", attributes={"entity_id": ["switch.lamp", "lock.front_door", "scene.evening"]}
    )
    scene = KnownEntity("scene.evening", attributes={"entity_id": ["light.hall", "switch.all"]})
    (said,) = refused(call("scene.turn_on", "scene.evening"), catalogue=home(scene, inner))
    assert said == "lock.front_door, which belongs to scene.evening, is of a kind that must not be acted on"
    good = KnownEntity("scene.evening", attributes={"entity_id": ["light.hall", "switch.lamp"]})
    assert refused(call("scene.turn_on", "scene.evening"), catalogue=home(good)) == []


def test_a_scene_that_does_not_tell_its_members_is_refused() -> None:
    """A maker's scene may unlock: only a list of what it acts on shows that it does not."""
    action = call("scene.turn_on", "scene.arrive_home")
    (said,) = refused(action, catalogue=home(KnownEntity("scene.arrive_home")))
    assert said == "scene.arrive_home does not tell what it acts on"
    assert refused(action) == []
    empty = KnownEntity("scene.arrive_home", attributes={"entity_id": []})
    assert refused(action, catalogue=home(empty)) == []


def test_what_is_hidden_is_refused_but_as_a_member() -> None:
    """A relay that is shown as a lock is hidden, and so is what a group of lamps is made of."""
    relay = KnownEntity("switch.relay_2", hidden=True)
    (said,) = refused(call("switch.turn_on", "switch.relay_2"), catalogue=home(relay))
    assert "switch.relay_2 is hidden" in said
    lamp = KnownEntity("light.one", hidden=True)
    group = KnownEntity("light.all", attributes={"entity_id": ["light.one"]})
    assert refused(call("light.turn_on", "light.all"), catalogue=home(lamp, group)) == []


@pytest.mark.parametrize(
    ("companion", "is_refused"),
    [
        (KnownEntity("lock.front"), True),
        (KnownEntity("lock.front_child_lock"), False),
        (KnownEntity("siren.yard"), True),
        (KnownEntity("valve.water"), True),
        (KnownEntity("alarm_control_panel.home"), True),
        (KnownEntity("cover.main", device_class="garage"), True),
        (KnownEntity("cover.main", device_class="gate"), True),
        (KnownEntity("cover.garage"), True),
        (KnownEntity("cover.main", device_class="shutter"), False),
        (KnownEntity("light.yard"), False),
        (KnownEntity("sensor.power"), False),
    ],
)
def test_what_is_part_of_a_lock_or_a_garage_is_refused(companion: KnownEntity, *, is_refused: bool) -> None:
    """The relay of a garage opener says nothing of it, but stands in one device with the garage door."""
    relay = KnownEntity("switch.relay_2", companions=frozenset({companion.entity_id}))
    group = KnownEntity("switch.all", attributes={"entity_id": ["switch.relay_2"]})
    for entity_id in ("switch.relay_2", "switch.all"):
        said = refused(call("switch.turn_on", entity_id), catalogue=home(relay, group, companion))
        assert [f"part of what {companion.entity_id} is" in each for each in said] == [True] * is_refused


@pytest.mark.parametrize("entity_id", ["light.opener", "media_player.bell", "climate.hall"])
def test_the_light_of_a_garage_opener_shines(entity_id: str) -> None:
    """What can do nothing else may stand in one device with a lock."""
    garage = KnownEntity("lock.main")
    entity = KnownEntity(f"{entity_id}_hall_light", companions=frozenset({"lock.main"}))
    action = call(f"{entity_id.partition('.')[0]}.turn_on", entity.entity_id)
    assert refused(action, catalogue=home(entity, garage)) == []


@pytest.mark.parametrize(
    ("service", "entity_id", "option", "is_refused"),
    [
        ("input_select.select_option", "input_select.house_mode", "Disarmed", True),
        ("input_select.select_option", "input_select.house_mode", "Night", False),
        ("input_select.select_option", "input_select.house_mode", "睡眠", False),
        ("select.select_option", "select.entry_state", "unlocked", True),
        ("select.select_option", "select.entry_state", "解锁", True),
        ("select.select_option", "select.fan_mode", "quiet", False),
    ],
)
def test_what_is_chosen_unlocks_and_disarms_nothing(
    service: str, entity_id: str, option: str, *, is_refused: bool
) -> None:
    """The words of a choice count as those of a name do."""
    assert bool(refused(call(service, entity_id, option=option))) == is_refused


@pytest.mark.parametrize(
    ("attributes", "device_class", "unit", "value", "is_refused"),
    [
        ({"min": 0, "max": 10}, "", "", 10, False),
        ({"min": 0, "max": 10}, "", "", 10.5, True),
        ({"min": 0, "max": 10}, "", "", -1, True),
        ({}, "", "", 5, True),
        ({"min": "0", "max": "10"}, "", "", 5, True),
        ({"min": 0, "max": 90}, "temperature", "", 60, True),
        ({"min": 0, "max": 90}, "temperature", "", 21, False),
        ({"min": 30, "max": 90}, "temperature", "", 30, False),
        ({"min": 40, "max": 95}, "temperature", "°C", 80, True),
        ({"min": 20, "max": 95}, "", "°C", 80, True),
        ({"min": 20, "max": 95}, "", "°C", 22, False),
        ({"min": 40, "max": 95}, "temperature", "", 80, True),
        ({"min": 40, "max": 95}, "temperature", "°F", 68, False),
        ({"min": 40, "max": 95}, "", "°F", 90, True),
        ({"min": 0, "max": 400}, "", "K", 353, True),
        ({"min": 0, "max": 100}, "", "%", 80, False),
    ],
)
def test_a_number_keeps_to_its_own_range(
    attributes: dict[str, Any],
    device_class: str,
    unit: str,
    value: float,
    *,
    is_refused: bool,
) -> None:
    """A value is refused outside of it, and where it is not known; temperatures keep to ours as well."""
    entity = KnownEntity("number.setting", device_class=device_class, unit=unit, attributes=attributes)
    action = call("number.set_value", "number.setting", value=value)
    assert bool(refused(action, catalogue=home(entity))) == is_refused


def test_a_temperature_that_is_no_rooms_is_refused() -> None:
    """Twenty degrees are too warm for a fridge."""
    limits = {"min": 0, "max": 30}
    entity = KnownEntity("number.fridge_target", unit="°C", attributes=limits)
    (said,) = refused(call("number.set_value", "number.fridge_target", value=20), catalogue=home(entity))
    assert "something other than rooms" in said


@pytest.mark.parametrize(
    ("unit", "lowest", "highest", "temperature", "is_refused"),
    [
        ("°C", 7, 35, 21, False),
        ("°C", 7, 35, 31, True),
        ("°C", 16, 24, 15, True),
        ("°C", 16, 24, 25, True),
        ("°F", 45, 95, 70, False),
        ("°F", 45, 95, 90, True),
        ("°F", 45, 95, 40, True),
        ("°C", 30, 60, 45, True),
        ("°C", 40, 85, 70, True),
        ("°F", 40, 185, 140, True),
        ("", 45, 95, 70, True),
        ("", 7, 35, 21, False),
    ],
)
def test_a_thermostat_keeps_to_its_own_range_within_ours(
    unit: str,
    lowest: float,
    highest: float,
    temperature: float,
    *,
    is_refused: bool,
) -> None:
    """Between 5 and 30 degrees Celsius; they are Fahrenheit where the home says so, and not by their size."""
    limits = {"min_temp": lowest, "max_temp": highest}
    entity = KnownEntity("climate.hall", unit=unit, attributes=limits)
    action = call("climate.set_temperature", "climate.hall", temperature=temperature)
    assert bool(refused(action, catalogue=home(entity))) == is_refused


def test_what_heats_no_room_is_not_even_switched_on() -> None:
    """A loop that takes forty degrees at least goes on with those that it was last set to."""
    loop = KnownEntity("climate.floor_loop", unit="°C", attributes={"min_temp": 40, "max_temp": 85})
    (said,) = refused(call("climate.turn_on", "climate.floor_loop"), catalogue=home(loop))
    assert said == "climate.floor_loop takes no temperature that a room may have"


LEFT_ON = StateTrigger(entity_id="light.hall", to="on", for_seconds=7200)
ON, OFF = call("light.turn_on", "light.hall"), call("light.turn_off", "light.hall")


@pytest.mark.parametrize(
    ("trigger", "action", "is_refused"),
    [
        (StateTrigger(entity_id="light.hall", to="on"), OFF, True),
        (StateTrigger(entity_id="light.hall", to="off"), ON, True),
        (StateTrigger(entity_id="light.hall", to="off", for_seconds=59), ON, True),
        (LEFT_ON, OFF, False),
        (LEFT_ON, ON, True),
        (StateTrigger(entity_id="light.hall", to="off", for_seconds=7200), OFF, True),
        (StateTrigger(entity_id="light.hall", to="off", for_seconds=7200), ON, True),
        (NumericTrigger(entity_id="number.x", above=3), call("number.set_value", "number.x", value=1), True),
        (StateTrigger(entity_id="light.kitchen", to="on"), ON, False),
        (StateTrigger(entity_id="light.all", to="on"), ON, True),
        (StateTrigger(entity_id="scene.evening", to="activated"), ON, False),
        (StateTrigger(entity_id="light.hall", to="on"), call("scene.turn_on", "scene.evening"), True),
        (StateTrigger(entity_id="light.hall", to="on"), call("light.turn_on", "light.all"), True),
    ],
)
def test_nothing_triggers_itself(trigger: Trigger, action: Action, *, is_refused: bool) -> None:
    """What acts on its own trigger, or on a group with it, is refused; what was left on may be ended."""
    group = KnownEntity("light.all", attributes={"entity_id": ["light.hall", "light.bath"]})
    scene = KnownEntity("scene.evening", attributes={"entity_id": ["light.hall"]})
    number = KnownEntity("number.x", attributes={"min": 0, "max": 9})
    said = refused(action, trigger=trigger, catalogue=home(group, scene, number))
    assert [each for each in said if "triggered by what it does" in each] == said
    assert bool(said) == is_refused


def tried(days: int, fired: int) -> Trial:
    """A trial in which it ran so often."""
    day = date(2026, 11, 19)
    return Trial(
        first_day=day,
        last_day=day,
        days=days,
        fired=fired,
        wanted=fired,
        unwanted=0,
        missed=0,
        wanted_per_day=0,
        unwanted_per_day=0,
        regret=0,
    )


@pytest.mark.parametrize(
    ("days", "fired", "is_refused"),
    [
        (30, 30 * MOST_RUNS_PER_DAY, False),
        (30, 30 * MOST_RUNS_PER_DAY + 1, True),
        (0, 0, False),
        (0, MOST_RUNS_PER_DAY + 1, True),
    ],
)
def test_what_runs_all_the_time_is_refused(days: int, fired: int, *, is_refused: bool) -> None:
    """More runs a day than may be are refused, on average of the days."""
    assert bool(runs_too_often(tried(days, fired))) == is_refused
