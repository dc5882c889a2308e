"""Options of a command for what a person wants another way."""

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from pipeline.cli import UserError
from pipeline.doctor import finding
from schemas.automations import InState, Requirement, TemperatureOf
from schemas.commands import Modification
from schemas.patterns import AtHome, Dark, Hours, Weekday

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
GROUPS = {"weekdays": tuple(range(5)), "weekend": (5, 6), "weekends": (5, 6)}
PLAIN: dict[str, Requirement] = {
    "dark": Dark(),
    "home": AtHome(),
    "somebody home": AtHome(),
    "nobody home": AtHome(somebody=False),
    "away": AtHome(somebody=False),
}
CONDITIONS = (
    "dark, home, nobody home, weekdays, weekend, mon,tue, after 18:00, before 8:00, 18:00-23:00, "
    "sensor.x<5, sensor.x>5 or light.x=on"
)
_CLOCK = r"([01]?\d|2[0-3]):([0-5]\d)"
_HOURS = re.compile(rf"(?:(after|before) {_CLOCK}|(?:between )?{_CLOCK} ?(?:-|and|to) ?{_CLOCK})", re.ASCII)
_COMPARED = re.compile(r"([a-z0-9_.]+) ?([<>=]) ?(.+)", re.ASCII)


class Once(argparse.Action):
    """Keeps one value; a second one would otherwise replace the first without a word."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Keep the value, or refuse a second one."""
        if getattr(namespace, self.dest) is not None:
            parser.error(f"expected {option_string} once, got it again: one more condition can be added")
        setattr(namespace, self.dest, values)


def add_change_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be wanted another way."""
    parser.add_argument("--time", type=minute, metavar="HH:MM", help="another time of the day")
    parser.add_argument(
        "--offset", type=int, metavar="MIN", help="minutes after sunrise or sunset; before it where negative"
    )
    parser.add_argument("--entity", metavar="ID", help="another entity of the same kind to act on")
    parser.add_argument(
        "--if",
        dest="condition",
        action=Once,
        type=condition,
        metavar="CONDITION",
        help=f"one more condition, given once: {CONDITIONS}",
    )


def change_of(arguments: argparse.Namespace) -> Modification | None:
    """Return what the options want another way; None where that is nothing."""
    try:
        change = Modification(
            minute=arguments.time,
            offset_minutes=arguments.offset,
            entity_id=arguments.entity,
            condition=arguments.condition,
        )
    except ValidationError as error:
        raise UserError("; ".join(finding.explain(error))) from error
    return None if change == Modification() else change


def minute(words: str) -> int:
    """The minute of the day that a clock time names.

    Examples
    --------
    >>> minute("7:05")
    425
    """
    found = re.fullmatch(_CLOCK, words, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"expected a time such as 07:05, got {words!r}")
    return 60 * int(found[1]) + int(found[2])


def condition(words: str) -> Requirement:
    """The condition that a person means.

    Examples
    --------
    >>> condition("nobody home"), condition("sat, mon")
    (AtHome(kind='home', somebody=False), Weekday(kind='weekday', days=(0, 5)))
    >>> condition("after 18:30").after, condition("light.hall=on").state
    (18.5, 'on')
    """
    clean = " ".join(words.split())
    lower = clean.lower()
    readers: tuple[Callable[[str], Requirement | None], ...] = (PLAIN.get, _days, _hours)
    found = next((found for read in readers if (found := read(lower)) is not None), None) or _compared(clean)
    if found is None:
        raise argparse.ArgumentTypeError(f"expected one of {CONDITIONS}, got {words!r}")
    return found


def _days(words: str) -> Requirement | None:
    if words in GROUPS:
        return Weekday(days=GROUPS[words])
    named = [name.strip() for name in words.split(",")]
    if not all(name in DAYS for name in named):
        return None
    return Weekday(days=tuple(sorted({DAYS.index(name) for name in named})))


def _hours(words: str) -> Requirement | None:
    found = _HOURS.fullmatch(words)
    if found is None:
        return None
    side, *numbers = found.groups()
    hours = [int(hour) + int(minutes) / 60 for hour, minutes in _pairs(numbers)]
    match side:
        case "after":
            return Hours(after=hours[0], before=24)
        case "before":
            return Hours(after=0, before=hours[0])
        case _:
            return Hours(after=hours[0], before=hours[1])


def _pairs(numbers: list[str | None]) -> list[tuple[str, str]]:
    """Hours with their minutes; without those that were not given."""
    return [
        (hour, minutes) for hour, minutes in zip(numbers[::2], numbers[1::2], strict=True) if hour and minutes
    ]


def _compared(words: str) -> Requirement | None:
    found = _COMPARED.fullmatch(words)
    if found is None:
        return None
    entity_id, sign, value = found.groups()
    try:
        if sign == "=":
            return InState(entity_id=entity_id, state=value)
        number = float(value)
        return TemperatureOf(entity_id=entity_id, **{"below" if sign == "<" else "above": number})
    except ValidationError as error:
        raise argparse.ArgumentTypeError("; ".join(finding.explain(error))) from error
    except ValueError:
        return None
