"""What is out of order is said as it happens, and said again when the day is judged."""

import random
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from detectors.anomaly import Anomalies
from detectors.time_of_day import TimeOfDay
from pipeline.core.core import LearningCore
from pipeline.wording.sentences import sentence
from schemas.anomalies import Anomaly
from schemas.events import Gap, StateChange
from schemas.home import Home
from tests.profiles import examples

HOME = Home(tz="Europe/Berlin", lat=52.5, lon=13.4)
FIRST = datetime(2026, 3, 6, tzinfo=HOME.zone)  # summer time begins within the days
DAYS = 27
LAST = DAYS - 1
HOUR_S = 3600.0
Entry = tuple[float, str, str]
Fault = Callable[[int, list[Entry]], list[Entry]]


def instant_us(number: int, wall_s: float = 0.0) -> int:
    """UTC microseconds of a time of the wall clock, in seconds from the midnight of a day."""
    wall = FIRST.replace(tzinfo=None) + timedelta(days=number, seconds=wall_s)
    return round(wall.replace(tzinfo=HOME.zone).timestamp() * 1e6)


def first_after(told: Sequence[StateChange], wall_s: float) -> int:
    """Place of the first change after a time of the last day."""
    return next(place for place, change in enumerate(told) if change.at_us > instant_us(LAST, wall_s))


def calm(number: int, seed: int = 0) -> list[Entry]:
    """One day, in seconds from its midnight: people get up, move about, use things, go to bed."""
    rng = random.Random(f"{seed} {number}")
    said: list[Entry] = []
    for minute in range(7 * 60, 22 * 60, 6):
        at, room = minute * 60 + rng.uniform(0, 200), rng.choice(("hall", "kitchen"))
        said += [(at, f"binary_sensor.{room}_motion", "on"), (at + 45, f"binary_sensor.{room}_motion", "off")]
    for hour in (8, 12, 17):
        at = hour * HOUR_S + rng.uniform(0, 3000)
        said += [(at, "binary_sensor.front_door", "on"), (at + 9, "binary_sensor.front_door", "off")]
    for name, hour in (("desk", 10), ("desk", 19), ("bed", 20)):
        at = hour * HOUR_S + rng.uniform(0, 2400)
        said += [(at, f"light.{name}", "on"), (at + rng.uniform(900, 1500), f"light.{name}", "off")]
    at = 7.5 * HOUR_S + rng.gauss(0, 120)
    said += [(at, "switch.kettle", "on"), (at + 200, "switch.kettle", "off")]
    for step in range(0, 24 * 12, 2):
        warmth = 20 + step % 12 / 10 + rng.gauss(0, 0.1)
        said.append((step * 300 + 20, "sensor.hall_temperature", f"{warmth:.2f}"))
    for half_hour in range(48):
        at = half_hour * 1800 + rng.uniform(0, 900)
        said.append((at, "sensor.router_load", f"{rng.uniform(5, 20):.1f}"))
    return sorted(said)


def nothing(_number: int, said: list[Entry]) -> list[Entry]:
    """Leave the day as it is."""
    return said


def forget_desk(number: int, said: list[Entry]) -> list[Entry]:
    """Leave the desk's light on, from the last day's morning."""
    desk = [entry for entry in said if entry[1] == "light.desk"]
    return [entry for entry in said if number != LAST or entry not in desk[1:]]


def open_at_night(number: int, said: list[Entry]) -> list[Entry]:
    """Open the front door at three on the last night."""
    at, door_id = 3 * HOUR_S, "binary_sensor.front_door"
    door = [(at, door_id, "on"), (at + 9, door_id, "off")]
    return sorted([*said, *door]) if number == LAST else said


def flap(number: int, said: list[Entry]) -> list[Entry]:
    """Let the bed's light flap on the last afternoon."""
    turns = [(14 * HOUR_S + 2 * turn, "light.bed", "off" if turn % 2 else "on") for turn in range(40)]
    return sorted([*said, *turns]) if number == LAST else said


def silence_hall(number: int, said: list[Entry]) -> list[Entry]:
    """Let the hall's motion sensor die three days before the end."""
    dead = number > LAST - 3
    return [entry for entry in said if not dead or entry[1] != "binary_sensor.hall_motion"]


def skip_kettle(number: int, said: list[Entry]) -> list[Entry]:
    """Boil no water on the last day."""
    return [entry for entry in said if number != LAST or entry[1] != "switch.kettle"]


def heat_hall(number: int, said: list[Entry]) -> list[Entry]:
    """Heat the hall at the last noon."""
    return [
        (at, name, f"{float(state) + 9:.2f}")
        if number == LAST and name == "sensor.hall_temperature" and 12 <= at / HOUR_S < 13
        else (at, name, state)
        for at, name, state in said
    ]


def unplug_hall(number: int, said: list[Entry]) -> list[Entry]:
    """Let the hall's thermometer fall silent on the last morning."""
    dead = "sensor.hall_temperature"
    return [entry for entry in said if number != LAST or entry[1] != dead or entry[0] < 9 * HOUR_S]


def hang_router(number: int, said: list[Entry]) -> list[Entry]:
    """Let the router fall silent on the last morning."""
    dead = "sensor.router_load"
    return [entry for entry in said if number != LAST or entry[1] != dead or entry[0] < 9 * HOUR_S]


FAULTS: dict[str, tuple[Fault, str, str]] = {
    "left_on": (forget_desk, "left_on", "light.desk"),
    "night_opening": (open_at_night, "night_opening", "binary_sensor.front_door"),
    "flapping": (flap, "flapping", "light.bed"),
    "stuck": (silence_hall, "stuck_sensor", "binary_sensor.hall_motion"),
    "stuck_numeric": (unplug_hall, "stuck_sensor", "sensor.hall_temperature"),
    "stuck_machine": (hang_router, "stuck_sensor", "sensor.router_load"),
    "missed": (skip_kettle, "missed_routine", "switch.kettle"),
    "numeric": (heat_hall, "numeric", "sensor.hall_temperature"),
}


def changes(number: int, fault: Fault = nothing, seed: int = 0) -> list[StateChange]:
    """One day's changes as the core learns them."""
    return [
        StateChange(instant_us(number, at), name, None, state)
        for at, name, state in fault(number, calm(number, seed))
    ]


class Living:
    """A home that is learned day by day, as a process does it."""

    def __init__(self) -> None:
        self.core = LearningCore(HOME, [TimeOfDay(), Anomalies()])
        self.alarms: list[Anomaly] = []

    def feed(self, told: Iterable[StateChange]) -> None:
        """Learn changes in the order in which they come, and hear what is said of them."""
        for change in told:
            self.core.learn_one(change)
            self.alarms += self.core.watching.take()

    def end_day(self, number: int) -> None:
        """Let midnight pass, and judge."""
        end = StateChange(instant_us(number + 1), "weather.home", "sunny", "rainy")
        self.core.learn_one(end)
        self.judge()

    def judge(self) -> None:
        """Close the days that ended, and judge them all."""
        self.core.close_due()
        for _ in self.core.judge():
            pass
        self.alarms += self.core.watching.take()

    def live(self, fault: Fault = nothing, seed: int = 0, days: int = 1) -> "Living":
        """Learn all days but the last ones, then live through those."""
        for number in range(DAYS):
            if number >= DAYS - days:
                self.end_day(number - 1)
            self.feed(changes(number, fault, seed))
        return self

    def judged(self) -> dict[str, Anomaly]:
        """What the judgement says of the days that ended."""
        return {anomaly.id: anomaly for anomaly in self.core.anomalies}


def said(alarms: Iterable[Anomaly]) -> set[tuple[str, str, str]]:
    """Kind, entity and id."""
    return {(alarm.detail.kind.value, alarm.detail.entity_id, alarm.id) for alarm in alarms}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_said_live_and_again_when_judged(name: str) -> None:
    """A watch says it as it happens; the judgement of the day finds the same, by the same id, and no more."""
    fault, kind, entity_id = FAULTS[name]
    home = Living().live(fault, days=3 if name == "stuck" else 1)
    home.end_day(LAST)
    assert {(alarm.detail.kind, alarm.detail.entity_id) for alarm in home.alarms} == {(kind, entity_id)}
    assert said(home.alarms) == said(home.judged().values())
    assert len(home.alarms) == 1


SENTENCES = {
    "missed": r"""Kettle \(switch\) was not turned on between 07:00 and 08:00\.
        It is usually turned on around 07:\d\d: on \d\d of the last \d\d such days\.""",
    "night_opening": r"""Front door \(binary sensor\) was opened while nothing else stirred\.
        It is hardly ever opened around 03:00, when the home sleeps: on none of 26 nights\.""",
    "flapping": r"""Bed \(light\) changed \d+ times within \d+ s\.
        It has never changed more than once in quick succession before, in [\d,]+ spells of changes\.""",
    "stuck": r"""Hall motion \(binary sensor\) has been silent for .+, while there was life in the home\.
        It usually reports at least once in .+ of life in the home\.""",
    "stuck_machine": r"""Router load \(sensor\) has been silent for .+\.
        It usually reports at least every \d+ min\.""",
    "numeric": r"""Hall temperature \(sensor\) jumped to .+\.
        It is usually between .+ and .+, judging by its .+\.""",
}


@pytest.mark.parametrize("name", SENTENCES)
def test_alarms_are_sentences(name: str) -> None:
    """What is out of order and what was expected instead, for people."""
    (alarm,) = Living().live(FAULTS[name][0], days=3 if name == "stuck" else 1).alarms
    assert re.fullmatch(re.sub(r"\s+", " ", SENTENCES[name]), sentence(alarm))


def test_a_calm_home_is_left_in_peace() -> None:
    """Nothing out of order, nothing said."""
    home = Living().live()
    home.end_day(LAST)
    assert not home.alarms
    assert not home.judged()


@given(
    seed=st.integers(0, 10_000),
    names=st.sets(st.sampled_from(["left_on", "night_opening", "flapping", "missed"]), min_size=1),
)
@settings(max_examples=examples(4), phases=[Phase.explicit, Phase.generate])
def test_a_watch_says_what_the_judgement_of_its_day_finds(seed: int, names: set[str]) -> None:
    """Whatever is out of order on a day, living through it and judging it afterwards say the same."""

    def all_of_them(number: int, day: list[Entry]) -> list[Entry]:
        for name in sorted(names):
            day = FAULTS[name][0](number, day)
        return day

    home = Living().live(all_of_them, seed)
    home.end_day(LAST)
    judged = [each for each in home.judged().values() if _on_last_day(each)]
    lived = [each for each in home.alarms if _on_last_day(each)]
    assert said(lived) == said(judged)
    assert {each.detail.kind.value for each in lived} >= {FAULTS[name][1] for name in names}


def _on_last_day(alarm: Anomaly) -> bool:
    return alarm.detail.at.timestamp() * 1e6 >= instant_us(LAST)


def test_late_and_duplicate_events_do_no_harm() -> None:
    """A light whose end arrives an hour late was not left on, if nothing was due before; twice is once."""
    home = Living()
    for number in range(LAST):
        home.feed(changes(number))
    home.end_day(LAST - 1)
    day = changes(LAST)
    off = next(change for change in day if change.entity_id == "light.bed" and change.new == "off")
    rest = [change for change in day if change is not off]
    late = next(place for place, each in enumerate(rest) if each.at_us > off.at_us + 600_000_000)
    home.feed([*rest[:late], *rest[late - 40 : late], off, off, *rest[late:]])
    home.end_day(LAST)
    assert not home.alarms
    assert not home.judged()


def test_nothing_is_missed_in_a_gap() -> None:
    """What could not be seen is no fault: neither the kettle, nor the light, nor the thermometer."""

    def unseen(number: int, day: list[Entry]) -> list[Entry]:
        return [entry for entry in day if number != LAST or not 7 * HOUR_S < entry[0] < 18 * HOUR_S]

    home = Living()
    for number in range(LAST):
        home.feed(changes(number))
    home.end_day(LAST - 1)
    day = changes(LAST, unseen)
    back = first_after(day, 12 * HOUR_S)
    home.feed(day[:back])
    home.core.note_gap(Gap(instant_us(LAST, 7 * HOUR_S), day[back].at_us - 1000, "test"))
    home.feed(day[back:])
    home.end_day(LAST)
    assert not home.alarms
    assert not home.judged()


def test_an_empty_home_misses_nothing() -> None:
    """While everybody is away for days, no routine is missed and no sensor of people is stuck."""

    def away(number: int, day: list[Entry]) -> list[Entry]:
        return [entry for entry in day if number < LAST - 4 or entry[1].startswith("sensor.")]

    home = Living().live(away)
    home.end_day(LAST)
    assert not home.alarms
    assert not home.judged()


@pytest.mark.parametrize("fault", [forget_desk, unplug_hall, hang_router])
def test_a_restart_in_the_middle_of_the_day_loses_no_fault(fault: Fault) -> None:
    """A core that starts anew, and sees again what the open day held, goes on where the first one was."""
    home, again = Living().live(fault), Living()
    day = changes(LAST, fault)
    noon = first_after(day, 10.75 * HOUR_S if fault is forget_desk else 9.5 * HOUR_S)
    for number in range(LAST):
        again.feed(changes(number, fault))
    again.feed(day[:noon])
    again.judge()
    assert not again.alarms
    again.feed(day[noon:])
    assert said(again.alarms) == said(home.alarms)
    assert home.alarms


def test_what_a_person_reads_says_what_is_usual_and_what_is_not() -> None:
    """The sentences name spans and counts; the evidence counts the occasions before."""
    (alarm,) = Living().live(forget_desk).alarms
    assert alarm.detail.expected.startswith("is usually on for less than ")
    assert "the longest of " in alarm.detail.expected
    assert alarm.detail.observed.startswith("has been on for ")
    assert alarm.evidence.opportunities == alarm.evidence.hits > 40
    assert alarm.evidence.base_rate == pytest.approx(10**-alarm.detail.score)
    assert alarm.detail.score > 3
