"""The household's calendar: local time, day types and daylight."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.simulation.truth import DayType
from schemas.sun import sun_times


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
    away
        Days on which nobody is at home.
    """

    def __init__(self, *, start: date, days: int, tz: str, lat: float, lon: float, away: range) -> None:
        self.start = start
        self.days = days
        self.away = away
        self._zone = ZoneInfo(tz)
        self._place = (lat, lon)
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

    def day_type(self, day: int) -> DayType:
        """Say what kind of day it is."""
        if day in self.away:
            return "away"
        return "weekend" if self.date(day).weekday() >= 5 else "work"

    def sun(self, day: int) -> tuple[float, float]:
        """Return sunrise and sunset in epoch seconds."""
        if day not in self._suns:
            midnight = datetime.combine(self.date(day), time(), UTC).timestamp()
            sunrise, sunset = sun_times(self.date(day), *self._place)
            self._suns[day] = midnight + sunrise * 60, midnight + sunset * 60
        return self._suns[day]

    def day(self, at: float) -> int:
        """Return the day of the run to which a moment belongs."""
        return (datetime.fromtimestamp(at, self._zone).date() - self.start).days

    def is_dark(self, at: float) -> bool:
        """Tell whether the sun is below the horizon."""
        sunrise, sunset = self.sun(self.day(at))
        return not sunrise <= at < sunset
