"""What people write when they want a suggestion another way."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli import UserError
from pipeline.cli.changes import add_change_arguments, change_of, condition, minute
from schemas.automations import InState, Requirement, TemperatureOf
from schemas.commands import Modification
from schemas.patterns import AtHome, Dark, Hours, Weekday


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("dark", Dark()),
        ("  Dark ", Dark()),
        ("home", AtHome()),
        ("nobody  home", AtHome(somebody=False)),
        ("weekdays", Weekday(days=(0, 1, 2, 3, 4))),
        ("weekend", Weekday(days=(5, 6))),
        ("tue", Weekday(days=(1,))),
        ("sun,Mon, sun", Weekday(days=(0, 6))),
        ("after 18:00", Hours(after=18, before=24)),
        ("before 8:15", Hours(after=0, before=8.25)),
        ("between 22:00 and 6:30", Hours(after=22, before=6.5)),
        ("22:00-06:30", Hours(after=22, before=6.5)),
        ("sensor.outside<5", TemperatureOf(entity_id="sensor.outside", below=5)),
        ("sensor.outside > -2.5", TemperatureOf(entity_id="sensor.outside", above=-2.5)),
        ("light.hall=on", InState(entity_id="light.hall", state="on")),
        ("select.mode = Guest Room", InState(entity_id="select.mode", state="Guest Room")),
    ],
)
def test_conditions(words: str, meant: Requirement) -> None:
    """Each way of saying a condition is understood as it is meant."""
    assert condition(words) == meant


@pytest.mark.parametrize(
    "words",
    [
        "",
        "sometimes",
        "mon,",
        "mon;tue",
        "after 24:00",
        "after 7",
        "18:00-",
        "sensor.x<warm",
        "sensor.x<nan",
        "sensor.x<inf",
        "light=on",
        "light.hall={{ states('x') }}",
        "light.hall=on\x00",
        "light.hall=" + "x" * 256,
        "x" * 100_000,
    ],
)
def test_what_cannot_be_meant(words: str) -> None:
    """What is no condition is refused."""
    with pytest.raises(argparse.ArgumentTypeError):
        condition(words)


@given(st.text(max_size=40))
def test_any_words_are_a_condition_or_refused(words: str) -> None:
    """Whatever is written, it is understood or refused as an argument."""
    try:
        condition(words)
    except argparse.ArgumentTypeError:
        return


@pytest.mark.parametrize(("words", "meant"), [("0:00", 0), ("07:05", 425), ("23:59", 1439)])
def test_times(words: str, meant: int) -> None:
    """A clock time is a minute of the day."""
    assert minute(words) == meant


@pytest.mark.parametrize("words", ["24:00", "7", "7:5", "07:60", "٠٧:٠٥", ""])
def test_what_is_no_time(words: str) -> None:
    """What is no clock time is refused."""
    with pytest.raises(argparse.ArgumentTypeError):
        minute(words)


def change(*words: str) -> Modification | None:
    """What options want another way."""
    parser = argparse.ArgumentParser()
    add_change_arguments(parser)
    return change_of(parser.parse_args(words))


def test_options() -> None:
    """All options together are one wish; none is none."""
    assert change() is None
    wanted = change("--offset", "-20", "--entity", "light.bath", "--if", "dark")
    assert wanted == Modification(offset_minutes=-20, entity_id="light.bath", condition=Dark())
    assert change("--time", "00:00") == Modification(minute=0)


@pytest.mark.parametrize("words", [("--entity", "bath"), ("--offset", "4000")])
def test_what_no_automation_can_have(words: tuple[str, ...]) -> None:
    """What no automation can have is said by its name."""
    with pytest.raises(UserError, match=r"entity_id|offset_minutes"):
        change(*words)
