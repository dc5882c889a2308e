"""The occupants and how their days run."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from pipeline.simulation.days import Calendar


@dataclass(frozen=True, slots=True)
class Occupant:
    """A person; times are local minutes after midnight, means of what is drawn each day.

    Parameters
    ----------
    evening_out
        Probability of leaving again after a day's work.
    """

    name: str
    work_wake: float
    work_leave: float
    work_return: float
    weekend_wake: float
    bed: float
    evening_out: float

    @property
    def entity_id(self) -> str:
        """The person's entity in Home Assistant."""
        return f"person.{self.name}"


@dataclass(frozen=True, slots=True)
class Stay:
    """A time awake at home, in epoch seconds; else it begins with getting up and ends with going to bed."""

    begin: float
    end: float
    arrives: bool
    leaves: bool


OCCUPANTS = (
    Occupant("alex", 380, 455, 1040, 510, 1450, 0.2),
    Occupant("robin", 400, 530, 820, 470, 1370, 0.0),
)


def joint_outing(rng: Random, day_type: str) -> tuple[float, float] | None:
    """Draw the minutes in which both are out on a weekend day, if they go out."""
    begin, length = rng.uniform(640, 720), rng.uniform(120, 260)
    return (begin, begin + length) if day_type == "weekend" and rng.random() < 0.45 else None


def stays(
    occupant: Occupant,
    calendar: Calendar,
    day: int,
    rng: Random,
    *,
    outing: tuple[float, float] | None,
    appointments: list[float],
) -> list[Stay]:
    """Draw when the occupant is awake at home, no shorter than what they mean to do that day asks for."""
    if calendar.day_type(day) == "away":
        return list(_travel(calendar, day, rng))
    absences = _absences(occupant, calendar.day_type(day), rng, outing)
    wake_mean = occupant.work_wake if calendar.day_type(day) == "work" else occupant.weekend_wake
    wake = calendar.moment(day, rng.gauss(wake_mean, 12))
    bed = calendar.moment(day, rng.gauss(occupant.bed, 15))
    wake = min([wake, *(at - rng.uniform(180, 900) for at in appointments)])
    bed = max([bed, *(at + rng.uniform(120, 600) for at in appointments)])
    edges = [wake, *(calendar.moment(day, minute) for absence in absences for minute in absence), bed]
    pairs = list(zip(edges[::2], edges[1::2], strict=True))
    return [
        Stay(begin, end, arrives=index > 0, leaves=index < len(pairs) - 1)
        for index, (begin, end) in enumerate(pairs)
    ]


def _absences(
    occupant: Occupant, day_type: str, rng: Random, outing: tuple[float, float] | None
) -> list[tuple[float, float]]:
    if day_type == "weekend":
        return [outing] if outing else []
    absences = [(rng.gauss(occupant.work_leave, 8), rng.gauss(occupant.work_return, 22))]
    if rng.random() < occupant.evening_out:
        begin = absences[0][1] + rng.uniform(60, 110)
        absences.append((begin, begin + rng.uniform(90, 180)))
    return absences


def _travel(calendar: Calendar, day: int, rng: Random) -> Iterator[Stay]:
    """Yield the morning before the first day away and the evening after the last."""
    if day - 1 not in calendar.away:
        begin = calendar.moment(day, rng.uniform(320, 335))
        yield Stay(begin, begin + rng.uniform(1800, 2700), arrives=False, leaves=True)
    if day + 1 not in calendar.away:
        begin = calendar.moment(day, rng.uniform(1270, 1290))
        yield Stay(begin, begin + rng.uniform(4200, 6000), arrives=True, leaves=False)
