"""Almanac of the kinds of days: work, weekends, holidays, journeys, sickness, guests."""

from collections.abc import Collection
from datetime import date, timedelta
from random import Random

from pipeline.simulation.truth import DayType

# Month and day of holidays that fall on the same date every year.
_PUBLIC_HOLIDAYS = ((1, 1), (1, 6), (5, 1), (10, 3), (10, 31), (12, 25), (12, 26))
_BLOCK_DAYS = 30
_LEAVE_SHARE = 0.03
_SICK_SHARE = 0.02
_LONGEST_SICKNESS_DAYS = 3
_GUESTS_SHARE = {True: 0.2, False: 0.06}


class Almanac:
    """Draws each day by itself, so that a longer run begins with the same days.

    Parameters
    ----------
    seed
        Of the draws.
    start
        First local day, counted as 0.
    occupants
        How many live here.
    away
        Days on which nobody is at home; None draws a short journey in the first month, one of a week in the
        second, and so on.
    """

    def __init__(self, *, seed: int, start: date, occupants: int, away: Collection[int] | None) -> None:
        self._seed = seed
        self._start = start
        self._occupants = occupants
        self._away = away

    def day_type(self, day: int) -> DayType:
        """Say what kind of day it is; what says most about the household comes first."""
        if self.is_away(day):
            return "away"
        if self.sick(day) is not None:
            return "sick"
        if self.has_guests(day):
            return "guests"
        if self._weekday(day) >= 5:
            return "weekend"
        return "holiday" if self.is_free(day) else "work"

    def is_away(self, day: int) -> bool:
        """Tell whether the household is on a journey."""
        if self._away is not None:
            return day in self._away
        block = day // _BLOCK_DAYS
        begin = block * _BLOCK_DAYS + self._rng("journey", block).randrange(13, 21)
        return begin <= day < begin + (2 if block % 2 == 0 else 7)

    def is_workday(self, day: int) -> bool:
        """Tell whether shops and schools are open: neither a weekend nor a public holiday."""
        on = self._date(day)
        return on.weekday() < 5 and (on.month, on.day) not in _PUBLIC_HOLIDAYS

    def is_free(self, day: int) -> bool:
        """Tell whether nobody goes to work: no workday, or a day of leave."""
        return not self.is_workday(day) or self._rng("leave", day).random() < _LEAVE_SHARE

    def sick(self, day: int) -> int | None:
        """Return the number of the occupant who lies ill, if one does."""
        for first in range(max(0, day - _LONGEST_SICKNESS_DAYS + 1), day + 1):
            rng = self._rng("sick", first)
            falls_ill = rng.random() < _SICK_SHARE
            occupant, length = rng.randrange(self._occupants), rng.randint(1, _LONGEST_SICKNESS_DAYS)
            if falls_ill and day < first + length:
                return occupant
        return None

    def has_guests(self, day: int) -> bool:
        """Tell whether somebody comes to visit in the evening."""
        at_ease = self._weekday(day) >= 4
        return not self.is_away(day) and self._rng("guests", day).random() < _GUESTS_SHARE[at_ease]

    def _weekday(self, day: int) -> int:
        return self._date(day).weekday()

    def _date(self, day: int) -> date:
        return self._start + timedelta(days=day)

    def _rng(self, part: str, number: int) -> Random:
        return Random(f"{self._seed}/{part}/{number}")
