"""Measurements: weather, daylight, temperatures of rooms, and the sun that Home Assistant reckons."""

from datetime import UTC, date, datetime
from functools import partial
from math import cos, pi, sin
from typing import Any

from pipeline.simulation.devices import VISITED_ROOMS, Device
from pipeline.simulation.instance import World

_WEATHER = "weather.forecast_home"
# Up to what clearness the sky is what; above it is sunny, or a clear night.
_SKIES = ((0.3, "rainy"), (0.5, "cloudy"), (0.7, "partlycloudy"))
_WEATHER_EVERY_MIN = 60
_TEMPERATURE_EVERY_MIN = 25
_ILLUMINANCE_EVERY_MIN = 12
_FRIDGE_CYCLE_S = 3100.0
_BASE_HUMIDITY = 52.0
_DRIES = 0.82
_NOON_LX = 45000.0
_CEILING_LX = 120.0


def sun_device() -> Device:
    """Return Home Assistant's own sun."""
    return Device("sun.sun", "", "below_horizon", "above_horizon", {"friendly_name": "Sun"}, local=True)


def weather_device() -> Device:
    """Return the weather service that every Home Assistant begins with."""
    fixed = {"temperature_unit": "°C", "friendly_name": "Forecast Home", "supported_features": 3}
    return Device(_WEATHER, "", "cloudy", "cloudy", fixed, local=True)


def usual_outdoor_c(on: date, lat: float) -> float:
    """Return a temperate climate's usual temperature on a day: lowest in mid January, or in mid July."""
    cooling = 9.5 if lat >= 0 else -9.5
    return 10.0 - cooling * cos(2 * pi * (on.timetuple().tm_yday - 15) / 365.25)


class Sensors:
    """Report readings at intervals; Home Assistant shows only those that differ from the last."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._home_assistant = world.home_assistant
        self._rng = world.rng("sensors")
        self._front_c = 0.0
        self._clearness = 0.6
        self._steam = 0.0
        self._strange: dict[str, tuple[float, float, float]] = {}
        self._rooms_c = dict.fromkeys(VISITED_ROOMS, 20.5)

    def plan(self, day: int) -> None:
        """Plan a day's readings and the sun's two crossings."""
        calendar, agenda = self._world.calendar, self._world.agenda
        self._front_c = 0.7 * self._front_c + self._rng.gauss(0, 1.8)
        self._clearness = self._rng.uniform(0.2, 0.9)
        for moment, state in zip(calendar.sun(day), ("above_horizon", "below_horizon"), strict=True):
            agenda.at(moment, partial(self._cross, day, state))
        begin, end = calendar.moment(day, 0), calendar.moment(day + 1, 0)
        for every_min, read in (
            (_WEATHER_EVERY_MIN, self._read_weather),
            (_TEMPERATURE_EVERY_MIN, self._read_temperatures),
            (_ILLUMINANCE_EVERY_MIN, self._read_illuminance),
        ):
            for number in range(int((end - begin) / 60 / every_min)):
                agenda.at(begin + 60 * (number * every_min + self._rng.uniform(0, 3)), read)

    def disturb(self, entity_id: str, begin: float, until: float, off: float) -> None:
        """Let a sensor read that much more than what is, for a while."""
        self._strange[entity_id] = (begin, until, off)

    def _read_temperatures(self, at: float) -> None:
        outdoor = self._outdoor_c(at)
        self._report(at, "sensor.outdoor_temperature", outdoor + self._rng.gauss(0, 0.1))
        wanted = 20.8 if 360 < self._world.calendar.minute(at) < 1320 else 18.6
        for number, room in enumerate(VISITED_ROOMS):
            drift = 0.06 * (wanted - self._rooms_c[room]) + 0.002 * (outdoor - self._rooms_c[room])
            self._rooms_c[room] += drift + self._rng.gauss(0, 0.04)
            reading = partial(self._report, entity_id=f"sensor.{room}_temperature", value=self._rooms_c[room])
            self._world.agenda.at(at + 7 * number, reading)
        cycle = 0.5 * sin(2 * pi * at / _FRIDGE_CYCLE_S) + self._rng.gauss(0, 0.1)
        self._report(at, "sensor.fridge_temperature", 4.0 + cycle)
        # Somebody in the bathroom's light may be having a shower.
        steams = self._world.home_assistant.state("light.bathroom_mirror") == "on"
        self._steam = _DRIES * self._steam + (self._rng.uniform(8, 18) if steams else 0.0)
        self._report(at, "sensor.bathroom_humidity", _BASE_HUMIDITY + self._steam, digits=0)

    def _read_illuminance(self, at: float) -> None:
        day = self._world.calendar.day(at)
        sunrise, sunset = self._world.calendar.sun(day)
        height = sin(pi * (at - sunrise) / (sunset - sunrise)) if sunrise < at < sunset else 0.0
        outdoor = _NOON_LX * height * self._clearness * self._rng.uniform(0.8, 1.1)
        self._report(at, "sensor.outdoor_illuminance", outdoor, digits=0)
        lamp = _CEILING_LX if self._home_assistant.state("light.living_room_ceiling") == "on" else 0.0
        self._report(at, "sensor.living_room_illuminance", outdoor * 0.03 + lamp, digits=0)

    def _read_weather(self, at: float) -> None:
        """Tell what a service tells: the sky, and its own idea of the temperature."""
        dark = self._world.calendar.is_dark(at)
        clear = "clear-night" if dark else "sunny"
        clearness = self._clearness + self._rng.uniform(-0.1, 0.1)
        sky = next((sky for limit, sky in _SKIES if clearness < limit), clear)
        told_c = round(self._outdoor_c(at) + self._rng.gauss(0, 0.8), 1)
        self._home_assistant.report(at, _WEATHER, sky, temperature=told_c)

    def _report(self, at: float, entity_id: str, value: float, digits: int = 1) -> None:
        begin, until, off = self._strange.get(entity_id, (0.0, 0.0, 0.0))
        shown = value + (off if begin <= at < until else 0.0)
        self._home_assistant.report(at, entity_id, f"{shown:.{digits}f}")

    def _outdoor_c(self, at: float) -> float:
        """Return the temperature outside: coldest before dawn, and warmer or colder for days."""
        on = self._world.calendar.date(self._world.calendar.day(at))
        hour = -3.5 * cos(2 * pi * (self._world.calendar.minute(at) - 300) / 1440)
        return usual_outdoor_c(on, self._world.calendar.lat) + hour + self._front_c

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
