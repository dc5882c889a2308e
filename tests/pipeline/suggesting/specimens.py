"""One automation of every kind that can be said, with and without what may be left out."""

from pydantic import TypeAdapter

from schemas.automations import (
    Action,
    Automation,
    InState,
    MqttTrigger,
    NumericTrigger,
    Parameter,
    Requirement,
    StateTrigger,
    SunTrigger,
    TemperatureOf,
    TimeTrigger,
    Trigger,
)
from schemas.patterns import AtHome, Dark, Hours, Weekday

LAMP = Action(service="light.turn_on", entity_id="light.hall_lamp")
MORNING = TimeTrigger(minute=390)

TRIGGERS: dict[str, Trigger] = {
    "at a time": MORNING,
    "at midnight": TimeTrigger(minute=0),
    "at the last minute": TimeTrigger(minute=1439),
    "at sunset": SunTrigger(event="sunset"),
    "after sunset": SunTrigger(event="sunset", offset_minutes=95),
    "before sunrise": SunTrigger(event="sunrise", offset_minutes=-360),
    "in a state": StateTrigger(entity_id="binary_sensor.hall_motion", to="on"),
    "in a state for a while": StateTrigger(entity_id="binary_sensor.hall_motion", to="off", for_seconds=3725),
    "in a state for a day": StateTrigger(entity_id="binary_sensor.hall_motion", to="off", for_seconds=86_400),
    "pressed": StateTrigger(entity_id="input_button.wall", to="activated"),
    "a while after a scene": StateTrigger(entity_id="scene.movie", to="activated", for_seconds=600),
    "above a number": NumericTrigger(entity_id="sensor.hall_temperature", above=21.5),
    "below a number": NumericTrigger(entity_id="sensor.hall_temperature", below=-3),
    "between numbers": NumericTrigger(
        entity_id="sensor.hall_temperature", above=18, below=19.25, for_seconds=60
    ),
    "on a message": MqttTrigger(topic="ha-ai/events/pattern/detected"),
    "on another home's message": MqttTrigger(topic="home-2/ha-ai/events/sports/team_scored"),
}
CONDITIONS: dict[str, tuple[Requirement, ...]] = {
    "none": (),
    "dark": (Dark(),),
    "somebody home": (AtHome(),),
    "nobody home": (AtHome(somebody=False),),
    "hours": (Hours(after=6.5, before=9.25),),
    "hours across midnight": (Hours(after=22, before=5.51),),
    "hours until midnight": (Hours(after=18, before=24),),
    "hours from midnight": (Hours(after=24, before=6),),
    "weekdays": (Weekday(days=(0, 1, 2, 3, 4)),),
    "weekend": (Weekday(days=(6, 5)),),
    "warm": (TemperatureOf(entity_id="sensor.hall_temperature", above=20),),
    "cool": (TemperatureOf(entity_id="sensor.hall_temperature", below=17.5),),
    "in between": (TemperatureOf(entity_id="sensor.hall_temperature", above=-1.5, below=0),),
    "in a state": (InState(entity_id="input_boolean.guest_mode", state="off"),),
    "all at once": (
        Dark(),
        AtHome(),
        Hours(after=17, before=23),
        Weekday(days=(4,)),
        TemperatureOf(entity_id="sensor.hall_temperature", below=10),
        InState(entity_id="input_boolean.guest_mode", state="on"),
    ),
}


def call(service: str, entity_id: str, after_seconds: int = 0, **values: float | str) -> Action:
    """Make an action whose parameters are keywords."""
    data = TypeAdapter(dict[Parameter, float | str]).validate_python(values)
    return Action(service=service, entity_id=entity_id, data=data, after_seconds=after_seconds)


ACTIONS: dict[str, tuple[Action, ...]] = {
    "on": (LAMP,),
    "on, dimmed": (call("light.turn_on", "light.hall_lamp", brightness=127.6),),
    "on, later off": (LAMP, call("light.turn_off", "light.hall_lamp", 5400)),
    "later": (call("switch.turn_on", "switch.fan", 86_400),),
    "to a position": (call("cover.set_cover_position", "cover.living_room_window", position=30),),
    "down": (call("cover.close_cover", "cover.living_room_window"),),
    "to a temperature": (call("climate.set_temperature", "climate.hvac", temperature=20.5),),
    "to a mode": (call("climate.set_hvac_mode", "climate.hvac", hvac_mode="off"),),
    "to a mode and a temperature": (
        call("climate.set_temperature", "climate.hvac", temperature=19, hvac_mode="heat"),
    ),
    "to a speed": (call("fan.turn_on", "fan.living_room_fan", percentage=66),),
    "to a preset": (call("fan.set_preset_mode", "fan.preset_only_limited_fan", preset_mode="on"),),
    "to an option": (call("input_select.select_option", "input_select.mood", option="calm"),),
    "to a value": (call("input_number.set_value", "input_number.target", value=0.5),),
    "to a volume": (call("media_player.volume_set", "media_player.living_room", volume_level=0.3),),
    "to a source": (call("media_player.select_source", "media_player.lounge_room", source="dvd"),),
    "to a scene": (call("scene.turn_on", "scene.movie"),),
    "cleaning": (call("vacuum.start", "vacuum.2_second_floor"),),
}


def specimens() -> dict[str, Automation]:
    """Every trigger, every condition and every action once, each beside the plainest others."""
    by_name: dict[str, Automation] = {}
    for name, trigger in TRIGGERS.items():
        by_name[f"trigger: {name}"] = Automation(trigger=trigger, actions=(LAMP,))
    for name, conditions in CONDITIONS.items():
        by_name[f"condition: {name}"] = Automation(trigger=MORNING, conditions=conditions, actions=(LAMP,))
    for name, actions in ACTIONS.items():
        by_name[f"action: {name}"] = Automation(trigger=MORNING, actions=actions)
    return by_name
