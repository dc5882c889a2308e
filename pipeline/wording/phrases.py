"""Phrases of suggestions: when, only if, and what is done, each in a few words."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from pipeline.wording.naming import LONGEST_WORD, cut, plain
from pipeline.wording.sentences import condition_in_words, days_in_words, short_time
from schemas.automations import (
    Action,
    InState,
    MqttTrigger,
    NumericTrigger,
    Requirement,
    StateTrigger,
    SunTrigger,
    TimeTrigger,
    Trigger,
)
from schemas.patterns import Temperature, Weekday
from schemas.payload import clock

Namer = Callable[[str], str]
BRIGHTEST = 255
OPENINGS = ("_door", "_window", "_contact")
PEOPLE = ("person.", "device_tracker.")
COMES = {"home": "comes home", "not_home": "leaves home"}
REACHES = {"on": "goes on", "off": "goes off", "playing": "starts playing"}
OPENS = {"open": "opens", "closed": "closes"}
IN_STATE = {"not_home": "away", "home": "at home"}


class Verb(NamedTuple):
    """Words for a service: those before the entity, and the value that is said right after it."""

    words: str
    sets: str = ""


VERBS = {
    "turn_on": Verb("turn on"),
    "turn_off": Verb("turn off"),
    "open_cover": Verb("open"),
    "close_cover": Verb("close"),
    "set_cover_position": Verb("set", "position"),
    "set_temperature": Verb("set", "temperature"),
    "set_hvac_mode": Verb("set", "hvac_mode"),
    "set_preset_mode": Verb("set", "preset_mode"),
    "set_percentage": Verb("set", "percentage"),
    "set_value": Verb("set", "value"),
    "select_option": Verb("set", "option"),
    "select_source": Verb("set", "source"),
    "volume_set": Verb("set the volume of", "volume_level"),
    "media_play": Verb("play"),
    "media_pause": Verb("pause"),
    "media_stop": Verb("stop"),
    "start": Verb("start"),
    "stop": Verb("stop"),
    "pause": Verb("pause"),
    "return_to_base": Verb("send home"),
}
# How a value is said that is set beside something else.
BESIDE = {
    "brightness": "at {} brightness",
    "hvac_mode": "in mode {}",
    "percentage": "at {}",
    "position": "at {}",
    "preset_mode": "in mode {}",
    "temperature": "at {}",
}


def listed(words: Iterable[str]) -> str:
    """Several things as one would say them.

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed(["a"])
    ('a, b and c', 'a')
    """
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last


def done(action: Action, named: Namer) -> str:
    """Return what an action does, as one would ask for it.

    Examples
    --------
    >>> done(Action(service="cover.open_cover", entity_id="cover.blind"), str)
    'open cover.blind'
    >>> dimmed = {"brightness": 128}
    >>> done(Action(service="light.turn_on", entity_id="light.hall_lamp", data=dimmed), str)
    'turn on light.hall_lamp at 50 % brightness'
    >>> done(Action(service="fan.set_percentage", entity_id="fan.bath", data={"percentage": 40}), str)
    'set fan.bath to 40 %'
    """
    of_service = action.service.partition(".")[2]
    verb = VERBS.get(of_service) or Verb(f"do {cut(of_service.replace('_', ' '), LONGEST_WORD)} with")
    to = [f"to {_value(key, value)}" for key, value in action.data.items() if key == verb.sets]
    others = [
        BESIDE.get(key, f"with {key.replace('_', ' ')} {{}}").format(_value(key, value))
        for key, value in action.data.items()
        if key != verb.sets
    ]
    return " ".join([verb.words, named(action.entity_id), *to, *others])


def does(action: Action, named: Namer) -> str:
    """Return what an action does, as one would tell it.

    Examples
    --------
    >>> does(Action(service="vacuum.return_to_base", entity_id="vacuum.robby"), str)
    'sends home vacuum.robby'
    """
    first, _, others = done(action, named).partition(" ")
    return f"{first}{'es' if first.endswith('o') else 's'} {others}"


def when(trigger: Trigger, named: Namer) -> str:
    """When an automation runs, as the beginning of a sentence.

    Examples
    --------
    >>> when(SunTrigger(event="sunset", offset_minutes=-18), str)
    '18 min before sunset'
    >>> when(StateTrigger(entity_id="person.alex", to="not_home", for_seconds=600), str)
    'When person.alex has been away for 10 min'
    >>> when(NumericTrigger(entity_id="sensor.bath_humidity", above=70), str)
    'When sensor.bath_humidity rises above 70'
    """
    match trigger:
        case TimeTrigger():
            return f"At {clock(trigger.minute)}"
        case SunTrigger():
            return _by_the_sun(trigger)
        case StateTrigger():
            return f"When {named(trigger.entity_id)} {_reaches(trigger)}"
        case NumericTrigger():
            return f"When {named(trigger.entity_id)} {_passes(trigger)}"
        case MqttTrigger():
            source, event = trigger.topic.split("/")[-2:]
            return f"When {plain(event)} is told by {plain(source)}"


def only(requirement: Requirement, named: Namer) -> str:
    """Under which condition an automation runs, as one would say it.

    Examples
    --------
    >>> only(InState(entity_id="light.hall", state="on"), str)
    'while light.hall is on'
    """
    match requirement:
        case InState():
            return (
                f"while {named(requirement.entity_id)} is {_state(requirement.entity_id, requirement.state)}"
            )
        case Temperature():
            return f"while {named(requirement.entity_id)} is {_range(requirement.above, requirement.below)}"
        case Weekday():
            return on_days(requirement.days)
        case _:
            return condition_in_words(requirement)


def on_days(days: Iterable[int]) -> str:
    """On which days of the week.

    Examples
    --------
    >>> on_days((4, 0, 4)), on_days(())
    ('on Mondays and Fridays', 'on no day')
    """
    of_week = tuple(sorted(set(days)))
    return days_in_words(of_week) if of_week else "on no day"


def _value(key: str, value: float | str) -> str:
    """A value that an action sets, with its unit where that is known."""
    if isinstance(value, str):
        return plain(value)
    match key:
        case "brightness":
            return f"{100 * value / BRIGHTEST:.0f} %"
        case "percentage" | "position":
            return f"{value:g} %"
        case "volume_level":
            return f"{100 * value:g} %"
        case "temperature":
            return f"{value:g}°"
        case _:
            return f"{value:g}"


def _by_the_sun(trigger: SunTrigger) -> str:
    if not trigger.offset_minutes:
        return f"At {trigger.event}"
    side = "after" if trigger.offset_minutes > 0 else "before"
    return f"{short_time(60 * abs(trigger.offset_minutes))} {side} {trigger.event}"


def _reaches(trigger: StateTrigger) -> str:
    entity_id, to = trigger.entity_id, trigger.to
    if trigger.for_seconds:
        return f"has been {_state(entity_id, to)} for {short_time(trigger.for_seconds)}"
    if entity_id.startswith(PEOPLE):
        return COMES.get(to, f"comes to {plain(to)}")
    state = _state(entity_id, to)
    known = OPENS if _opens(entity_id) else REACHES
    return known.get(state, f"becomes {state}")


def _state(entity_id: str, state: str) -> str:
    """Return the words for an entity in a state."""
    if entity_id.startswith("binary_sensor.") and _opens(entity_id) and state in ("on", "off"):
        return "open" if state == "on" else "closed"
    return IN_STATE.get(state) or plain(state)


def _opens(entity_id: str) -> bool:
    """Return whether an entity is a cover, or a contact of something that opens."""
    return entity_id.startswith("cover.") or f"_{entity_id.partition('.')[2]}".endswith(OPENINGS)


def _passes(trigger: NumericTrigger) -> str:
    above, below = trigger.above, trigger.below
    if trigger.for_seconds or (above is None) == (below is None):
        wait = f" for {short_time(trigger.for_seconds)}" if trigger.for_seconds else ""
        return f"{'has been' if wait else 'comes to be'} {_range(above, below)}{wait}"
    return f"rises above {above:g}" if below is None else f"falls below {below:g}"


def _range(above: float | None, below: float | None) -> str:
    if above is not None and below is not None:
        return f"between {above:g} and {below:g}"
    if above is None and below is None:
        return "known"
    return f"above {above:g}" if below is None else f"below {below:g}"
