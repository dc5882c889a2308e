"""Entities by which Home Assistant itself knows the days: workday sensor and household calendar."""

from datetime import timedelta
from functools import partial

from pipeline.simulation.devices import Device
from pipeline.simulation.instance import World

WORKDAY = "binary_sensor.workday_sensor"
CALENDAR = "calendar.family"
_GUESTS_MINUTES = (1080.0, 1320.0)


def date_devices() -> list[Device]:
    """Return both entities."""
    return [
        Device(WORKDAY, "", "off", "on", {"friendly_name": "Workday Sensor"}, local=True),
        Device(CALENDAR, "", "off", "on", {"friendly_name": "Family"}, local=True),
    ]


class Dates:
    """Shows workdays, and journeys and guests as events of the calendar."""

    def __init__(self, world: World) -> None:
        self._world = world

    def plan(self, day: int) -> None:
        """Plan what changes at midnight, and a visit."""
        almanac, calendar = self._world.almanac, self._world.calendar
        midnight = calendar.moment(day, 0)
        state = "on" if almanac.is_workday(day) else "off"
        self._world.agenda.at(
            midnight + 0.4, lambda now: self._world.home_assistant.report(now, WORKDAY, state)
        )
        if almanac.is_away(day) and not almanac.is_away(day - 1):
            self._world.agenda.at(midnight + 0.1, partial(self._begin_journey, day))
        elif almanac.is_away(day - 1) and not almanac.is_away(day):
            self._world.agenda.at(midnight + 0.1, self._end)
        if almanac.has_guests(day):
            begin, end = (calendar.moment(day, minute) for minute in _GUESTS_MINUTES)
            self._world.agenda.at(begin, partial(self._receive, day))
            self._world.agenda.at(end, self._end)

    def _receive(self, day: int, at: float) -> None:
        on = self._world.calendar.date(day)
        self._world.home_assistant.report(
            at,
            CALENDAR,
            "on",
            message="Guests",
            all_day=False,
            start_time=f"{on} 18:00:00",
            end_time=f"{on} 22:00:00",
        )

    def _begin_journey(self, day: int, at: float) -> None:
        calendar = self._world.calendar
        end = day
        while self._world.almanac.is_away(end):
            end += 1
        self._world.home_assistant.report(
            at,
            CALENDAR,
            "on",
            message="Journey",
            all_day=True,
            start_time=f"{calendar.date(day)} 00:00:00",
            end_time=f"{calendar.date(day) + timedelta(days=end - day)} 00:00:00",
        )

    def _end(self, at: float) -> None:
        self._world.home_assistant.report(at, CALENDAR, "off")
