"""The occupants, how their days run, and how hard they are to learn."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from pipeline.simulation.almanac import Almanac
from pipeline.simulation.days import Calendar


@dataclass(frozen=True, slots=True)
class Occupant:
    """A person; times are local minutes after midnight, means of what is drawn each day.

    Parameters
    ----------
    number
        Place among the occupants.
    out_share
        Probability of leaving for work on a day of work; otherwise it is done at home.
    evening_out
        Probability of leaving again after a day's work.
    """

    name: str
    number: int
    work_wake: float
    work_leave: float
    work_return: float
    weekend_wake: float
    bed: float
    out_share: float
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


# Part-time, full-time, at school, at home.
_ARCHETYPES = (
    Occupant("robin", 0, 400, 530, 820, 470, 1370, 0.92, 0.05),
    Occupant("alex", 1, 380, 455, 1040, 510, 1450, 0.85, 0.2),
    Occupant("kim", 2, 390, 460, 900, 600, 1400, 1.0, 0.15),
    Occupant("sam", 3, 430, 600, 700, 450, 1330, 0.6, 0.1),
)
MOST = len(_ARCHETYPES)
GUEST = "guest"


def draw_occupants(rng: Random, number: int) -> tuple[Occupant, ...]:
    """Draw who lives here: the same people for every seed, with times of their own."""
    return tuple(
        replace(
            each,
            work_wake=each.work_wake + rng.gauss(0, 6),
            work_leave=each.work_leave + rng.gauss(0, 8),
            work_return=each.work_return + rng.gauss(0, 15),
            weekend_wake=each.weekend_wake + rng.gauss(0, 15),
            bed=each.bed + rng.gauss(0, 10),
        )
        for each in _ARCHETYPES[:number]
    )


def joint_outing(rng: Random, *, free: bool) -> tuple[float, float] | None:
    """Draw the minutes in which all are out on a free day, if they go out."""
    begin, length = rng.uniform(640, 720), rng.uniform(120, 260)
    return (begin, begin + length) if rng.random() < 0.45 and free else None


def guest_stay(calendar: Calendar, day: int, rng: Random) -> Stay:
    """Draw when a guest is there."""
    begin = calendar.moment(day, rng.uniform(1060, 1140))
    return Stay(begin, begin + rng.uniform(6000, 14000), arrives=True, leaves=True)


class Rhythm:
    """Draws the stays of one day after the other.

    Parameters
    ----------
    calendar, almanac
        Time, and what kind of day it is.
    rng
        Source of what differs from day to day.
    """

    def __init__(self, calendar: Calendar, almanac: Almanac, rng: Random) -> None:
        self._calendar = calendar
        self._almanac = almanac
        self._rng = rng

    def stays(
        self, occupant: Occupant, day: int, outing: tuple[float, float] | None, appointments: list[float]
    ) -> list[Stay]:
        """Draw when somebody is awake at home, no shorter than what they mean to do that day asks for."""
        if self._almanac.is_away(day):
            return list(self._journey(day))
        rng, moment = self._rng, self._calendar.moment
        works = not self._almanac.is_free(day) and self._almanac.sick(day) != occupant.number
        absences = self._absences(occupant, day, works=works, outing=outing)
        wake = moment(day, rng.gauss(occupant.work_wake if works else occupant.weekend_wake, 12))
        bed = moment(day, rng.gauss(occupant.bed, 15))
        wake = min([wake, *(at - rng.uniform(180, 900) for at in appointments)])
        bed = max([bed, *(at + rng.uniform(120, 600) for at in appointments)])
        edges = [wake, *(moment(day, minute) for absence in absences for minute in absence), bed]
        pairs = list(zip(edges[::2], edges[1::2], strict=True))
        return [
            Stay(begin, end, arrives=index > 0, leaves=index < len(pairs) - 1)
            for index, (begin, end) in enumerate(pairs)
        ]

    def _absences(
        self, occupant: Occupant, day: int, *, works: bool, outing: tuple[float, float] | None
    ) -> list[tuple[float, float]]:
        rng = self._rng
        if not works:
            return [outing] if outing and self._almanac.sick(day) != occupant.number else []
        absences = []
        leaves, returns = rng.gauss(occupant.work_leave, 8), rng.gauss(occupant.work_return, 22)
        if rng.random() < occupant.out_share:
            absences.append((leaves, returns))
        if rng.random() < occupant.evening_out:
            begin = returns + rng.uniform(60, 110)
            absences.append((begin, begin + rng.uniform(90, 180)))
        return absences

    def _journey(self, day: int) -> Iterator[Stay]:
        """Yield the morning before the first day away and the evening after the last."""
        rng, moment = self._rng, self._calendar.moment
        if not self._almanac.is_away(day - 1):
            begin = moment(day, rng.uniform(320, 335))
            yield Stay(begin, begin + rng.uniform(1800, 2700), arrives=False, leaves=True)
        if not self._almanac.is_away(day + 1):
            begin = moment(day, rng.uniform(1270, 1290))
            yield Stay(begin, begin + rng.uniform(4200, 6000), arrives=True, leaves=False)


Level = Literal["easy", "normal", "hard"]


@dataclass(frozen=True, slots=True)
class Difficulty:
    """Factors on what blurs a habit.

    Parameters
    ----------
    noise
        On how often devices are used for no reason.
    spread
        On the spread of times.
    skipping
        On the probability of not doing what one usually does.
    """

    noise: float
    spread: float
    skipping: float

    def probability(self, usual: float) -> float:
        """Return the probability with which something is done that is usually done with another."""
        return round(max(0.0, 1 - self.skipping * (1 - usual)), 3)


DIFFICULTIES: dict[Level, Difficulty] = {
    "easy": Difficulty(noise=0.3, spread=0.6, skipping=0.4),
    "normal": Difficulty(noise=1.0, spread=1.0, skipping=1.0),
    "hard": Difficulty(noise=2.5, spread=1.4, skipping=2.0),
}
