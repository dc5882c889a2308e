"""Checks of Home Assistant's API and of what we take from it: time zone and areas."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from pydantic import ValidationError

from pipeline.doctor.finding import Finding, explain, ok, warning, wrong
from pipeline.runtime.clock import NOTICED_US, skew_words
from pipeline.settings import Settings
from pipeline.timing.clock import wall_us
from schemas.home import Home
from sinks.home_assistant import HomeAssistantError, HomeAssistantReader
from sinks.home_assistant.date_header import clock_us

CHECK = "Home Assistant"
CLOCK = "clock"
OLDEST, NEWEST = (2024, 3), (2026, 11)
UNCONFIRMED = "presses of its buttons cannot be confirmed and do not count"


async def check_home_assistant(settings: Settings) -> AsyncIterator[Finding]:
    """Ask Home Assistant where it is, if it is set up at all."""
    url, token = settings.home_assistant_url, settings.home_assistant_token
    if url is None or token is None:
        missing = "HA_AI_HOME_ASSISTANT_URL" if url is None else "HA_AI_HOME_ASSISTANT_TOKEN"
        if url is None and token is None:
            said = "time zone and position come from settings, areas are not known"
            yield ok(CHECK, f"not set up: {said}; {UNCONFIRMED}")
        else:
            said = f"only one of address and token is given, {missing} is not"
            yield wrong(CHECK, f"{said}: {UNCONFIRMED}", f"Set {missing}.")
        for finding in _settings_zone(settings):
            yield finding
        return
    reader = HomeAssistantReader(url, token.get_secret_value())
    try:
        known, release = await reader.configuration(), await reader.version()
        rooms = await reader.rooms()
    except HomeAssistantError as error:
        yield wrong(
            CHECK,
            str(error),
            "Is the address right, as seen from here? A token is made at the bottom of your profile in "
            "Home Assistant, under Security; that of an ordinary user is enough.",
        )
        return
    yield _release(f"{known['version']} answers at {url}", release)
    yield await _clock(url)
    yield _zone(settings, str(known["time_zone"]))
    yield _areas(rooms)


async def _clock(url: str) -> Finding:
    """Compare Home Assistant's clock with this machine's."""
    try:
        ahead_us = await asyncio.to_thread(clock_us, url) - wall_us()
    except HomeAssistantError as error:
        return ok(CLOCK, f"not compared: {error}")
    if abs(ahead_us) > NOTICED_US:
        return warning(
            CLOCK,
            skew_words(ahead_us),
            "Events are judged by this machine's clock, and habits are told in Home Assistant's time.",
        )
    return ok(CLOCK, "Home Assistant's clock and this machine's agree")


def _release(said: str, release: tuple[int, int]) -> Finding:
    if release < OLDEST:
        return warning(
            CHECK,
            f"{said}, older than all that ha-ai was tried with",
            f"Update it to {_named(OLDEST)} or newer.",
        )
    if release > NEWEST:
        return ok(CHECK, f"{said}, newer than {_named(NEWEST)}, the last that ha-ai was tried with")
    return ok(CHECK, said)


def _named(release: tuple[int, int]) -> str:
    year, month = release
    return f"{year}.{month}"


def _zone(settings: Settings, zone: str) -> Finding:
    if settings.home_file is not None:
        return _file_zone(settings.home_file, f", which comes before Home Assistant's {zone}")
    if "tz" in settings.model_fields_set and settings.tz != zone:
        return warning(
            "time zone",
            f"HA_AI_TZ is {settings.tz}, Home Assistant says {zone} and is believed",
            f"Set HA_AI_TZ={zone}, for times at which Home Assistant cannot be asked.",
        )
    if settings.tz != zone:
        return warning(
            "time zone",
            f"{zone}, as Home Assistant says; while it cannot be asked, {settings.tz}",
            f"Set HA_AI_TZ={zone}.",
        )
    return ok("time zone", f"{zone}, as Home Assistant says")


def _settings_zone(settings: Settings) -> list[Finding]:
    if settings.home_file is not None:
        return [_file_zone(settings.home_file)]
    if "tz" not in settings.model_fields_set:
        return [
            warning(
                "time zone",
                f"not set, so {settings.tz}: days would not end at your midnight",
                "Set HA_AI_TZ, such as HA_AI_TZ=Europe/Berlin, and HA_AI_LAT and HA_AI_LON for the sun.",
            )
        ]
    return [ok("time zone", settings.tz)]


def _file_zone(path: Path, precedence: str = "") -> Finding:
    try:
        return ok("time zone", f"{Home.read(path).tz}, from {path}{precedence}")
    except (OSError, ValidationError) as error:
        problem = "; ".join(explain(error)) if isinstance(error, ValidationError) else error.strerror
        return wrong(
            "time zone",
            f"{path} cannot be read: {problem}",
            "Let HA_AI_HOME_FILE name a home.json with tz, lat, lon and rooms, or unset it.",
        )


def _areas(rooms: dict[str, str]) -> Finding:
    if not rooms:
        return warning(
            "areas",
            "no entity stands in an area, so rooms play no part",
            "Give your devices areas in Home Assistant: what happens in one room belongs together.",
        )
    return ok("areas", f"{len(rooms):,} entities in {len(set(rooms.values()))} areas")
