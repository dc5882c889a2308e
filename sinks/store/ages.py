"""Ages of days, counted in days that were lived through, so that no clock makes anything old. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple


class Term(NamedTuple):
    """For how many days something is kept.

    `settling` days have to be lived through before the calendar moves on: a clock that is wrong makes a day
    or two, a life makes them all. `at_once` days leave in one go at most; where more would, none does before
    a person says so. None is for what is made again from days that stay.
    """

    days: int
    settling: int
    at_once: int | None = None


class Leaving(NamedTuple):
    """Days that may leave: those before `before`, and those past their age which a person has to let go."""

    before: date
    overdue: Sequence[date]


def leaving(kept: Sequence[date], term: Term, today: date) -> Leaving:
    """Say which of the days that are kept may leave.

    A day leaves when it is older than its term by the calendar, and `term.days + term.settling` newer ones
    are kept. Days after today count for nothing, so that a clock can keep days and never remove them.

    Parameters
    ----------
    kept
        Local days that are kept, in order.
    today
        The day by the clock.

    Examples
    --------
    >>> days = [date(2026, 1, 1) + timedelta(days=n) for n in range(12)]
    >>> leaving(days, Term(5, 3), date(2026, 1, 12)).before.isoformat()
    '2026-01-05'
    >>> leaving([*days, date(2028, 1, 1)], Term(5, 3), date(2028, 1, 1)).before.isoformat()
    '2026-01-06'
    """
    lived = [day for day in kept if day <= today + timedelta(days=1)]
    if len(lived) < term.settling:
        return Leaving(date.min, ())
    by_calendar = lived[-term.settling] - timedelta(days=term.days)
    enough = term.days + term.settling
    before = min(by_calendar, lived[-enough]) if len(lived) >= enough else date.min
    if term.at_once is not None and sum(day < before for day in lived) > term.at_once:
        before = date.min
    return Leaving(before, [day for day in lived if before <= day < by_calendar])
