"""What is measured: weather, daylight, temperatures of rooms, and the sun that Home Assistant reckons."""

from datetime import UTC, datetime
from functools import partial
from math import cos, pi, sin
from typing import Any

from pipeline.simulation.devices import OCCUPIED_ROOMS, Device
from pipeline.simulation.world import World

_TEMPERATURE_EVERY_MIN = 20
_ILLUMINANCE_EVERY_MIN = 10
_NOON_LX = 45000.0
_CEILING_LX = 120.0


def sun_device() -> Device:
    """Return Home Assistant's own sun."""
    return Device("sun.sun", "", "below_horizon", "above_horizon", {"friendly_name": "Sun"}, local=True)


class Sensors:
    """Report readings at intervals; Home Assistant shows only those that differ from the last."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._home_assistant = world.home_assistant
        self._rng = world.rng("sensors")
        self._front_c = 0.0
        self._clearness = 0.6
        self._rooms_c = dict.fromkeys(OCCUPIED_ROOMS, 20.5)

    def plan(self, day: int) -> None:
        """Plan a day's readings and the sun's two crossings."""
        calendar, agenda = self._world.calendar, self._world.agenda
        self._front_c = 0.7 * self._front_c + self._rng.gauss(0, 1.8)
        self._clearness = self._rng.uniform(0.2, 0.9)
        for moment, state in zip(calendar.sun(day), ("above_horizon", "below_horizon"), strict=True):
            agenda.at(moment, partial(self._cross, day, state))
        begin, end = calendar.moment(day, 0), calendar.moment(day + 1, 0)
        for every_min, read in (
            (_TEMPERATURE_EVERY_MIN, self._read_temperatures),
            (_ILLUMINANCE_EVERY_MIN, self._read_illuminance),
        ):
            for number in range(int((end - begin) / 60 / every_min)):
                agenda.at(begin + 60 * (number * every_min + self._rng.uniform(0, 3)), read)

    def _read_temperatures(self, at: float) -> None:
        outdoor = self._outdoor_c(at)
        self._home_assistant.report(
            at, "sensor.outdoor_temperature", f"{outdoor + self._rng.gauss(0, 0.1):.1f}"
        )
        wanted = 20.8 if 360 < self._world.calendar.minute(at) < 1320 else 18.6
        for number, room in enumerate(OCCUPIED_ROOMS):
            drift = 0.06 * (wanted - self._rooms_c[room]) + 0.002 * (outdoor - self._rooms_c[room])
            self._rooms_c[room] += drift + self._rng.gauss(0, 0.04)
            reading = f"{self._rooms_c[room]:.1f}"
            self._world.agenda.at(
                at + 7 * number, partial(self._report, f"sensor.{room}_temperature", reading)
            )

    def _read_illuminance(self, at: float) -> None:
        day = self._world.calendar.day(at)
        sunrise, sunset = self._world.calendar.sun(day)
        height = sin(pi * (at - sunrise) / (sunset - sunrise)) if sunrise < at < sunset else 0.0
        outdoor = _NOON_LX * height * self._clearness * self._rng.uniform(0.8, 1.1)
        self._home_assistant.report(at, "sensor.outdoor_illuminance", f"{outdoor:.0f}")
        lamp = _CEILING_LX if self._home_assistant.state("light.living_room_ceiling") == "on" else 0.0
        self._home_assistant.report(at, "sensor.living_room_illuminance", f"{outdoor * 0.03 + lamp:.0f}")

    def _report(self, entity_id: str, reading: str, at: float) -> None:
        self._home_assistant.report(at, entity_id, reading)

    def _outdoor_c(self, at: float) -> float:
        """Return a temperate climate's temperature: coldest in mid January and before dawn."""
        day_of_year = self._world.calendar.date(self._world.calendar.day(at)).timetuple().tm_yday
        season = -9.5 * cos(2 * pi * (day_of_year - 15) / 365.25)
        hour = -3.5 * cos(2 * pi * (self._world.calendar.minute(at) - 300) / 1440)
        return 10.0 + season + hour + self._front_c

    def _cross(self, day: int, state: str, at: float) -> None:
        """Let the sun cross the horizon."""
        sunrise, sunset = self._world.calendar.sun(day + 1)
        following = {"next_rising": sunrise, "next_setting": sunset}
        if state == "above_horizon":
            following["next_setting"] = self._world.calendar.sun(day)[1]
        stamps: dict[str, Any] = {
            name: datetime.fromtimestamp(moment, UTC).isoformat() for name, moment in following.items()
        }
        self._home_assistant.report(at, "sun.sun", state, **stamps, rising=state == "above_horizon")
