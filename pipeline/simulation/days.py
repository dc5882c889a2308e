"""The time of a run: the calendar of its days, daylight, and the agenda of what is going to happen."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from heapq import heappop, heappush
from itertools import count
from zoneinfo import ZoneInfo

from schemas.sun import local_sun_times

Action = Callable[[float], object]


class Calendar:
    """Translate the days of a run, counted from 0, into epoch seconds.

    Parameters
    ----------
    start
        First local day.
    days
        How many.
    tz
        IANA name of the household's time zone.
    lat, lon
        Where the sun is seen from, in degrees.
    """

    def __init__(self, *, start: date, days: int, tz: str, lat: float, lon: float) -> None:
        self.start = start
        self.days = days
        self.tz = tz
        self._zone = ZoneInfo(tz)
        self.lat = lat
        self._lon = lon
        self._suns: dict[int, tuple[float, float]] = {}

    def date(self, day: int) -> date:
        """Return the local date of a day of the run."""
        return self.start + timedelta(days=day)

    def moment(self, day: int, minute: float) -> float:
        """Return the epoch seconds at which the wall clock shows `minute` of `day`."""
        midnight = datetime.combine(self.date(day), time(), self._zone)
        return (midnight + timedelta(minutes=minute)).timestamp()

    def minute(self, at: float) -> float:
        """Return the minutes after midnight that the wall clock shows."""
        wall = datetime.fromtimestamp(at, self._zone)
        return wall.hour * 60 + wall.minute + wall.second / 60

    def sun(self, day: int) -> tuple[float, float]:
        """Return sunrise and sunset in epoch seconds."""
        if day not in self._suns:
            midnight = datetime.combine(self.date(day), time(), UTC).timestamp()
            sunrise, sunset = local_sun_times(self.date(day), self._zone, self.lat, self._lon)
            self._suns[day] = midnight + sunrise * 60, midnight + sunset * 60
        return self._suns[day]

    def day(self, at: float) -> int:
        """Return the day of the run to which a moment belongs."""
        return (datetime.fromtimestamp(at, self._zone).date() - self.start).days

    def is_dark(self, at: float) -> bool:
        """Tell whether the sun is below the horizon."""
        sunrise, sunset = self.sun(self.day(at))
        return not sunrise <= at < sunset


class Agenda:
    """A queue of actions, each called with its own time; equal times keep the order of planning."""

    def __init__(self) -> None:
        self._planned: list[tuple[float, int, Action]] = []
        self._numbers = count()

    def at(self, moment: float, action: Action) -> None:
        """Plan an action."""
        heappush(self._planned, (moment, next(self._numbers), action))

    def step(self, until: float) -> bool:
        """Do the next action if it is due before `until`, and say whether there was one."""
        if not self._planned or self._planned[0][0] >= until:
            return False
        moment, _, action = heappop(self._planned)
        action(moment)
        return True
